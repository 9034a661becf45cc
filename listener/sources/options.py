"""What a request may ask for besides its source: the JSON object in ``ingest_requests.options``, as a typed value.

SQL refuses what is wrong when a row is inserted (``ingest_check_options``), and ``ingest_options()`` lists the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from listener.errors import RequestError

MOST_PAGES = 100_000  # of a crawl
LONGEST = 1_000_000  # characters of all options; these are parsed on the event loop, in some milliseconds


def _patterns(value: Any) -> Any:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list | tuple) or not all(isinstance(one, str) and one for one in patterns):
        raise ValueError("must be a pattern or a list of patterns")
    return tuple(patterns)


Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns)]


class CrawlOptions(BaseModel):
    """How far a crawl goes: links from its first page, and URLs that are looked at, all together."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    depth: int = Field(5, ge=0, le=100)
    pages: int = Field(500, ge=1, le=MOST_PAGES)


class RequestOptions(BaseModel):
    """The options of one request.

    ``include``, ``exclude``   globs of the files in a folder to take and to leave out
    ``max_bytes``              a lower limit of a document's size, in bytes
    ``force``                  ingest again what did not change
    ``publish``                ``document``: each batch goes live when it is ready; ``request``: all at once at the end
    ``mirror``                 delete what came from this source and is there no more
    ``most_gone``              the share of that which may go at once
    ``crawl``                  follow links from the source's page, below its folder, so far and no farther
    ``record``                 which fields of a record are what, see ``sources.records.spec``
    ``timeout_seconds``        the request is cancelled when it has run this long
    ``batch_documents``        most documents in a batch; 1: each document has a workflow of its own
    ``plan``                   say what it would do and cost, and do nothing of it
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer schema may know more keys than this program

    include: Patterns = ()
    exclude: Patterns = ()
    max_bytes: int | None = None
    force: bool = False
    publish: Literal["document", "request"] = "document"
    mirror: bool = False
    most_gone: float = Field(0.5, gt=0, le=1)
    crawl: CrawlOptions | None = None
    record: Mapping[str, Any] | None = None
    timeout_seconds: float | None = None
    batch_documents: int | None = Field(None, ge=1)
    plan: bool = False

    @classmethod
    def read(cls, options: str) -> RequestOptions:
        """Return the options in a JSON text; raises RequestError ``invalid_option``."""
        if len(options) > LONGEST:  # of a row of a former release: SQL refuses them today
            message = f"the options have {len(options)} characters, {LONGEST} are allowed"
            raise RequestError("invalid_option", message, "See select * from ingest_options().")
        try:
            return cls.model_validate_json(options)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"])) or "options"
            message = f"'{name}' {first['msg'].removeprefix('Value error, ')}"
            raise RequestError("invalid_option", message, "See select * from ingest_options().") from None
