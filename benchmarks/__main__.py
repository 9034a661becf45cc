"""``python -m benchmarks SUITE``: what the project costs, beside its peers, as tables and as JSON.

latency    INSERT → first line of the workflow, beside pgqueuer, procrastinate and DBOS's queue; INSERT → searchable,
           beside a bare asyncpg script that listens, embeds and inserts
idle       1 and 8 idle listeners beside bare DBOS processes with the same queues: CPU, statements/s, connections
bulk       7,000 chunks of 1,536 dimensions through a fake embedding service, beside a bare asyncio + COPY script, pgai,
           LlamaIndex, LangChain and cocoindex; 1,000 HTML pages with the local embedder, beside a bare script
documents  real documents by kind (--folder FOLDER): documents/s, failures, memory; texts to read (--samples FILE)
inserters  what the triggers cost those who insert: pgbench beside the table without them and with a NOTIFY trigger
watch_table  what a watched table costs those who write to it, beside one that is not, and one with a plain trigger
backlog    claims and inserts with a million rows pending, finished, scheduled, of a full collection; with bloat
sync       200,000 objects in a bucket, and as many files, that have not changed, beside the bare listing of both
memory     a JSON Lines file of 100 MB and 20,000 small files: the peak over an idle listener
queries    ask → answer of ingest_embed_query: p50, p99 and calls/s, one and 16 callers
quality    how good searches are on judged queries: words, vector and both, beside textbook BM25
search     searches over 100,000 chunks (--count 1000000): recall, p50/p99 of vector, words, both, filtered, context;
           the index of vectors: time to build, size, what it costs those who add chunks
burst      1,000 requests of one small document each, beside the same steps on bare DBOS
tracing    what spans cost a listener: ours, beside Opik's SDK in the same process; Opik is up, down, or never answers
scale      1, 2, 4 and 8 listeners: large requests with a service that waits, small texts, and the local embedder
fairness   how long a small request waits beside what other submitters and collections have waiting
chaos      300 requests while listeners, Postgres and connections die, beside a calm run; when work goes on (--seed N)
outages    an embedding service that fails in turns: requests, texts paid, what the status said (--minutes N)
fuzz       what strangers may send: no crash, no hang, each refusal with a code (--minutes N, --target NAME, --seed N)
all        every one that needs no option

Each figure is taken on an embedded Postgres of its own, with nothing else running; what is compared takes turns in one
run. --quick does little of everything: whether it runs and counts right, not how fast it is.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import tempfile
from pathlib import Path

from benchmarks import report

SUITES = [
    "latency", "inserters", "watch_table", "queries", "quality", "search", "burst", "bulk", "documents", "backlog",
    "sync", "memory", "scale", "fairness", "idle", "tracing", "chaos", "outages", "fuzz",
]  # fmt: skip
NEED_OPTIONS = {"documents"}


def main() -> None:
    """Parse the command line, run the suites, print their tables and keep their JSON."""
    given = _arguments()
    about = report.circumstances()
    suites = [suite for suite in SUITES if suite not in NEED_OPTIONS] if given.suite == "all" else [given.suite]
    broken = [problem for suite in suites for problem in _run(suite, given, about)]
    for problem in broken:
        print(f"BROKEN {problem}", file=sys.stderr)
    sys.exit(1 if broken else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", choices=[*SUITES, "all"])
    parser.add_argument("--quick", action="store_true", help="little of everything: whether it runs, not how fast")
    parser.add_argument("--rounds", type=int, help="runs of each way (5; quick: 1)")
    parser.add_argument("--output", type=Path, default=Path("benchmark-results"), help="folder for SUITE.json")
    parser.add_argument("--html", type=Path, help="bulk: a folder of real HTML pages, for documents/s")
    parser.add_argument("--folder", type=Path, help="documents: a folder of documents, see benchmarks.documents_corpus")
    parser.add_argument("--samples", type=Path, help="documents: the file to write samples of the texts to")
    parser.add_argument("--count", type=int, help="documents: samples of each kind (8); search: chunks (100,000)")
    parser.add_argument(
        "--seed",
        type=int,
        help="chaos, outages: what is disturbed when; fuzz: which inputs; by default drawn and printed",
    )
    parser.add_argument("--minutes", type=float, help="fuzz: how long (10); outages (60)")
    parser.add_argument("--target", help="fuzz: only this one")
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        help="also the peers, in environments that are made (quick: no)",
    )
    given = parser.parse_args()
    if given.suite == "documents" and not (given.folder and given.folder.is_dir()):
        parser.error("documents needs --folder FOLDER; python -m benchmarks.documents_corpus makes one")
    return given


def _run(suite: str, given: argparse.Namespace, about: dict[str, object]) -> list[str]:
    """Run one suite; return what is broken."""
    with tempfile.TemporaryDirectory(prefix="ingest-bench-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user when we are root
        options = report.Options(
            folder=Path(folder), quick=given.quick, rounds=given.rounds or (1 if given.quick else 5), html=given.html,
            documents=given.folder and given.folder.resolve(), samples=given.samples, count=given.count,
            seed=given.seed, peers=not given.quick if given.peers is None else given.peers,
            minutes=given.minutes, target=given.target, kept=given.output,
        )  # fmt: skip
        found: report.Report = asyncio.run(importlib.import_module(f"benchmarks.{suite}").measure(options))
    for table in found.tables:
        print(f"\n{table}", flush=True)
    path = given.output / f"{suite}.json"
    report.write(path, suite, about, found)
    print(f"\n{suite}: {path}", flush=True)
    return [f"{suite}: {problem}" for problem in found.broken]


if __name__ == "__main__":
    main()
