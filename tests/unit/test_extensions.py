"""What others register: what is taken, what is refused and how that is said, and who is asked for what."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from distribution import distribution

from listener import extensions
from listener.documents import formats
from listener.documents.formats import Formats
from listener.documents.pool import Workers
from listener.documents.reading import About, DocumentFormat, Reading
from listener.errors import DocumentError, OperatorError, RequestError
from listener.settings import Settings
from listener.sources import schemes
from listener.sources.base import Fetched, Found, LookUp, Outcome, Page, Source, SourceTools, Wanted
from listener.sources.options import RequestOptions
from listener.sources.schemes import Sources

OPTIONS = RequestOptions()


class Fixed(Source):
    """Has one document in all its places, and writes down what it is asked."""

    def __init__(self, *roots: str, data: bytes = b"") -> None:
        self.roots = roots
        self.asked: list[str] = []
        self._data = data

    async def check(self, source: str, options: RequestOptions) -> None:
        self.asked.append(f"check {source}")

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        self.asked.append(f"discover {source} after {after}")
        yield Page([Found(source)])

    async def read(self, wanted: Wanted) -> Outcome:
        self.asked.append(wanted.found.uri)
        if wanted.found.uri.endswith("gone"):
            raise DocumentError("not_found", "it is gone", "look for it")
        return Fetched(self._data)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def tools() -> SourceTools:
    return SourceTools(Settings(), ThreadPoolExecutor(1), Workers(1, 10, 500))


def error_of(tools: SourceTools) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        Sources.installed(tools)
    assert caught.value.code == "broken_extension"
    assert caught.value.hint
    return caught.value


def test_ours_come_first_and_others_are_named_with_their_distribution(folder: Path) -> None:
    text = "def open_source(tools):\n    raise SystemError\n"
    distribution(folder, "acme-a", {"acme_a": text}, {schemes.GROUP: {"a": "acme_a:open_source"}})
    found = extensions.installed(schemes.GROUP)
    ours = [one.ours for one in found]
    assert ours == sorted(ours, reverse=True)
    assert "file" in [one.name for one in found if one.ours]
    assert [(one.origin, one.ours) for one in found if one.name == "a"] == [("acme-a 1.0 (acme_a:open_source)", False)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
        ("pass", "no attribute 'open_source'"),
        ("open_source = lambda tools: 1 / 0", "ZeroDivisionError"),
        ("open_source = lambda tools: 7", "7, which is not a Source"),
        ("open_source = 7", "not callable"),
        (
            "from listener.sources.base import Source\n"
            "class Half(Source):\n    roots = ('acme:',)\n"
            "open_source = lambda tools: Half()",
            "abstract",
        ),
    ],
)
def test_a_source_that_cannot_be_used_is_named_with_its_distribution(
    folder: Path, tools: SourceTools, text: str, problem: str
) -> None:
    distribution(folder, "acme-sources", {"acme_broken": text}, {schemes.GROUP: {"acme": "acme_broken:open_source"}})
    error = error_of(tools)
    assert "'acme'" in error.message
    assert "acme-sources 1.0 (acme_broken:open_source)" in error.message
    assert problem in error.message


@pytest.mark.parametrize(
    ("scheme", "roots", "problem"),
    [
        ("Acme", ["Acme:"], "lower-case"),
        ("acme", ["/srv"], "does not begin with acme:"),
        ("acme", "acme:", "list of strings"),
        ("acme", [7], "list of strings"),
    ],
)
def test_roots_belong_to_the_scheme(tools: SourceTools, scheme: str, roots: Any, problem: str) -> None:
    source = Fixed()
    source.roots = roots
    with pytest.raises(OperatorError, match=problem):
        schemes.made(extensions.Extension(scheme, lambda _: source, "acme 1.0", ours=False), tools)


def test_an_error_that_a_factory_says_itself_is_passed_on(tools: SourceTools) -> None:
    def without_key(_: SourceTools) -> Source:
        raise OperatorError("wrong_setting", "ACME_KEY is not set", "set it")

    with pytest.raises(OperatorError, match="ACME_KEY"):
        schemes.made(extensions.Extension("acme", without_key, "acme 1.0", ours=False), tools)


def test_two_distributions_cannot_have_one_scheme(folder: Path, tools: SourceTools) -> None:
    for name in ("acme-a", "acme-b"):
        module = name.replace("-", "_")
        distribution(folder, name, {module: "def f(tools): ..."}, {schemes.GROUP: {"acme": f"{module}:f"}})
    error = error_of(tools)
    assert "acme-a 1.0" in error.message
    assert "acme-b 1.0" in error.message


def test_a_program_without_its_own_entry_points_says_so() -> None:
    with pytest.raises(OperatorError, match="ingest-listener has no entry points"):
        extensions.installed("ingest_listener.nothing")


# who is asked


async def test_the_scheme_says_whose_a_source_is() -> None:
    files, toys = Fixed("/srv"), Fixed("toy:")
    sources = Sources({"file": files, "toy": toys})
    assert sources.roots == ("/srv", "toy:")
    for source in ("/srv/a", "file:///srv/a", "a.md"):
        await sources.check(source, OPTIONS)
    await sources.check("TOY://a", OPTIONS)
    pages = [page async for page in sources.discover("toy://b", OPTIONS, after="7")]
    assert pages == [Page([Found("toy://b")])]
    assert files.asked == ["check /srv/a", "check file:///srv/a", "check a.md"]
    assert toys.asked == ["check TOY://a", "discover toy://b after 7"]


async def test_a_scheme_that_is_unknown_is_answered_with_those_that_are_installed() -> None:
    sources = Sources({"file": Fixed(), "toy": Fixed()})
    with pytest.raises(RequestError, match=r"s3: \(s3://bucket/key\).*file://, toy://") as caught:
        await sources.check("s3://bucket/key", OPTIONS)
    assert caught.value.code == "unknown_scheme"


async def test_documents_of_several_sources_are_read_together_each_with_its_own_outcome() -> None:
    sources = Sources({"file": Fixed(data=b"file"), "toy": Fixed(data=b"toy")}).beside("inline", Fixed(data=b"own"))
    places = ["toy://1", "/srv/a", "toy://gone", "inline:/7", "toy://2"]
    read = await sources.read_all([Wanted(Found(place, place), 10) for place in places])
    assert [one.data if isinstance(one, Fetched) else str(one) for one in read] == [
        b"toy", b"file", "not_found: it is gone (look for it)", b"own", b"toy",
    ]  # fmt: skip
    assert await sources.read(Wanted(Found("toy://1"), 10)) == Fetched(b"toy")
    assert await sources.read_all([]) == []


async def test_a_source_that_reads_no_pieces_says_so() -> None:
    with pytest.raises(DocumentError, match="toy://a can't be read in parts"):
        await Sources({"toy": Fixed()}).read_ranges(Found("toy://a"), [(0, 10)])


# formats


def read(data: bytes, about: About) -> Reading:
    return Reading(data)


def decided(formats: Sequence[DocumentFormat], data: bytes, uri: str, declared: str = "") -> tuple[DocumentFormat, str]:
    return Formats([*built_in(), *formats]).decide(data, uri, declared)[:2]


def built_in() -> list[DocumentFormat]:
    return [one.value for one in extensions.installed(formats.GROUP) if one.ours]


def test_a_new_format_is_told_by_ending_declaration_and_first_bytes() -> None:
    kind = "text/x-toy"
    toy = DocumentFormat(read, {kind: "toy ty"}, names={"toybox": kind}, aliases={"application/toy": kind})
    for uri, declared in (("a.toy", ""), ("a.TY", ""), ("a.md", kind), ("a", "application/toy"), ("toybox", "")):
        assert decided([toy], b"hi", uri, declared) == (toy, kind)
    assert decided([toy], b"hi", "a.md")[0] is not toy
    bricks = DocumentFormat(read, {"application/x-bricks": "bricks"}, starts=[(b"BRICKS", "application/x-bricks")])
    assert decided([bricks], b"BRICKS 1", "a.md") == (bricks, "application/x-bricks")
    with pytest.raises(DocumentError, match="does not begin like that"):
        decided([bricks], b"hi", "a.bricks")
    assert decided([bricks], b"<html>", "a.bricks")[1] == "text/html"


def test_a_format_may_be_a_zip_file_of_its_own_kind() -> None:
    kit = DocumentFormat(read, {"application/x-kit": "kit"}, starts=[(b"PK\x03\x04", "application/x-kit")])
    assert decided([kit], b"PK\x03\x04", "a.kit") == (kit, "application/x-kit")
    assert decided([kit], b"PK\x03\x04", "a.docx")[1] == "application/zip"


def test_a_new_format_takes_over_a_built_in_one() -> None:
    notebook = DocumentFormat(read, {"application/x-notebook": "ipynb", "text/markdown": "md"})
    assert decided([notebook], b"{}", "a.ipynb") == (notebook, "application/x-notebook")
    assert decided([notebook], b"# A", "a.md") == (notebook, "text/markdown")


@pytest.mark.parametrize(
    ("text", "problem"),
    [("import nowhere_to_be_found", "No module named"), ("FORMAT = 7", "7 is no DocumentFormat")],
)
def test_a_format_that_cannot_be_used_is_named_with_its_distribution(folder: Path, text: str, problem: str) -> None:
    distribution(folder, "acme-formats", {"acme_format": text}, {formats.GROUP: {"acme": "acme_format:FORMAT"}})
    with pytest.raises(OperatorError, match=problem) as caught:
        Formats.installed()
    assert "acme-formats 1.0" in caught.value.message


def test_two_distributions_cannot_have_one_media_type(folder: Path) -> None:
    text = (
        "from listener.documents.reading import DocumentFormat\n"
        "def read(data, about): ...\n"
        "FORMAT = DocumentFormat(read, {'text/x-toy': 'toy'})\n"
    )
    for name in ("acme-c", "acme-d"):
        module = name.replace("-", "_")
        distribution(folder, name, {module: text}, {formats.GROUP: {name: f"{module}:FORMAT"}})
    with pytest.raises(OperatorError, match=r"acme-d 1.0.*acme-c 1.0 .* has text/x-toy too"):
        Formats.installed()
