"""Everything that is about Postgres itself: the only room that knows how it is reached, made, lost and understood.

::

    dsn           where Postgres is: what a URL says (address), and the parameters for each driver (reaching)
    connections   connections and pools, with what our statements rely on (session_settings)
    migrations    our SQL objects → a schema;  removal: the inverse
    outages       it goes away and comes back: what that looks like, and waiting for it
    translation   what it refuses, as errors of ours
"""
