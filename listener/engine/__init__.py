"""Who does what, when: the named loops of a listener.

::

    doorbell    LISTEN and the idle lock: when to look
    claims      rows that are due → workflows
    cancels     workflows of cancelled requests → stopped
    queries     texts of searches → vectors
    heartbeat   a sign of life, and who may judge others
    recovery    what dead listeners left → goes on; what went wrong at home → put right; what was replaced → purged
"""
