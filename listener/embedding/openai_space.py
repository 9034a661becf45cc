"""Which OpenAI-compatible service, model and key the settings mean.

A key is for one endpoint: no table can have it sent elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from listener.embedding.embedder import Space
from listener.errors import SettingsError
from listener.settings import OPENAI

if TYPE_CHECKING:
    from listener.settings import Settings

MODEL = "text-embedding-3-small"
DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
SHORTENED = ("text-embedding-3-",)  # the names of models that make shorter vectors begin so


def space(settings: Settings) -> Space:
    """Return the space that the settings mean: their base URL, model and dimensions.

    Raises SettingsError ``bad_endpoint``, ``api_key_missing``, ``dimensions_unknown`` or ``wrong_dimensions``.
    """
    model = settings.embedding_model or MODEL
    dimensions = settings.embedding_dimensions or DIMENSIONS.get(model)
    endpoint = normalized(settings.openai_base_url)
    if dimensions is None:
        raise SettingsError(
            "dimensions_unknown",
            f"the number of dimensions of {model!r} have is not known",
            "Set INGEST_EMBEDDING_DIMENSIONS; the model's page says how many.",
        )
    found = Space("openai", endpoint, model, dimensions)
    check_dimensions(found)
    key_of(settings, endpoint)
    return found


def normalized(url: str) -> str:
    """Return a base URL as spaces hold it: no slash at the end, no default port, no password. Empty: OpenAI's own.

    Raises SettingsError ``bad_endpoint``.
    """
    if not url:
        return OPENAI
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:
        raise _bad_endpoint("it is not a URL") from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise _bad_endpoint("it must begin with http:// or https:// and a host")
    if "@" in url:  # in the path too: that is where a password with a / in it gets
        raise _bad_endpoint(
            "it contains a user or password (write an @ in a path as %40), and endpoints are stored in a table"
        )
    if parts.query or parts.fragment:
        raise _bad_endpoint("it contains a ? or #, and endpoints are stored in a table")
    default = {"http": 80, "https": 443}[parts.scheme.lower()]
    shown = f"[{host}]" if ":" in host else host
    colon_port = f":{port}" if port and port != default else ""
    return f"{parts.scheme.lower()}://{shown}{colon_port}{parts.path.rstrip('/')}"


def _bad_endpoint(why: str) -> SettingsError:
    """The URL itself stays out of it: it may hold a secret."""
    return SettingsError(
        "bad_endpoint",
        f"the base URL of the embedding service can't be used: {why}",
        f"Like {OPENAI}; see OPENAI_BASE_URL.",
    )


def key_of(settings: Settings, endpoint: str) -> str | None:
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
    if key is None and urlsplit(endpoint).hostname == urlsplit(OPENAI).hostname:
        raise SettingsError("api_key_missing", f"{endpoint} needs a key", "Set OPENAI_API_KEY.")
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError(
            "api_key_refused", "the key contains invalid characters", "Set OPENAI_API_KEY to the key alone."
        )
    return key


def check_dimensions(wanted: Space) -> None:
    most = DIMENSIONS.get(wanted.model)
    if most is None or wanted.dimensions == most:
        return
    if wanted.dimensions > most or not wanted.model.startswith(SHORTENED):
        raise SettingsError(
            "wrong_dimensions",
            f"{wanted.model} has no vectors of {wanted.dimensions} dimensions",
            f"Use {most}" + (", or fewer." if wanted.model.startswith(SHORTENED) else "."),
        )
