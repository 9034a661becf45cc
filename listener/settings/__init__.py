"""Settings, read once from the environment (``INGEST_…``) and passed down; nothing reads the environment later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from listener.errors import OperatorError
from listener.settings.numbers import Age, Processes, Seconds
from listener.settings.roots import folders_among, parse_roots, urls_among

MEBIBYTE = 1024 * 1024
MOST_OF_ANYTHING = 1e9
SECRET = (
    *("INGEST_DATABASE_URL", "INGEST_POOLER_URL", "INGEST_MAINTENANCE_URL"),
    *("INGEST_ROOTS", "INGEST_HTTP_HEADERS"),
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "INGEST_RERANKER_URL", "INGEST_RERANKER_KEY"),
    *("INGEST_CONTEXTUAL_URL", "INGEST_CONTEXTUAL_KEY"),
)
"""Variables whose values are not repeated in errors; of roots, what may be a secret in them."""
OPENAI = "https://api.openai.com/v1"


MOST_BYTES_OF_A_NAME = 63  # Postgres cuts longer ones
_UNFIT = re.compile(r"['\\%\x00-\x1f\x7f\ud800-\udfff]|\$\$|^\s*$")


class Settings(BaseSettings):
    """What an operator can set. Each field is the variable ``INGEST_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="INGEST_", extra="ignore", frozen=True)

    database_url: str | None = Field(None, description="The Postgres to use; without it, the embedded one.")
    pooler_url: str | None = Field(
        None, description="The same database through a pooler in transaction mode, for DBOS's part of the connections."
    )
    maintenance_url: str | None = Field(
        None,
        description="The same database as its owner, to build indexes; without it, listeners do if their role may.",
    )
    schema_: str = Field("public", alias="INGEST_SCHEMA", description="The schema that holds all ingest_ objects.")
    dbos_schema: str | None = Field(
        None, description="DBOS's own schema; by default dbos for public, <schema>_dbos otherwise."
    )
    data_dir: Path | None = Field(
        None, description="The embedded Postgres's folder; by default in the user's data folder."
    )

    processes: Processes = Field(
        1, description="Processes of a listener, to use more cores: a number, or auto: one per core, at most 4."
    )
    concurrency: int = Field(
        16, ge=1, le=1000, description="Requests that one listener runs at a time; more only while none of them ends."
    )
    batch_concurrency: int = Field(
        4,
        ge=1,
        le=64,
        description="Batches of larger requests that one listener runs at a time; if it is not set, more while"
        " resources are free.",
    )
    memory_mb: int = Field(1024, ge=64, description="Memory for all documents in flight in the listener.")
    parse_workers: int = Field(2, ge=1, le=256, description="Processes that parse documents.")
    parse_timeout_seconds: float = Field(60.0, gt=0, description="Longest time that parsing one document may take.")
    parse_memory_mb: int = Field(1024, ge=128, description="Most memory that a parsing process may use.")
    step_workers: int = Field(4, ge=1, le=256, description="Processes for each own step that uses the network.")
    step_timeout_seconds: float = Field(120.0, gt=0, description="Longest time that one call of an own step may take.")
    ocr: str | None = Field(
        None,
        pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$",
        description="Languages of scanned documents, like eng+deu; none: no OCR.",
    )

    roots: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Folders and URL prefixes that may be read: one per line, or a JSON list."
    )
    file_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders that may be read besides those in INGEST_ROOTS, separated by ':'."
    )
    http_headers: SecretStr | None = Field(
        None, description="Headers to send, by URL prefix, as JSON: for authentication, for instance."
    )
    http_timeout_seconds: float = Field(
        60.0, gt=0, description="Longest time that one answer of a web server may take."
    )
    http_patience: Seconds = Field(
        "2m", validate_default=True, ge=0, description="How long one page is retried, like 30s or 2m."
    )
    http_requests_per_second: float = Field(10.0, gt=0, description="Most requests per second to one web server.")
    max_document_bytes: int = Field(64 * MEBIBYTE, ge=1, description="Larger documents are refused.")
    archive_bytes: int = Field(
        2048 * MEBIBYTE,
        ge=1,
        description="Most bytes of an archive, compressed and uncompressed, and of copies of archives on disk.",
    )
    archive_members: int = Field(200_000, ge=1, description="Most members of an archive.")
    batch_documents: int = Field(256, ge=1, le=10_000, description="Most documents in a batch.")
    batch_records: int = Field(512, ge=1, le=10_000, description="Most records in a batch.")
    batch_bytes: int = Field(4 * MEBIBYTE, ge=1, description="Most bytes in a batch of more than one document.")

    embedder: str = Field("local", description="Embedder of a new collection.")
    embedding_model: str | None = Field(None, description="Model of a new collection; by default the embedder's own.")
    embedding_dimensions: int | None = Field(
        None, ge=1, le=16_000, description="Dimensions of a new collection's vectors."
    )
    embed_attempts: int = Field(
        5, ge=1, description="Attempts of a batch on which its service fails although it is up."
    )
    embed_backoff: float = Field(2.0, ge=1, description="Factor between the waits of these attempts.")
    embed_interval_seconds: float = Field(1.0, gt=0, description="The first of these waits.")
    service_patience: Seconds = Field(
        "6h",
        validate_default=True,
        ge=0,
        description="How long work waits for a service that is away, like 90s, 45m or 6h.",
    )
    openai_api_key: SecretStr | None = Field(
        None, alias="OPENAI_API_KEY", description="Key of the embedding service; sent to OPENAI_BASE_URL only."
    )
    openai_base_url: str = Field(
        OPENAI, alias="OPENAI_BASE_URL", description="Base URL of an OpenAI-compatible embeddings API."
    )
    embedding_calls: int = Field(8, ge=1, le=256, description="Most calls of the embedding service in flight.")
    embedding_call_texts: int = Field(256, ge=1, le=2048, description="Most texts in one of these calls.")
    embedding_timeout_seconds: float = Field(60.0, gt=0, description="Longest time that such a call may take.")
    price_per_million_tokens: Decimal | None = Field(
        None, ge=0, le=10**9, description="What a million tokens of the embedding model cost, for plans and caps."
    )
    query_cache: int = Field(10_000, ge=1, description="Vectors of queries to keep.")

    neural_device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|xpu|cuda(:[0-9]{1,3})?)$",
        description="Where models of neural run: auto, cpu, cuda, cuda:1.",
    )
    neural_threads: int | None = Field(
        None, ge=1, le=1024, description="Threads of such a model on the CPU; by default one per core."
    )
    contextual_url: str | None = Field(
        None, description="Base URL of the chat API of the own step contextual; by default OPENAI_BASE_URL."
    )
    contextual_key: SecretStr | None = Field(None, description="Key of that API; sent to INGEST_CONTEXTUAL_URL only.")
    reranker: Literal["off", "neural", "http"] = Field("off", description="What scores texts for ingest_rerank.")
    reranker_model: str | None = Field(None, description="Its model: a cross-encoder's name or path, or a service's.")
    reranker_url: str | None = Field(None, description="Where a service takes texts to score, like http://host/rerank.")
    reranker_key: SecretStr | None = Field(None, description="Key of that service; sent to INGEST_RERANKER_URL only.")

    poll_only: bool = Field(
        False, description="Do not LISTEN, look every poll_seconds (where notifications do not arrive)."
    )
    poll_seconds: float = Field(1.0, gt=0, description="How often a poll-only listener looks.")
    safety_poll_seconds: float = Field(15.0, gt=0, description="How often a listener looks without a notification.")
    heartbeat_seconds: float = Field(2.0, gt=0, description="Time between a listener's heartbeats.")
    max_attempts: int = Field(
        3, ge=1, description="Listeners that may die over the same work before its documents are tried one by one."
    )
    lease_seconds: float = Field(10.0, gt=0, description="How long a listener counts as alive after a heartbeat.")
    grace_seconds: float = Field(30.0, ge=0, description="How long a stopping listener waits for running work.")
    retention_hours: float = Field(24.0, ge=0, description="How long replaced chunks are kept before they are purged.")
    retention_requests: Age = Field(
        None, gt=0, description="How long finished requests are kept, like 90d; by default until you delete them."
    )
    retention_commands: Age = Field(
        None, gt=0, description="How long carried-out commands are kept, like 90d; by default for ever."
    )
    retention_workflows: Age = Field(
        "30d", validate_default=True, gt=0, description="How long DBOS keeps its rows of finished requests, like 7d."
    )
    maintenance_memory_mb: int = Field(
        1024, ge=64, description="Memory that Postgres may use to build an index, all processes together."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="What is logged.")
    log_format: Literal["text", "json"] = Field("text", description="Format of the listener's log.")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port of /metrics, for Prometheus; without it nothing is served."
    )
    metrics_host: str = Field("127.0.0.1", description="Address of /metrics; 0.0.0.0: every interface.")
    tracing: Literal["off", "opik"] = Field("off", description="Where traces of what the listener does are sent.")

    @property
    def schema_of_dbos(self) -> str:
        """What DBOS's schema is called in this installation."""
        return self.dbos_schema or ("dbos" if self.schema_ == "public" else f"{self.schema_}_dbos")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that local sources may lie in."""
        return (*folders_among(self.roots), *self.file_roots)

    def url_roots(self, scheme: str) -> tuple[str, ...]:
        """Return the roots with a scheme."""
        return urls_among(self.roots, scheme)

    @field_validator("*")
    @classmethod
    def _countable(cls, value: object) -> object:
        """Refuse what is larger than Postgres can count in: one time too long stopped what waits for services."""
        if isinstance(value, float) and not value <= MOST_OF_ANYTHING:
            raise ValueError(f"must be at most {MOST_OF_ANYTHING:.0f}, which are 30 years of seconds")
        return value

    @field_validator("roots", mode="before")
    @classmethod
    def _read_roots(cls, value: object) -> object:
        return parse_roots(value) if isinstance(value, str) else value

    @field_validator("file_roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        return tuple(Path(part) for part in value.split(":") if part) if isinstance(value, str) else value

    @field_validator(
        *(
            "openai_api_key",
            "openai_base_url",
            "http_headers",
            "maintenance_url",
            "pooler_url",
            "metrics_port",
            "metrics_host",
        ),
        *("reranker_model", "reranker_url", "reranker_key", "contextual_url", "contextual_key"),
        mode="before",
    )
    @classmethod
    def _unset_if_empty(cls, value: object, about: ValidationInfo) -> object:
        """Take an empty variable as one that is not set: compose files pass those on."""
        if isinstance(value, str):
            value = value.strip() or cls.model_fields[about.field_name or ""].default
        return value


def load() -> Settings:
    """Read the settings from the environment; raises OperatorError ``wrong_setting`` or ``bad_schema_name``."""
    try:
        return with_schema(Settings())
    except ValidationError as error:
        first = error.errors()[0]
        name = variable(str(first["loc"][0]))
        value = "" if name in SECRET else f"={first['input']!s}"
        hint = "See: ingest doctor --settings"
        said = first["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
        raise OperatorError("wrong_setting", f"{name}{value}: {said}", hint) from None


def misspelt(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return environment variables that nothing reads, each with the one that was probably meant."""
    known = {variable(field.alias or name) for name, field in Settings.model_fields.items()}
    unknown = sorted(name for name in names if name.startswith("INGEST_") and name not in known)
    likely = ((name, get_close_matches(name, known, n=1, cutoff=0.85)) for name in unknown)
    return [(name, meant[0]) for name, meant in likely if meant]


def with_schema(settings: Settings, schema: str | None = None) -> Settings:
    """Return settings, for another ``schema`` if one is given; raises OperatorError ``bad_schema_name``."""
    if schema is not None:
        settings = settings.model_copy(update={"schema_": schema})
    for name in (settings.schema_, settings.schema_of_dbos):
        check_schema_name(name)
        if name.startswith("pg_") or name == "information_schema":  # Postgres's own: no dump has what is in them
            raise _bad_schema_name(name)
    return settings


def check_schema_name(name: str) -> None:
    """Raise OperatorError ``bad_schema_name`` for a name that can't be used everywhere in a function's source."""
    if _UNFIT.search(name) or len(name.encode(errors="replace")) > MOST_BYTES_OF_A_NAME:
        raise _bad_schema_name(name)


def _bad_schema_name(name: str) -> OperatorError:
    return OperatorError(
        "bad_schema_name",
        f"a schema can't be named {name!r}",
        "It has at most 63 bytes (with _dbos behind it, unless INGEST_DBOS_SCHEMA is set), does not begin with pg_, is"
        " not information_schema, and has no apostrophes, backslashes, %, $$ and control characters in it.",
    )


def variable(field: str) -> str:
    """Return the environment variable of a field of Settings, or of its alias."""
    return field if field.isupper() else f"INGEST_{field.upper()}"
