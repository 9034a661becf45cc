"""Names with their schemas: no statement of ours is looked up along a search path, where others may lie in wait.

SQL, here and in ``sql/``, is written for the schemas ``ingest`` (ours), ``vectors`` (pgvector's) and ``dbos``. What
they are called in an installation is put in before it is sent::

    select ingest.ingest_now()       ─►  select "docs".ingest_now()
    a operator(vectors.<=>) b        ─►  a operator("public".<=>) b
    'ingest:{schema}:idle'           ─►  'ingest:docs:idle'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from listener.settings import check_schema_name

PATH = "pg_catalog, pg_temp"
"""The search path of every function and session of ours."""

_SCHEMA = re.compile(r"\b(ingest(?=\.ingest_)|vectors(?=\.[a-z<])|dbos(?=\.[a-z]))\.|\{schema\}")


@dataclass(frozen=True, slots=True)
class Names:
    """What the schemas of an installation are called."""

    schema: str
    vector_schema: str
    dbos_schema: str = "dbos"

    def written(self, text: str) -> str:
        """Return SQL with the schemas' names in it."""
        return _written(self, text)


def bare(text: str) -> str:
    """Return SQL without schemas, as former releases wrote it: a migration's checksum is that of this."""
    return _SCHEMA.sub("", text)


def quoted(name: str) -> str:
    """Return a schema's name as SQL has it; raises OperatorError ``bad_schema_name``."""
    check_schema_name(name)
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=1024)
def _written(names: Names, text: str) -> str:
    schemas = {
        "ingest": quoted(names.schema),
        "vectors": quoted(names.vector_schema),
        "dbos": quoted(names.dbos_schema),
    }
    return _SCHEMA.sub(lambda found: f"{schemas[found[1]]}." if found[1] else names.schema, text)
