"""What happens to documents: two durable workflows, and the steps that carry batches through the states.

::

    workflows    ingest_request, ingest_batch: the ids, the order of the steps, how a request ends
    batch        the steps of one batch, by its only writer;  sharing: small requests that go through them together
    discover     source      → manifest, cut into batches
    load         discovered  → loaded     bytes fetched, compared with what is live, parsed to text
    chunk        loaded      → chunked    boundaries into the text
    embed        chunked     → embedded   vectors; only texts that the space does not have are sent
    save         embedded    → published  pointers moved, one transaction
    gateway      every statement of these, and the rows that cross

A step advances every revision of its batch that is in the state before it, so it may be repeated without harm, and
what was done is not done again. Only ``workflows``, ``checkpoints`` and ``rewinding`` know DBOS.
"""
