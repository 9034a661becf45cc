"""Own steps without a listener: what redact finds, how pages move, what is installed, what comes back from a worker."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from distribution import distribution

from listener.documents.pool import Workers
from listener.documents.redaction import redact
from listener.documents.step_calls import rework_chunks, rework_document
from listener.documents.step_registry import GROUP, Steps, result_of, storable
from listener.documents.steps import ChunkText, DocumentText, WrongStepOptions, answered, heard
from listener.errors import DocumentError, OperatorError
from listener.settings import Settings

MODULE = """
import os, socket
from listener.documents.steps import ChunkStep, DocumentStep, StepRefused, StepUnavailable, used

def look(document, options):
    from dataclasses import replace
    try:
        socket.socket()
        reached = "all"
    except OSError:
        reached = "nobody"
    return replace(document, text=f"{reached} {sorted(name for name in os.environ if name.startswith('ACME'))}")

def each(chunks, options):
    used(5)
    kinds = {"refuse": StepRefused("no", "Why not."), "away": StepUnavailable("gone", retry_after=7)}
    return [kinds.get(chunk.text, chunk.text.upper()) for chunk in chunks]

def says(document, options):
    import subprocess, sys
    from dataclasses import replace
    if "pid" in options:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open(options["pid"], "w").write(str(child.pid))
        child.wait()
    used(9)
    if "nothing" in options:
        return None
    if "leave" in options:
        raise SystemExit
    metadata = {"nan": float("nan"), "bytes": b"x" * 9, "deep": deep(40), "large": "x" * 2**20, "fine": ["\\0x\\ud800"]}
    return replace(document, title="a\\n" * 10**6, metadata={"it": metadata[options["it"]]})

def strange(document, options):
    import asyncio, os, sys
    from dataclasses import replace
    class Mute(Exception):
        def __str__(self):
            raise ValueError("no")
    kinds = {
        "mute": Mute(), "away": StepUnavailable("gone", retry_after="soon"), "cancel": asyncio.CancelledError(),
        "stop": KeyboardInterrupt(), "exit": SystemExit(3), "iteration": StopIteration(1),
    }
    if options["it"] in kinds:
        raise kinds[options["it"]]
    if options["it"] == "fork":
        print("into the answer", flush=True)
        if os.fork() == 0:
            return replace(document, text="of the child")
        os.wait()
        os.chdir("/")
        return document
    if options["it"] == "wild":
        return replace(document, title=5, pages=["1"], text=7)
    if options["it"] == "titles":
        return replace(document, title="t" * 10**7)
    return replace(document, text="x\\0y\\ud800z")

def some(chunks, options):
    from listener.documents.steps import answered
    became = []
    for place, chunk in enumerate(chunks):
        if chunk.text == "die":
            os._exit(3)
        if chunk.text == "raise":
            raise RuntimeError("no such word")
        used(2)
        became.append(chunk.text.upper())
        answered(place, became[-1])
    return became

LATE = []

def late(chunks, options):
    import threading
    from listener.documents.steps import answered
    if LATE:
        go, before = LATE.pop()
        go.set()
        own = threading.Thread(target=answered, args=(1, "of this call"))
        own.start()
        before.join()
        own.join()
    else:
        go = threading.Event()
        before = threading.Thread(target=lambda: go.wait() and answered(0, "of the call before"))
        before.start()
        LATE.append((go, before))
    raise RuntimeError("no such word")

def deep(levels):
    return [deep(levels - 1)] if levels else 1

SHUT = DocumentStep(version="1", run=look)
SAYS = DocumentStep(version="1", run=says, network=True)
OPEN = DocumentStep(version="1", run=look, network=True, environment=["ACME_KEY"])
EACH = ChunkStep(version="1", run=each)
STRANGE = DocumentStep(version="1", run=strange, network=True)
SOME = ChunkStep(version="1", run=some)
LATER = ChunkStep(version="1", run=late)
FEW = ChunkStep(version="1", run=lambda chunks, options: [])
"""
NAMES = ("SAYS", "STRANGE", "SOME", "LATER", "SHUT", "OPEN", "EACH", "FEW")


@pytest.mark.parametrize(
    ("text", "became"),
    [
        ("mail ann.b+c@mail.example.org!", "mail [EMAIL]!"),
        ("from +49 30 1234567 or (030) 123 4567.", "from [PHONE] or [PHONE]."),
        ("pay DE89 3704 0044 0532 0130 00 NOW", "pay [IBAN] NOW"),
        ("card 4111 1111 1111 1111, not 4111 1111 1111 1112", "card [CARD], not 4111 1111 1111 1112"),
        ("on 2024-01-02, version 1.2.3, page 17, order 12345", "on 2024-01-02, version 1.2.3, page 17, order 12345"),
        ("a@b and @handle", "a@b and @handle"),
        ("card 4111 1111 1111 1111 12/25 737", "card [CARD] 12/25 737"),
        ("in 2024 4111 1111 1111 1111", "in 2024 [CARD]"),
        ("5 of 4111-1111-1111-1111 123", "5 of [CARD] 123"),
        ("BE68 5390 0754 7034 NO93 8601 1117 947", "[IBAN] [IBAN]"),
        ("ref XY99 DE89 3704 0044 0532 0130 00", "ref XY99 [IBAN]"),
        ("call +49 30 12345678 12.05.2024", "call [PHONE].05.2024"),
        ("write to ann@müller.example", "write to [EMAIL]"),
        (
            "O'Neil: ann.o'neil@example.ie, ann%40example.org; icon@2x.png lib@1.2.3",
            "O'Neil: [EMAIL], [EMAIL]; icon@2x.png lib@1.2.3",
        ),
        ("pay de89 3704 0044 0532 0130 00 or DE89-3704-0044-0532-0130-00.", "pay [IBAN] or [IBAN]."),
        ("IBANDE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000 for all", "IBAN[IBAN] for all"),
        ("4111\u00a01111\u00a01111\u00a01111, 4111.1111.1111.1111, 3782 822463 10005", "[CARD], [CARD], [CARD]"),
        (
            "IMEI 490154203237518, scores 6 6 6 6 6 6 6 6 6 6 6 6 6",
            "IMEI 490154203237518, scores 6 6 6 6 6 6 6 6 6 6 6 6 6",
        ),
        ("(415) 555-2671 or 1-800-555-0199, 8 (495) 123-45-67", "[PHONE] or [PHONE], [PHONE]"),
        ("+49 (0) 30 / 123 45 67, 089/1234-0, _+33\u202f6 12 34 56 78_", "[PHONE], [PHONE], _[PHONE]_"),
        ("06 12 34 56 78; 01.02.2024 to 07/08/2024", "[PHONE]; 01.02.2024 to 07/08/2024"),
        (
            "ISBN 0-306-40615-2, ISBN: 0306406152, 978-0-306-40615-7",
            "ISBN 0-306-40615-2, ISBN: 0306406152, 978-0-306-40615-7",
        ),
        ("0.123456789 -0.12345678 +0.12345678 000123456789", "0.123456789 -0.12345678 +0.12345678 000123456789"),
        (
            "commit 0123456789abcdef, 2-0 3-1 0-0 1-1 2-2, 0 1 0 1 0 1 0 1",
            "commit 0123456789abcdef, 2-0 3-1 0-0 1-1 2-2, 0 1 0 1 0 1 0 1",
        ),
    ],
)
def test_redact_replaces_what_looks_like_personal_data_and_leaves_the_rest(text: str, became: str) -> None:
    assert redact(DocumentText(text), {}).text == became


def test_digits_without_the_checksum_of_an_iban_are_none() -> None:
    text = "pay DE89 3704 0044 0532 0130 01 NOW"
    assert redact(DocumentText(text), {"patterns": ["iban"]}).text == text


def test_redact_changes_title_and_metadata_too_and_pages_move_along() -> None:
    text = "ann@example.org wrote Bob.\nSecond page: bob@example.org.\nThird"
    document = DocumentText(
        text, "To bob@example.org", {"from": ["ann@example.org"], "n": 1}, [0, 27, text.index("Third")]
    )
    became = redact(document, {"words": ["Bob"], "replacement": "<{kind}>", "patterns": "email"})
    assert became.text == "<EMAIL> wrote <WORD>.\nSecond page: <EMAIL>.\nThird"
    assert [became.text[page:].split()[0] for page in became.pages] == ["<EMAIL>", "Second", "Third"]
    assert (became.title, became.metadata) == ("To <EMAIL>", {"from": ["<EMAIL>"], "n": 1})


@pytest.mark.parametrize("options", [{"patterns": ["name"]}, {"words": [""]}, {"words": ["x" * 201]}])
def test_redact_says_which_options_it_does_not_take(options: dict[str, object]) -> None:
    with pytest.raises(WrongStepOptions):
        redact(DocumentText("x"), options)


@pytest.mark.parametrize(
    "piece", ["a@", "0 ", "1-", "a@a.", "DE89 ", "(0", "+", "a", "4 ", "00 ", "a'", "+1 ", "01/", "44.", "de89", "8 (1"]
)
def test_redact_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def seconds(times: int) -> float:
        began = time.process_time()
        redact(DocumentText(piece * times), {})
        return time.process_time() - began

    seconds(1000)
    assert seconds(40_000) < 0.05 + 12 * seconds(10_000)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {GROUP: {name.lower(): f"acme_steps:{name}" for name in NAMES}}
    monkeypatch.syspath_prepend(str(distribution(tmp_path, "acme-steps", {"acme_steps": MODULE}, points)))


@pytest.mark.usefixtures("packages")
async def test_a_step_is_confined_unless_it_uses_the_network_and_then_finds_its_variables_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_KEY", "k")
    monkeypatch.setenv("ACME_OTHER", "o")
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1))
        found = []
        for name in ("shut", "open"):
            step = steps.of(name)
            assert step
            found.append((await step.call(rework_document, {}, "x", None, {}, [], "text/plain")).text)
        await steps.close()
    assert found == ["nobody []", "all ['ACME_KEY']"]


PEEK = """
import os
from dataclasses import replace
from listener.documents.steps import DocumentStep

def peek(document, options):
    try:
        read = open(f"/proc/{os.getppid()}/environ").read()
    except PermissionError:
        read = "nothing"
    return replace(document, text=f"{read} {sorted(name for name in os.environ if name[:2] in ('PG', 'IN'))}")

PEEK = DocumentStep(version="1", run=peek, network=True, environment=VARIABLES)
"""
LISTEN = """
import asyncio, ctypes
from listener.documents import confinement
from listener.documents.pool import Workers
from listener.documents.step_calls import rework_document
from listener.documents.step_registry import Steps
from listener.settings import Settings

async def main():
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1))
        print((await steps.of("peek").call(rework_document, {}, "x", None, {}, [], "text/plain")).text)
        await steps.close()

confinement._give_up_privileges(ctypes.CDLL(None))  # as a listener that is not root's
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_step_cannot_read_the_environment_of_the_listener_that_started_it(tmp_path: Path) -> None:
    module = PEEK.replace("VARIABLES", "['INGEST_CONTEXTUAL_URL']")
    packages = distribution(tmp_path, "acme-peek", {"acme_peek": module}, {GROUP: {"peek": "acme_peek:PEEK"}})
    environment = {
        "PYTHONPATH": f"{packages}:{os.environ.get('PYTHONPATH', '')}",
        "INGEST_DATABASE_URL": "postgresql://x:secret@y/z", "PGPASSWORD": "secret", "INGEST_CONTEXTUAL_URL": "http://z",
    }  # fmt: skip
    found = subprocess.run([sys.executable, "-c", LISTEN], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "nothing ['INGEST_CONTEXTUAL_URL']"


async def test_no_step_gets_what_leads_into_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = PEEK.replace("VARIABLES", "['ACME_KEY', 'PGPASSWORD']")
    packages = distribution(tmp_path, "acme-peek", {"acme_peek": module}, {GROUP: {"peek": "acme_peek:PEEK"}})
    monkeypatch.syspath_prepend(str(packages))
    async with Workers(1, 30, 500) as workers:
        with pytest.raises(OperatorError, match="asks for PGPASSWORD, which leads into the listener's database"):
            await Steps.installed(workers, Settings())


@pytest.mark.usefixtures("packages")
async def test_each_chunk_has_its_own_outcome_and_a_wrong_number_of_them_is_none() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings())
        each, few = steps.of("each"), steps.of("few")
        assert each
        assert few
        chunks = [ChunkText("fine"), ChunkText("refuse"), ChunkText("away")]
        results, tokens, _ = await each.call(rework_chunks, {}, chunks)
        wrong, *_ = await few.call(rework_chunks, {}, chunks)
        await steps.close()
    assert [(one.kind, one.text, one.retry_after) for one in results] == [
        ("done", "FINE", None), ("refused", "", None), ("unavailable", "", 7.0),
    ]  # fmt: skip
    assert tokens == 5
    assert {one.kind for one in wrong} == {"failed"}
    assert "0 texts for 3" in wrong[0].message


GIVEN: tuple[str, None, dict[str, str], list[int], str] = ("x", None, {}, [], "text/plain")


@pytest.mark.usefixtures("packages")
async def test_what_a_step_says_of_a_document_is_taken_as_far_as_jsonb_does() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1))
        says = steps.of("says")
        assert says
        results = {
            name: storable(await says.call(rework_document, {"it": name}, *GIVEN, most=2**23))
            for name in ("nan", "bytes", "deep", "large", "fine")
        }
        await steps.close()
    assert {name: one.kind for name, one in results.items()} == dict.fromkeys(results, "failed") | {"fine": "done"}
    assert "metadata" in results["nan"].message
    assert results["fine"].metadata == {"it": ["x?"]}
    assert len(results["fine"].title or "") <= 1000


@pytest.mark.usefixtures("packages")
async def test_what_a_call_has_used_is_its_own_also_if_it_failed() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1))
        says = steps.of("says")
        assert says
        nothing = await says.call(rework_document, {"nothing": 1}, *GIVEN)
        left = await says.call(rework_document, {"leave": 1}, *GIVEN)
        then = await says.call(rework_document, {"it": "fine"}, *GIVEN, most=2**23)
        await steps.close()
    assert [(one.kind, one.tokens) for one in (nothing, left, then)] == [("failed", 9), ("failed", 9), ("done", 9)]


@pytest.mark.usefixtures("packages")
async def test_what_a_step_raises_returns_and_forks_is_a_failure_of_the_text_and_never_the_answer_to_another() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1))
        strange = steps.of("strange")
        assert strange
        results = {
            name: await strange.call(rework_document, {"it": name}, *GIVEN)
            for name in ("mute", "away", "cancel", "stop", "exit", "iteration", "wild", "fork", "titles", "signs")
        }
        await steps.close()
    kinds = {name: one.kind for name, one in results.items()}
    good = dict.fromkeys(("fork", "titles", "signs"), "done")
    assert kinds == dict.fromkeys(results, "failed") | {"away": "unavailable"} | good
    assert "can't be shown (ValueError)" in results["mute"].message
    assert results["away"].retry_after is None
    assert (results["fork"].text, results["signs"].text) == ("x", "xy?z")
    assert len(results["titles"].title or "") == 1000


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(("word", "code"), [("die", "step_crashed"), ("raise", "step_failed")])
async def test_what_was_answered_before_a_call_failed_is_kept(word: str, code: str) -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings())
        some = steps.of("some")
        assert some
        made = await some.rework({}, [ChunkText(text) for text in ("one", "two", word, "four")], 10**6)
        await steps.close()
    assert {place: one.text for place, one in made.results.items()} == {0: "ONE", 1: "TWO"}
    assert made.error
    assert (made.tokens, made.error.code) == (4, code)


@pytest.mark.usefixtures("packages")
async def test_what_a_thread_of_a_former_call_answers_is_not_taken_for_a_chunk_of_the_present_one() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings())
        later = steps.of("later")
        assert later
        made = [await later.rework({}, [ChunkText("one"), ChunkText("two")], 10**6) for _ in range(2)]
        await steps.close()
    assert [{place: one.text for place, one in group.results.items()} for group in made] == [{}, {1: "of this call"}]


def test_a_call_ends_when_what_its_threads_are_saying_is_said() -> None:
    speaks, goes_on, said = Event(), Event(), []

    def hear(*what: object) -> None:
        speaks.set()
        goes_on.wait(30)
        said.append(what)

    def call() -> None:
        with heard(hear):
            Thread(target=answered, args=(0, "x")).start()
            speaks.wait(30)

    calling = Thread(target=call)
    calling.start()
    speaks.wait(30)
    calling.join(0.2)
    assert calling.is_alive(), "its answer would be sent in the middle of this"
    goes_on.set()
    calling.join(30)
    assert said == [(0, "x", 0)]
    answered(0, "y")
    assert len(said) == 1


def test_a_result_that_another_release_has_kept_is_understood_as_far_as_that_goes() -> None:
    became = result_of({"text": "x", "kind": "done", "added_later": 1})
    assert became
    assert (became.text, became.metadata, became.pages) == ("x", {}, [])
    assert result_of({"kind": "done"}) is None
    assert result_of({"text": 5}) is None


@pytest.mark.usefixtures("packages")
async def test_another_version_than_the_listener_began_with_is_not_run() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1))
        each = steps.of("each")
        assert each
        before = replace(each, said=each.said._replace(version="0"))
        (result,), *_ = await before.call(rework_chunks, {}, [ChunkText("x")])
        await steps.close()
    assert (result.kind, result.hint) == ("options", "Start the listener anew.")


@pytest.mark.usefixtures("packages")
async def test_what_a_step_has_started_ends_with_its_process(tmp_path: Path) -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings(step_workers=1, step_timeout_seconds=3))
        says = steps.of("says")
        assert says
        with pytest.raises(DocumentError, match="no answer within"):
            await says.call(rework_document, {"pid": str(tmp_path / "pid")}, *GIVEN)
        await asyncio.to_thread(_await_end, int((tmp_path / "pid").read_text()))
        await steps.close()


def _await_end(pid: int) -> None:
    """Wait for a process that is nobody's child any more: its end was ordered, and takes a moment."""
    until = time.monotonic() + 10
    with suppress(FileNotFoundError, ProcessLookupError):
        while ") Z" not in Path(f"/proc/{pid}/stat").read_text():
            assert time.monotonic() < until
            time.sleep(0.01)


async def test_ours_are_installed_and_say_what_they_take() -> None:
    async with Workers(1, 30, 500) as workers:
        steps = await Steps.installed(workers, Settings())
        told = steps.as_told
        await steps.close()
        assert workers.pids() == []  # nobody was asked for what is known
    assert told["redact"]["options"] == {
        "patterns": "string or array", "words": "string or array", "replacement": "string",
    }  # fmt: skip
    assert (told["contextual"]["place"], told["contextual"]["paid"]) == ("chunk", True)


@pytest.mark.parametrize(
    ("module", "says"),
    [("import nowhere", "nowhere"), ("STEP = 1", "not a DocumentStep"), ("raise SystemExit", "SystemExit")],
)
async def test_a_step_that_cannot_be_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, says: str
) -> None:
    packages = distribution(tmp_path, "acme-broken", {"acme_broken": module}, {GROUP: {"acme": "acme_broken:STEP"}})
    monkeypatch.syspath_prepend(str(packages))
    async with Workers(1, 30, 500) as workers:
        with pytest.raises(OperatorError, match=says) as caught:
            await Steps.installed(workers, Settings())
    assert caught.value.code == "broken_extension"
    assert "acme-broken 1.0" in caught.value.message
