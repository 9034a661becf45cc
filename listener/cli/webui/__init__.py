"""The pages of ``ingest ui``: thin readers of the SQL that is there, rendered here, kept up to date over a WebSocket.

::

    site        the application: routes, files, errors          guard      hosts, origins, forms, what pages may load
    page        what a page is: path, template, reader          rendering  templates → HTML, and regions that are live
    live        when there is something new to see              looks      one rendering for all who look at the same
    socket      new regions to an open page                     verbs      what forms ask for
    charts      figures as SVG                                  pages/     one module a page
    page_turns  a few of a kind at a time                       forms      what forms bring, and have in common
    exchange    HTTP ↔ addresses and renderings

    browser ── GET /requests ──► looks ─► page.read(ingest) ─► template ─► HTML
            ◄─ WebSocket, same path ── live: bell, or time ─► looks ─► regions that differ from those sent before

No page holds a connection to Postgres: one for all hears notifications, and a few read.
"""
