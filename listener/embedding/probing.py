"""Ask whether a service embeds at all: one harmless text, which says whether work that failed is itself at fault."""

from __future__ import annotations

from listener.embedding.embedder import Embedder, TextsRefused

HARMLESS = "Is this text refused?"


async def probe(embedder: Embedder) -> None:
    """Send an embedder's service a harmless text, in one call if the embedder has its own ``probe``.

    Raises ServiceError if the service does not answer, SettingsError if it can't work as things are set.
    """
    once = getattr(embedder, "probe", None)
    try:
        await (once() if once else embedder.embed([HARMLESS]))
    except TextsRefused:
        return  # it answers


def recovered(embedder: Embedder) -> None:
    """Tell an embedder that its service answers again, if it wants to know."""
    if tell := getattr(embedder, "recovered", None):
        tell()
