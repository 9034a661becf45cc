"""One listener of several processes: ``ingest listen --processes``, since an interpreter uses one core.

::

    supervisor         starts them, restarts what dies, stops all; has the port of /metrics, imports no driver
    listening_process  what the supervisor knows of one: whether it is ready, how it ended, its figures
    child              the program of one: a listener that reports to its supervisor instead of to systemd
    cores              how many processes --processes auto means

Supervisor and child have a socket between them, on which each message is a line of JSON: ``{"ready": status}``,
``{"problem": {code, message, hint, status}}``, ``{"figures": page}``, and ``figures`` asks for them. Its end tells
a child that the supervisor is gone, however it ended: then it stops as on SIGTERM.
"""
