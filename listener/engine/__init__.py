"""Who does what, when: the named loops of a listener. ``service`` starts and stops them, in an order written there.

::

    claims      due requests → workflows; sleeps behind the doorbell (LISTEN and the idle lock) when there are none
    circuits    services that are away → probed; what waits for them → continues
    cancels     workflows of cancelled requests → stopped
    queries     texts of searches → vectors
    deadlines   what runs too long → cancelled
    takeover    work of dead listeners → continues
    repair      what stopped half-way → continues, is put back, or ends
    purge       what was replaced → deleted
    backfill    what rows of a former release lack → filled in
    heartbeat   a sign of life, and who may judge others
    embedded_server   the embedded Postgres, if there is one → runs

    loop        what all of them are;  endings: why one ends its listener
    engine_rows  what they take from our tables;  circuit_rows: of services;  workflow_rows: from DBOS's
    outage_log  what is logged of a service that is away;  prober: asks one;  start_check: all, at the start
    durable     DBOS, launched and ended
"""
