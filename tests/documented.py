"""What a page shows, and what happens when it is done.

A block of SQL after ``<!-- run -->`` must succeed in psql, after ``<!-- run: IG003 -->`` fail with that SQLSTATE. A
block of text behind it is what is printed, but for numbers, ids and blanks. ``<!-- as ROLE -->``: that role runs it.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from ingest_command import Ingest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^<!-- (?:run|as (?P<role>\w+))(?:: (?P<state>\w{5}))? -->\n"
    r"```(?P<language>sql|sh|python)\n(?P<text>.*?)^```\n(?:```text\n(?P<out>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)

# A reader looks a moment later; here, when nothing that is due is unfinished any more.
WAIT = """
do $$ begin
  for i in 1..3000 loop
    exit when not exists (
      select from ingest_requests where status in ('pending', 'running') and run_at <= clock_timestamp());
    perform pg_sleep(0.01);
    commit;
  end loop;
end $$ \\g /dev/null
"""


@dataclass(frozen=True)
class Block:
    """A runnable block of a page, in ``sql``, ``sh`` or ``python``."""

    language: str
    text: str
    state: str | None
    out: str | None
    role: str | None


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(**found.groupdict()) for found in BLOCK.finditer(text)]


async def in_psql(ingest: Ingest, todo: list[Block], wait: str = WAIT) -> list[tuple[Block, str, str | None]]:
    """Run blocks in one psql; return each with what it printed and the SQLSTATE of its error, if any."""
    mark = f"-- {uuid.uuid4()}"
    script = "".join(f"{block.text}\\echo state :SQLSTATE\n{wait}\\echo {mark}\n\\warn {mark}\n" for block in todo)
    ended = await ingest("psql", "-X", "-v", "SHOW_CONTEXT=never", stdin=script.encode())
    assert todo
    outs, errors = (text.split(f"{mark}\n") for text in (ended.out, ended.err))
    assert len(outs) == len(errors) == len(todo) + 1, ended.err
    results = []
    for block, out, error in zip(todo, outs, errors, strict=False):
        body, state, _ = re.split(r"^state (\w{5})\n", out, maxsplit=1, flags=re.MULTILINE)
        well = state == "00000" and "ERROR: " not in error  # psql tells the last statement's state
        results.append((block, body + error, None if well else state))
    return results


def rough(out: str) -> list[str]:
    """Return the lines of psql's output without what differs from run to run, and without the status of INSERTs."""
    masked = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", out)
    masked = re.sub(r"\d+(\.\d+)?", "#", re.sub(r"-{2,}", "--", re.sub(r" +", " ", masked)))
    return [line.strip() for line in masked.splitlines() if line.strip() and not line.startswith("INSERT # #")]
