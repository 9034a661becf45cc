"""``python -m listener`` is ``ingest``."""

from listener.cli import main

if __name__ == "__main__":
    main()
