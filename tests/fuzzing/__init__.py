"""What meets foreign input, tried with inputs made by Hypothesis: one set of inputs and properties for all who try.

``tests/property/test_fuzzing.py`` does a little of it each time, always the same; ``python -m benchmarks fuzz`` goes on
as long as it is told, each time elsewhere. What has to hold, everywhere: no crash, no hang, no ``internal``; every
refusal has a code that ``docs/errors.md`` explains. What has to hold besides stands with each target::

    rows         what is inserted into ingest_requests, by the owner and a submitter, until a listener has ended it
    functions    collections, searches, forks, control and rights, called by several roles
    patterns     include, exclude and globs, beside a plain definition
    paths        sources as SQL, Python and the file system understand them
    addresses    URLs of databases and embedding services: no password is shown
    documents    bytes of all kinds, through the processes that parse
    records      JSON Lines and CSV
    answers      what an embedding service says
    commands     the command line

``targets`` says what a target is, ``exploring`` tries one, ``python -m fuzzing`` does that in a process of its own.
"""
