"""Tracing: what a span costs and tells, which settings are refused, and, with the real SDK, what arrives and when not.

The tests that need the SDK run where the extra ``opik`` is installed; Opik is a real HTTP server on loopback.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
from opik_service import OpikService, wait_until_gone

import listener
from listener import tracing
from listener.embedding import Space
from listener.errors import OperatorError, ServiceError
from listener.settings import Settings
from listener.tracing.delivery import BATCH, MOST_WAITING, sdk_environment

needs_sdk = pytest.mark.skipif(find_spec("opik") is None, reason="needs the extra opik: pip install '.[opik]'")
PATIENCE_SECONDS = 40.0
SPACE = Space("openai", "https://user:secret@embed.example:8080/v1?key=secret", "text-embedding-3-small", 1536)

# The audit hook of the process that has the SDK: where it connects to, and what it opens for writing.
AUDIT = """
import os, sys
told = os.open({file!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, arguments):
    line = None
    if event == "socket.connect":
        line = f"connect {{arguments[1]!r}}"
    elif event == "socket.getaddrinfo":
        line = f"look up {{arguments[0]}}"
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        line = f"write {{arguments[0]}}"
    elif event in ("os.mkdir", "sqlite3.connect"):
        line = f"write {{arguments[0]}}"
    if line:
        os.write(told, (line + "\\n").encode())
sys.addaudithook(hook)
sys.dont_write_bytecode = True
"""

# A program that traces, says so, and then waits for a line before it ends; with "end" it ends in good order.
PROGRAM = """
import asyncio, sys, uuid
from listener import tracing
from listener.settings import Settings

async def main():
    traces = tracing.create(Settings())
    for _ in range(1000):
        with traces.request(uuid.uuid4()), traces.step("load"):
            pass
    print("traced", flush=True)
    if (await asyncio.to_thread(sys.stdin.readline)).strip() == "end":
        await traces.close()

asyncio.run(main())
"""


# without the SDK


def test_without_the_setting_nothing_is_imported_or_started() -> None:
    program = (
        "import sys, threading; from listener import tracing; from listener.settings import Settings;"
        "tracing.create(Settings()); names = [n for n in sys.modules if 'opik' in n];"
        "print(names, threading.active_count())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "INGEST_TRACING"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment | python_path(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] 1\n"


async def test_without_the_setting_a_span_is_one_that_records_nothing() -> None:
    traces = tracing.create(Settings())
    spans = [traces.request(uuid4()), traces.batch(uuid4(), 1), traces.step("load"), traces.embedding(SPACE, 3)]
    for span in spans:
        with span as entered:
            entered.output(documents=1)
            entered.usage(7)
    assert {id(span) for span in spans} == {id(tracing.NOTHING)}
    await traces.close()


def test_tracing_without_the_sdk_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    importlib.invalidate_caches()
    with pytest.raises(OperatorError) as refused:
        tracing.create(Settings(tracing="opik"))
    assert refused.value.code == "tracing_not_installed"
    assert "ingest-listener[opik]" in refused.value.hint


@pytest.mark.parametrize(
    ("variables", "file"),
    [({"OPIK_URL_OVERRIDE": "http://127.0.0.1:9/api"}, ""), ({"OPIK_API_KEY": "key"}, ""), ({}, "[opik]\n")],
)
async def test_tracing_needs_to_be_told_which_opik(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], file: str
) -> None:
    (tmp_path / "opik.py").write_text("raise RuntimeError('nobody needs it here')")
    monkeypatch.syspath_prepend(tmp_path)
    clean(monkeypatch, tmp_path)
    with pytest.raises(OperatorError) as refused:
        tracing.create(Settings(tracing="opik"))
    assert refused.value.code == "tracing_not_configured"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if file:
        (tmp_path / ".opik.config").write_text(file)
    await tracing.create(Settings(tracing="opik")).close()


def test_the_sdk_sees_none_of_our_secrets_and_reports_nothing_to_its_maker_unless_told() -> None:
    given = {
        "INGEST_DATABASE_URL": "postgresql://u:p@h/d", "PGPASSWORD": "p", "OPENAI_API_KEY": "k", "OPIK_API_KEY": "o",
        "OPIK_ANALYTICS_ENABLE": "true",
    }  # fmt: skip
    assert sdk_environment(given) == {
        "OPIK_API_KEY": "o",
        "OPIK_ANALYTICS_ENABLE": "true",
        "OPIK_SENTRY_ENABLE": "false",
        "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    }


# with the SDK


@pytest.fixture
def opik() -> Iterator[OpikService]:
    service = OpikService()
    yield service
    service.close()


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[tracing.Tracing, OpikService]]:
    """One process with the SDK for all tests that do not end it: it takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as home:
        service = OpikService()
        clean(patch, Path(home))
        patch.setenv("OPIK_URL_OVERRIDE", service.url)
        patch.setenv("OPIK_PROJECT_NAME", "ingestion")
        traces = tracing.create(Settings(tracing="opik"))
        yield traces, service
        asyncio.run(traces.close())
        service.close()
        assert senders(os.getpid()) == []


@pytest.fixture
def shared(running: tuple[tracing.Tracing, OpikService]) -> tuple[tracing.Tracing, OpikService]:
    """The same, with nothing arrived yet."""
    running[1].clear()
    return running


def clean(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OPIK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))


def traced(opik: OpikService, monkeypatch: pytest.MonkeyPatch, home: Path) -> tracing.Tracing:
    clean(monkeypatch, home)
    monkeypatch.setenv("OPIK_URL_OVERRIDE", opik.url)
    return tracing.create(Settings(tracing="opik"))


def python_path() -> dict[str, str]:
    """Return the variable that shows a program the package under test, and the SDK where that is in a folder."""
    return {"PYTHONPATH": os.pathsep.join([str(Path(listener.__file__).parent.parent), *filter(None, sys.path)])}


def senders(parent: int) -> list[int]:
    """Return the processes that a process has started to send spans."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if int(status[1]) == parent and status[0] != "Z" and "listener.tracing.sender" in command:
            found.append(int(folder.name))
    return found


async def arrived(opik: OpikService, *, spans: int = 0, traces: int = 0, ended: bool = True, requests: int = 0) -> None:
    await asyncio.to_thread(opik.wait_for, spans=spans, traces=traces, ended=ended, requests=requests)


@needs_sdk
async def test_a_request_arrives_as_a_trace_with_its_steps_and_calls_nested(
    shared: tuple[tracing.Tracing, OpikService],
) -> None:
    traces, opik = shared
    request = uuid4()

    async def call(tokens: int) -> None:
        with traces.embedding(SPACE, 12) as span:
            await asyncio.sleep(0)
            span.usage(tokens)

    with traces.request(request, collection="letters") as whole:
        await arrived(opik, traces=1, ended=False)  # it is seen while it runs
        with traces.step("discover") as step:
            step.output(documents=70, batches=2)
        with traces.batch(request, 1), traces.step("embed") as step:
            await asyncio.gather(*(asyncio.create_task(call(tokens)) for tokens in (345, 0)))
            step.output(sent=24)
        whole.output(status="succeeded")
    await arrived(opik, spans=5, traces=1)
    assert opik.tree().splitlines() == [
        f"trace request  request={request} collection=letters  → status=succeeded",
        "   discover  → documents=70 batches=2",
        f"   batch  request={request} batch=1",
        "      embed  → sent=24",
        "         embedding call  texts=12 dimensions=1536  embed.example/text-embedding-3-small  tokens=345",
        "         embedding call  texts=12 dimensions=1536  embed.example/text-embedding-3-small",
    ]
    (trace,) = opik.traces.values()
    assert trace["thread_id"] == str(request)
    calls = [span for span in opik.spans.values() if span["name"] == "embedding call"]
    assert {span["type"] for span in calls} == {"llm"}
    assert {span["metadata"]["endpoint"] for span in calls} == {"https://embed.example:8080/v1"}
    assert {one["project_name"] for one in [trace, *opik.spans.values()]} == {"ingestion"}
    assert all(UUID(one).version == 7 for one in [*opik.traces, *opik.spans])
    assert "secret" not in "".join(opik.bodies)


@needs_sdk
async def test_a_batch_without_its_request_here_is_a_trace_in_the_requests_thread(
    shared: tuple[tracing.Tracing, OpikService],
) -> None:
    traces, opik = shared
    request, other = uuid4(), uuid4()
    with traces.request(other), traces.batch(request, 3), traces.step("load"):
        pass
    await arrived(opik, spans=1, traces=2)
    threads = {trace["name"]: trace["thread_id"] for trace in opik.traces.values()}
    assert threads == {"request": str(other), "batch": str(request)}
    (step,) = opik.spans.values()
    assert opik.traces[step["trace_id"]]["name"] == "batch"


@needs_sdk
async def test_an_error_is_told_by_its_code_and_a_foreign_one_without_its_words(
    shared: tuple[tracing.Tracing, OpikService],
) -> None:
    traces, opik = shared
    with pytest.raises(ServiceError), traces.request(uuid4()), traces.step("embed"):
        raise ServiceError("service_down", "the embedding service does not answer")
    with pytest.raises(ValueError, match="confidential"), traces.request(uuid4()), traces.step("chunk"):
        raise ValueError("confidential text of a document")
    await arrived(opik, spans=2, traces=2)
    errors = {span["name"]: span["error_info"] for span in opik.spans.values()}
    assert errors["embed"]["exception_type"] == "service_down"
    assert errors["embed"]["message"] == "the embedding service does not answer"
    assert errors["chunk"]["exception_type"] == "ValueError"
    assert "confidential" not in "".join(opik.bodies)


@needs_sdk
@pytest.mark.parametrize("trouble", ["fail", "reset", "down"])
async def test_spans_wait_while_opik_is_away_and_arrive_when_it_is_back(
    shared: tuple[tracing.Tracing, OpikService], trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    traces, opik = shared
    if trouble == "down":
        opik.close()
    else:
        opik.mode = trouble
    with traces.request(uuid4()), traces.step("load"):
        pass
    await asyncio.to_thread(wait_for_log, caplog, "from Opik at http://127.0.0.1")
    opik.mode = "take"
    if trouble == "down":
        opik.open()
    await arrived(opik, spans=1, traces=1)
    await asyncio.to_thread(wait_for_log, caplog, "works again")


@needs_sdk
async def test_what_opik_refuses_is_given_up_and_the_next_spans_arrive(
    shared: tuple[tracing.Tracing, OpikService], caplog: pytest.LogCaptureFixture
) -> None:
    traces, opik = shared
    opik.mode = "refuse"
    with traces.request(uuid4()):
        pass
    await asyncio.to_thread(wait_for_log, caplog, "HTTP status 400 from Opik at http://127.0.0.1")
    opik.mode = "take"
    with traces.request(request := uuid4()):
        pass
    await asyncio.to_thread(wait_for_log, caplog, "works again")
    assert [trace["thread_id"] for trace in opik.traces.values()] == [str(request)]


@needs_sdk
async def test_while_opik_never_answers_the_oldest_spans_are_dropped_and_nothing_waits(
    opik: OpikService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    traces = traced(opik, monkeypatch, tmp_path)
    opik.mode = "hang"
    with traces.step("first"):
        pass
    await arrived(opik, requests=1)
    with traces.request(uuid4()):  # which waits already
        for number in range(MOST_WAITING + BATCH):
            with traces.step(f"step {number}"):
                pass
        assert len(traces._delivery._queue) == MOST_WAITING  # type: ignore[attr-defined]
        assert traces._delivery.dropped == BATCH + 1  # type: ignore[attr-defined]
    await traces.close()


@needs_sdk
async def test_when_the_process_with_the_sdk_dies_another_one_goes_on(
    opik: OpikService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    others = set(senders(os.getpid()))
    traces = traced(opik, monkeypatch, tmp_path)
    opik.mode = "hang"
    with traces.step("under way"):
        pass
    await arrived(opik, requests=1)
    opik.mode = "take"
    (sender,) = set(senders(os.getpid())) - others
    os.kill(sender, signal.SIGKILL)
    await arrived(opik, traces=1)
    await traces.close()


@needs_sdk
@pytest.mark.parametrize("end", ["end", "leave", "kill"])
def test_a_program_ends_at_once_though_opik_never_answers(opik: OpikService, tmp_path: Path, end: str) -> None:
    opik.mode = "hang"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | python_path() | environment(opik, tmp_path),
    ) as program:  # fmt: skip
        assert program.stdin
        assert program.stdout
        assert program.stdout.readline() == "traced\n"
        opik.wait_for(requests=1)
        (sender,) = senders(program.pid)
        if end == "kill":
            program.kill()
        else:
            print(end, file=program.stdin, flush=True)
        program.wait(5)  # the SDK alone would wait for its answer: 100 seconds, three times
        wait_until_gone(sender)
    assert [path.name for path in tmp_path.iterdir()] == []


@needs_sdk
def test_the_sdk_talks_to_the_opik_that_is_set_and_to_nobody_else_and_writes_only_below_its_own_folder(
    opik: OpikService, tmp_path: Path
) -> None:
    home, site = tmp_path / "home", tmp_path / "site"
    home.mkdir()
    site.mkdir()
    told = tmp_path / "told.txt"
    (site / "sitecustomize.py").write_text(AUDIT.format(file=str(told)))
    variables = python_path()
    variables["PYTHONPATH"] = f"{site}{os.pathsep}{variables['PYTHONPATH']}"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | variables | environment(opik, home) | {"OPENAI_API_KEY": "not for the SDK"},
    ) as program:  # fmt: skip
        assert program.stdin
        opik.wait_for(traces=1000, spans=1000)
        (sender,) = senders(program.pid)
        assert "not for the SDK" not in Path(f"/proc/{sender}/environ").read_text()
        print("end", file=program.stdin, flush=True)
    lines = set(told.read_text().splitlines())
    hosts = {line for line in lines if line.startswith(("connect", "look up"))}
    assert hosts <= {f"connect ('127.0.0.1', {opik.port})", "look up 127.0.0.1"}
    assert f"connect ('127.0.0.1', {opik.port})" in hosts
    files = {line.removeprefix("write ") for line in lines if line.startswith("write ")}
    own = ("/dev/", "ingest-tracing-", str(home))  # also its folder for temporary files, and empty in the end
    assert {file for file in files if not file.startswith(own) and not file.isdigit()} == set()
    assert list(home.iterdir()) == []


def environment(opik: OpikService, folder: Path) -> dict[str, str]:
    return {
        "INGEST_TRACING": "opik",
        "OPIK_URL_OVERRIDE": opik.url,
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }


def wait_for_log(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until something is logged; the handler tells."""
    found = threading.Event()

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                found.set()

    handler: Any = Listening()
    logging.getLogger("listener.tracing").addHandler(handler)
    try:
        assert words in caplog.text or found.wait(PATIENCE_SECONDS), caplog.text
    finally:
        logging.getLogger("listener.tracing").removeHandler(handler)
