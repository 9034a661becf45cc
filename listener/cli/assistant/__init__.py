"""What ``ingest mcp`` offers to assistants over the Model Context Protocol: tools, and documents as resources.

::

    assistant_server  on stdin and stdout          lasting    the connection to Postgres, which may be lost meanwhile
    offer      what a tool is, and its answer      lookups    the tools search, context
    leafing    the tool document                   surveys    the tools collections, status
    orders     the tools add, watch                catalogue  documents as resources

Thin readers of ``listener.client``: what the role may do, the database says. Texts of documents are others' words. Each
passage is a separate content item, so that none can pose as another, or as our own words.
"""
