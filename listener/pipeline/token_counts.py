"""How many tokens texts take: counted by the embedder where it can, otherwise estimated."""

from __future__ import annotations

from collections.abc import Sequence

from listener.embedding import Embedder
from listener.pipeline.tools import Tools

BYTES_OF_A_TOKEN = 3
"""Of UTF-8. The local tokenizer (32,000 tokens) makes 2.7 to 3.4 of our pages, code and letters; larger ones more."""

OWN_TOKENS = 2  # that a model may add to a text, as marks of its begin and end


async def token_counts(tools: Tools, embedder: Embedder | None, texts: Sequence[str]) -> tuple[Sequence[int], bool]:
    """Return how many tokens each text would take, and whether that is an estimate: the embedder can't count them."""
    if count := getattr(embedder, "count_tokens", None):
        return await count(texts), False
    return await tools.in_thread(_estimated, texts), True


async def most_tokens(tools: Tools, embedder: Embedder | None, texts: Sequence[str]) -> Sequence[int]:
    """Return what to reserve for each text: its tokens, or where they are estimated, a quarter more."""
    counts, are_estimates = await token_counts(tools, embedder, texts)
    return [count + -(-count // 4) + OWN_TOKENS for count in counts] if are_estimates else counts


def _estimated(texts: Sequence[str]) -> list[int]:
    return [-(-len(text.encode("utf-8", "replace")) // BYTES_OF_A_TOKEN) for text in texts]
