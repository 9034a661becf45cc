"""What can go wrong with a page, each with its code: as errors of a document, unless it is the server's absence."""

from __future__ import annotations

from listener.errors import DocumentError, IngestError, RequestError, ServiceError
from listener.logs.visible import on_one_line

MOST_SHOWN = 300

GONE = frozenset({404, 410})
FORBIDDEN = frozenset({401, 402, 403, 407, 451})
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


def shown(url: str) -> str:
    """Return a URL as messages have it."""
    return on_one_line(url)[:MOST_SHOWN]


def outside_roots(url: str, through: str | None = None) -> DocumentError:
    """Return the error of a URL below no root; ``through``: the URL that redirected there."""
    message = f"{shown(url)} is below no root of this listener"
    if through is not None:
        message = f"{shown(through)} redirects to {shown(url)}, which is below no root of this listener"
    return DocumentError("outside_roots", message, "add it to INGEST_ROOTS, or give the page's present URL")


def private_address(host: str, addresses: str) -> DocumentError:
    """Return the error of a host that may not be connected."""
    message = f"{shown(host)} has no public address ({addresses}), and no root names this host"
    hint = f"if you mean it, add it to INGEST_ROOTS as spelt in the source, like http://{shown(host)}:8000/"
    return DocumentError("private_address", message, hint)


def of_status(url: str, status: int) -> DocumentError:
    """Return the error for an unsuccessful answer."""
    if status in GONE:
        return DocumentError("not_found", f"{shown(url)} is not there: status {status}", "check the URL in a browser")
    if status in FORBIDDEN:
        hint = "set INGEST_HTTP_HEADERS to what lets the listener in, or skip it with 'exclude'"
        return DocumentError("unreadable", f"the server does not show {shown(url)}: status {status}", hint)
    message = f"{shown(url)} can't be fetched: status {status}"
    return DocumentError("http_status", message, "ask the server's operator, or skip it with 'exclude'")


def bad_answer(url: str, why: str) -> DocumentError:
    """Return the error of an answer that can't be read."""
    hint = "ask the server's operator, or skip it with 'exclude'"
    return DocumentError("bad_answer", f"the answer of {shown(url)} can't be read: {why}", hint)


def too_many_redirects(url: str, most: int) -> DocumentError:
    """Return the error of a page that leads on and on."""
    message = f"{shown(url)} redirects more than {most} times, or in a loop"
    return DocumentError("too_many_redirects", message, "give the final URL, or skip it")


def unavailable(url: str, why: str, wish: float | None = None) -> ServiceError:
    """Return the error of a server that did not answer."""
    hint = "is the server running, and can this host reach it (network, HTTPS_PROXY)? Trying again may help"
    return ServiceError("server_unavailable", f"{shown(url)} can't be fetched: {why}", hint, wish)


def timeout(url: str, seconds: float) -> ServiceError:
    """Return the error of an answer that did not end in time."""
    message = f"{shown(url)} gave no complete answer within {seconds:g} seconds"
    return ServiceError("server_timeout", message, "trying again may help; or raise INGEST_HTTP_TIMEOUT_SECONDS")


def no_certificate(url: str, why: str) -> DocumentError:
    """Return the error of a server whose certificate is not trusted."""
    hint = "set SSL_CERT_FILE to the file with your authority's certificate"
    return DocumentError("certificate_refused", f"the certificate of {shown(url)} is not trusted: {why}", hint)


def disallowed(url: str) -> DocumentError:
    """Return the error of a page that robots.txt keeps for itself."""
    hint = "give another URL; a single page or file can be read without 'crawl'"
    return DocumentError("robots_disallow", f"robots.txt of its host disallows {shown(url)} to crawlers", hint)


def cut_off(what: str, hint: str) -> RequestError:
    """Return the note of a look that left out what lies beyond a limit."""
    return RequestError("cut_off", what, hint)


def as_request_error(error: IngestError) -> RequestError:
    """Return an error as one of the whole request."""
    return RequestError(error.code, error.message, error.hint)
