"""What runs in the process of a model: torch is imported here, the model loaded, and calls answered one by one.

The first message says how it went: the device, dimensions, tokens. ``wire`` says how messages look.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from listener.documents import confinement, wire

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

MOST_SAID = 500  # characters of what a library says
MARGIN = 8  # tokens: a slice of a text may be cut into other ones than the whole is
Answer = Callable[[list[Any]], list[Any]]


def serve(descriptor: int, parent: int, kind: str, folder: str, device: str) -> None:
    """Load a model and answer calls over a socket until its other end is gone."""
    confinement.die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what to do
    os.nice(5)  # signs of life and Postgres come first
    with suppress(OSError):  # where memory runs out, the kernel is to take this process and not the listener
        Path("/proc/self/oom_score_adj").write_text("500")
    with socket.socket(fileno=descriptor) as connection, suppress(EOFError, ConnectionError):
        answer: Answer | None = None

        def load() -> list[Any]:
            nonlocal answer
            answer, about = _loaded(kind, folder, device)
            return about

        _send(connection, _guarded(load))
        while answer is not None:
            call = wire.unpack(*wire.receive(lambda view: _some(connection.recv_into(view))), trusted=True)
            _send(connection, _guarded(partial(answer, call)))


def _guarded(work: Callable[[], list[Any]]) -> list[wire.Buffer]:
    """Return what ``work`` returns, or what went wrong, as a message."""
    try:
        return wire.pack(["ok", *work()])
    except BaseException as error:  # whatever a library raises, the process continues
        said = f"{type(error).__name__}: {error}"[:MOST_SAID]
        memory = isinstance(error, MemoryError) or "OutOfMemory" in said or "can't allocate memory" in said
        return wire.pack(["error", "memory" if memory else "raised", said])


def _loaded(kind: str, folder: str, device: str) -> tuple[Answer, list[Any]]:
    from sentence_transformers import CrossEncoder, SentenceTransformer  # noqa: PLC0415 - torch: here, and nowhere else

    where = None if device == "auto" else device
    if kind == "rerank":
        scorer = CrossEncoder(folder, device=where, local_files_only=True)
        if scorer.num_labels != 1:
            raise ValueError(f"a re-ranker gives a text one score, this model gives {scorer.num_labels}")
        return lambda call: [_scores(scorer, *call)], [str(scorer.model.device), 1, scorer.max_length or 0]
    model = SentenceTransformer(folder, device=where, local_files_only=True)
    width = len(model.encode("Is this text refused?", normalize_embeddings=True))
    about = [str(model.device), width, model.max_seq_length or 0]
    return lambda call: [_vectors(model, *call).data.cast("B")], about


def _scores(model: CrossEncoder, query: str, texts: Sequence[str]) -> list[float]:
    """Return how well each text answers a query; text beyond the model's length does not count."""
    found = model.predict([(query, text) for text in texts], convert_to_numpy=True, show_progress_bar=False)
    return [float(one) for one in found]


def _vectors(model: SentenceTransformer, prompt: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors; that of a text that is longer than the model reads is the mean of those of its parts."""
    room = _room(model, prompt)
    parts = [_parts(model, text, room) for text in texts]
    flat = [part for of_text in parts for part, _ in of_text]
    encoded = model.encode(
        flat, prompt=prompt,  # "" too: with None, a model has a default
        batch_size=32, normalize_embeddings=True, convert_to_numpy=True,
        show_progress_bar=False,
    )  # fmt: skip
    if len(flat) > len(texts):
        weights = np.array([weight for of_text in parts for _, weight in of_text], dtype=np.float32)
        starts = np.cumsum([0, *(len(of_text) for of_text in parts[:-1])])
        encoded = np.add.reduceat(encoded * weights[:, None], starts, axis=0)
        encoded = encoded / np.linalg.norm(encoded, axis=1, keepdims=True)
    return np.ascontiguousarray(encoded, dtype=np.float32)


def _room(model: SentenceTransformer, prompt: str) -> int | None:
    """Return how many tokens of a text fit with the prompt and the model's own marks; None: any number."""
    most = model.max_seq_length
    if not most or not getattr(model.tokenizer, "is_fast", False):  # only these report a token's place in the text
        return None
    own = len(model.tokenizer(prompt)["input_ids"])
    return max(int(most) - own, 16)


def _parts(model: SentenceTransformer, text: str, room: int | None) -> list[tuple[str, int]]:
    """Return a text in parts that the model reads whole, each with its weight: how much of the text it is."""
    if room is None or len(text.encode("utf-8", "replace")) <= room:
        return [(text, 1)]
    places = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(places) <= room:
        return [(text, 1)]
    step = max(room - MARGIN, 8)
    cuts = range(0, len(places), step)
    parts = [places[at : at + step] for at in cuts]
    return [(text[part[0][0] : part[-1][1]], len(part)) for part in parts]


def _send(connection: socket.socket, parts: list[wire.Buffer]) -> None:
    for part in parts:
        connection.sendall(part)


def _some(count: int) -> int:
    if not count:
        raise EOFError
    return count
