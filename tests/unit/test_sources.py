"""Local sources: what is found, under which name, what is refused, and how nothing outside of the roots is read."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from listener.errors import DocumentError, RequestError
from listener.sources import file_reading
from listener.sources.base import Found, Refused
from listener.sources.file_state import YOUNG_SECONDS, FileState, state_of
from listener.sources.folder_roots import FolderRoots
from listener.sources.options import RequestOptions
from listener.sources.paths import uri_of
from listener.sources.walk import Walk

MEBIBYTE = 1024 * 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    for name in ("a.md", "b.txt", "guide/intro.md", "guide/deep/x.py", "build/out.md", ".git/config", ".env"):
        put(folder / name)
    return folder


@pytest.fixture
def nobody() -> Iterator[None]:
    """Files that root may not read do not exist: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def put(path: Path, content: bytes = b"some words") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class Local:
    """Finds and reads files below some roots."""

    def __init__(self, roots: Sequence[Path], max_bytes: int) -> None:
        self._roots = FolderRoots(roots)
        self._max_bytes = max_bytes

    def discover(self, source: object, options: dict[str, Any]) -> Iterator[Found | Refused]:
        return self.walk(source, options).found()

    def check(self, source: object, options: dict[str, Any]) -> None:
        self.walk(source, options).check()

    def walk(self, source: object, options: dict[str, Any]) -> Walk:
        return Walk(self._roots, str(source), RequestOptions.read(json.dumps(options)))

    def read(self, locator: object, limit: int | None = None) -> bytes:
        return file_reading.read(self._roots, str(locator), limit or self._max_bytes).data


def sources(*roots: Path, max_bytes: int = MEBIBYTE) -> Local:
    return Local(roots, max_bytes)


def names(root: Path, source: object = None, **options: Any) -> list[str]:
    """Return what is found below the root, as paths relative to it, refused ones with their code."""
    start = uri_of(str(root)) + "/"
    return [
        item.uri.removeprefix(start) + (f" {item.code}" if isinstance(item, Refused) else "")
        for item in sources(root).discover(str(source or root), options)
    ]


def code_of(root: Path, source: object, **options: Any) -> str:
    with pytest.raises(RequestError) as caught:
        list(sources(root).discover(str(source), options))
    assert caught.value.hint
    return caught.value.code


def read_code(reader: Local, path: object) -> str:
    with pytest.raises(DocumentError) as caught:
        reader.read(str(path))
    assert caught.value.hint
    return caught.value.code


def test_a_folder_stands_for_its_files_sorted_without_hidden_ones(root: Path) -> None:
    assert names(root) == ["a.md", "b.txt", "build/out.md", "guide/deep/x.py", "guide/intro.md"]


def test_a_file_is_one_document_with_locator_and_size(root: Path) -> None:
    path = str(root / "a.md")
    assert list(sources(root).discover(path, {})) == [Found(f"file://{path}", locator=path, bytes=10)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": "*.md"}, ["a.md", "build/out.md", "guide/intro.md"]),
        ({"include": ["./a.md", "guide/**"]}, ["a.md", "guide/deep/x.py", "guide/intro.md"]),
        ({"include": ["guide/"]}, ["guide/deep/x.py", "guide/intro.md"]),
        ({"include": "guide/*"}, ["guide/intro.md"]),
        ({"include": "**/deep/*.py"}, ["guide/deep/x.py"]),
        ({"include": "?.[mt][dx]*"}, ["a.md", "b.txt"]),
        ({"include": "[!a].*", "exclude": "x.*"}, ["b.txt"]),
        ({"exclude": ["build", "guide/deep/**"]}, ["a.md", "b.txt", "guide/intro.md"]),
        ({"exclude": ["build/", "/guide"]}, ["a.md", "b.txt"]),
        ({"exclude": "*.md"}, ["b.txt", "guide/deep/x.py"]),
        ({"include": [".env", ".git/**"]}, [".env", ".git/config"]),
        ({"include": ["**/.*"]}, [".env"]),
    ],
)
def test_include_and_exclude_choose_among_the_files(root: Path, options: dict[str, Any], expected: list[str]) -> None:
    assert names(root, **options) == expected


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "build/out.md", "guide/intro.md"]),
        ("*/*.md", ["build/out.md", "guide/intro.md"]),
        ("guide/**", ["guide/deep/x.py", "guide/intro.md"]),
        (".e*", [".env"]),
    ],
)
def test_a_glob_matches_whole_paths(root: Path, glob: str, expected: list[str]) -> None:
    assert names(root, f"{root}/{glob}") == expected


def test_a_glob_can_be_narrowed_by_options(root: Path) -> None:
    assert names(root, f"{root}/**/*.md", exclude="build/**", include="guide/**") == ["guide/intro.md"]


def test_a_name_that_looks_like_a_glob_is_taken_as_it_is_when_it_exists(root: Path) -> None:
    put(root / "a[1]*.md")
    assert names(root, root / "a[1]*.md") == ["a%5B1%5D%2A.md"]


def test_a_file_url_is_percent_decoded(root: Path) -> None:
    path = put(root / "mit Ä & 100%#?.md")
    uri = uri_of(str(path))
    assert uri.endswith("/mit%20%C3%84%20&%20100%25%23%3F.md")
    for source in (uri, uri.replace("file://", "FILE://localhost"), uri.replace("file://", "file:")):
        assert [item.uri for item in sources(root).discover(source, {})] == [uri]
    assert sources(root).read(uri) == b"some words"


def test_a_name_that_is_not_unicode_gets_a_uri_and_can_be_read(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.md")).write_bytes(b"latin")
    [found] = sources(root).discover(str(root), {"include": "caf*"})
    assert isinstance(found, Found)
    assert found.uri.endswith("/caf%E9.md")
    assert found.locator is not None
    found.locator.encode()  # Postgres can hold it
    assert sources(root).read(found.locator) == b"latin"


def test_a_document_has_one_uri_however_the_source_is_spelled(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    expected = [f"file://{root}/guide/intro.md"]
    for source in (f"{root}/guide/../guide/intro.md", f"{link}/guide/intro.md", f"{root}//guide/./intro.md"):
        assert [item.uri for item in sources(root).discover(source, {})] == expected
    for source in (f"{link}/guide", f"{root}/guide/", f"{root}/guide/deep/.."):
        assert [item.uri for item in sources(root).discover(source, {"include": "*.md"})] == expected


def test_the_root_is_named_as_it_was_configured(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    assert [item.uri for item in sources(link).discover(f"{root}/guide", {"include": "*.md"})] == [
        f"file://{link}/guide/intro.md"
    ]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("docs/a.md", "relative_path"),
        ("~/docs", "relative_path"),
        ("", "relative_path"),
        ("s3://bucket/key", "relative_path"),
        ("file://elsewhere/a.md", "invalid_source"),
        ("/a\0b", "invalid_source"),
        ("file:///a%00b", "invalid_source"),
        ("/etc/passwd", "outside_roots"),
        ("/no/such/thing", "outside_roots"),
        ("/dev/zero", "outside_roots"),
    ],
)
def test_what_is_no_source_ends_the_request(root: Path, source: str, code: str) -> None:
    assert code_of(root, source) == code


def test_a_missing_empty_or_unmatched_source_ends_the_request(root: Path) -> None:
    (root / "empty").mkdir()
    assert code_of(root, root / "gone.md") == "not_found"
    assert code_of(root, root / "a.md" / "below") == "not_found"
    assert code_of(root, root / "empty") == "empty_source"
    assert code_of(root, root / "*.pdf") == "empty_source"
    assert code_of(root, root, include="*.pdf") == "empty_source"


@pytest.mark.parametrize("value", [7, {"a": 1}, [1], [""], [None], True])
def test_patterns_of_a_wrong_type_end_the_request(root: Path, value: object) -> None:
    assert code_of(root, root, include=value) == "invalid_option"


def test_nothing_leads_out_of_the_roots(root: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret" / "key.md")
    (root / "file.md").symlink_to(secret)
    (root / "folder").symlink_to(secret.parent)
    assert code_of(root, f"{root}/../secret/key.md") == "outside_roots"
    assert code_of(root, root / "file.md") == "outside_roots"
    assert code_of(root, root / "folder" / "*.md") == "outside_roots"
    assert code_of(root, str(root) + "-other") == "outside_roots"
    assert [name for name in names(root) if " " in name] == ["file.md outside_roots", "folder outside_roots"]
    for path in (root / "file.md", root / "folder" / "key.md", secret, f"{root}/../secret/key.md"):
        assert read_code(sources(root), path) == "outside_roots"


def test_without_roots_nothing_can_be_read(root: Path) -> None:
    with pytest.raises(RequestError, match="none is set") as caught:
        list(sources().discover(str(root), {}))
    assert "INGEST_ROOTS" in caught.value.hint


def test_links_between_and_within_roots_are_followed_once(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "other" / "o.md")
    (root / "again").symlink_to(tmp_path / "other")
    (root / "linked").symlink_to(tmp_path / "other")
    (root / "copy.md").symlink_to(root / "a.md")
    (root / "guide2").symlink_to(root / "guide")
    found = [item.uri for item in sources(root, tmp_path / "other").discover(str(root), {"include": "*.md"})]
    relative = [uri.removeprefix(f"file://{root}/") for uri in found]
    assert relative == ["a.md", "again/o.md", "build/out.md", "copy.md", "guide/intro.md"]
    assert sources(root).read(f"{root}/copy.md") == b"some words"


def test_loops_of_folders_and_links_end(root: Path) -> None:
    (root / "guide" / "self").symlink_to(root / "guide")
    (root / "guide" / "up").symlink_to("..")
    (root / "guide" / "ring").symlink_to("ring")
    expected = ["guide/deep/x.py", "guide/intro.md", "guide/ring not_found"]
    assert names(root, root / "guide") == expected
    assert [name for name in names(root) if name.startswith("guide")] == expected
    # Who did not ask for a file of that name does not hear of the ring.
    assert names(root, root / "guide", include="**/*.py") == ["guide/deep/x.py"]


def test_devices_fifos_and_sockets_are_refused_and_do_not_hang(root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.md"))
    assert [name for name in names(root, include="?*.md") if " " in name] == ["pipe.md not_a_file", "s.md not_a_file"]
    assert code_of(root, root / "pipe.md") == "not_a_file"
    for path in (root / "pipe.md", root / "s.md", root / "guide"):
        assert read_code(sources(root), path) == "not_a_file"


@pytest.mark.usefixtures("nobody")
def test_what_may_not_be_read_fails_alone() -> None:
    top = Path("/tmp") / f"ingest-unreadable-{os.getpid()}"  # nobody must get there
    put(top / "good.md")
    put(top / "locked.md").chmod(0)
    put(top / "shut" / "x.md")
    (top / "shut").chmod(0)
    try:
        assert names(top) == ["good.md", "locked.md", "shut unreadable"]
        assert read_code(sources(top), top / "locked.md") == "unreadable"
        assert code_of(top, top / "shut") == "unreadable"
        assert code_of(top, top / "shut" / "x.md") == "unreadable"
        assert sources(top).read(str(top / "good.md"))
    finally:
        (top / "shut").chmod(0o700)
        for path in ("shut/x.md", "locked.md", "good.md"):
            (top / path).unlink()
        (top / "shut").rmdir()
        top.rmdir()


def test_a_source_can_be_checked_without_walking_it(root: Path) -> None:
    (root / "empty").mkdir()
    os.mkfifo(root / "pipe")
    for good in (root, root / "empty", root / "a.md", root / "*.pdf"):
        sources(root).check(str(good), {})
    for bad, code in ((root / "gone", "not_found"), ("/etc", "outside_roots"), (root / "pipe", "not_a_file")):
        with pytest.raises(RequestError) as caught:
            sources(root).check(str(bad), {})
        assert caught.value.code == code


def test_two_gigabytes_are_refused_without_reading_them(root: Path) -> None:
    with (root / "huge.md").open("wb") as file:
        file.truncate(2 * 1024 * MEBIBYTE)
    begin = time.monotonic()
    [found] = sources(root).discover(root / "huge.md", {})
    assert isinstance(found, Found)
    assert found.bytes == 2 * 1024 * MEBIBYTE
    assert read_code(sources(root), root / "huge.md") == "too_large"
    assert time.monotonic() - begin < 1


def test_the_limit_is_exact_and_a_call_can_lower_it(root: Path) -> None:
    path = str(root / "a.md")
    assert sources(root, max_bytes=10).read(path) == sources(root).read(path, 10)
    assert read_code(sources(root, max_bytes=9), path) == "too_large"
    with pytest.raises(DocumentError, match="more than 9"):
        sources(root).read(path, 9)


def test_empty_and_vanished_files_have_their_own_codes(root: Path) -> None:
    put(root / "empty.md", b"")
    assert names(root, root / "empty.md") == ["empty.md"]
    assert read_code(sources(root), root / "empty.md") == "empty_document"
    assert read_code(sources(root), root / "gone.md") == "not_found"


def test_twenty_thousand_files_are_found_lazily(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}").mkdir()
        for file in range(1000):
            os.close(os.open(tmp_path / f"{number:02}" / f"{file:03}.md", os.O_CREAT | os.O_WRONLY))
    found = sources(tmp_path).discover(str(tmp_path), {})
    begin = time.monotonic()
    next(found)
    first = time.monotonic() - begin
    assert sum(1 for _ in found) == 19_999
    assert first < (time.monotonic() - begin) / 5


def test_a_pattern_that_is_no_pattern_is_refused(root: Path) -> None:
    assert code_of(root, root, include="[z-a].md") == "invalid_option"
    assert code_of(root, f"{root}/[z-a]") == "invalid_option"


def looked_at(path: Path, **changed: Any) -> os.stat_result:
    """Return what the system says of a file, but for some of its fields."""
    status = path.stat()
    names = ("st_mtime", "st_ctime", "st_mtime_ns", "st_ctime_ns")
    return os.stat_result(tuple(status), {name: changed.get(name, getattr(status, name)) for name in names})


def test_a_file_s_state_is_another_one_when_any_of_its_times_or_its_size_is(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("words")
    old = time.time() - YOUNG_SECONDS - 1
    times: dict[str, Any] = {"st_mtime": old, "st_ctime": old, "st_mtime_ns": 10, "st_ctime_ns": 20}
    version = state_of(looked_at(path, **times)).version
    assert version is not None
    assert state_of(looked_at(path, **times)).version == version
    assert state_of(looked_at(path, **times | {"st_mtime_ns": 11})).version != version
    assert state_of(looked_at(path, **times | {"st_ctime_ns": 21})).version != version  # the other one was set back
    path.write_text("more words")
    assert state_of(looked_at(path, **times)).version != version


@pytest.mark.parametrize("young", ["st_mtime", "st_ctime"])
def test_a_file_that_may_change_again_without_a_trace_has_no_state(tmp_path: Path, young: str) -> None:
    path = tmp_path / "a.md"
    path.write_text("words")
    old = time.time() - YOUNG_SECONDS - 1
    status = looked_at(path, **{"st_mtime": old, "st_ctime": old, young: time.time() - YOUNG_SECONDS + 2})
    assert state_of(status) == FileState()
