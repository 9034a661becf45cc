"""Objects in buckets: ``s3://``, ``gs://``, ``az://``, below the roots of the settings: ``docs/source-objects.md``.

::

    object_urls       s3://bucket/a%20b.md ↔ bucket and key
    providers         a bucket's client: endpoint, whose credentials ◄─ aws_profiles
    object_listing    keys in order, page by page ◄─ signed_listing: if a name is one that the client rejects
    bodies            one object, or pieces of it
    object_errors     what a service said → code, message, hint
    buckets           what can be done with one, by name
    root_prefixes     what may be read
    chosen            what a request wants of it
    object_source     the Source
"""
