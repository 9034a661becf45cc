"""Whatever is swapped for a link while a folder is walked and read: no name, size or byte from outside comes out."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from listener.errors import DocumentError, RequestError
from listener.sources import file_reading, listing, opening
from listener.sources.base import Found, Refused
from listener.sources.folder_roots import FolderRoots
from listener.sources.options import RequestOptions
from listener.sources.walk import Walk

PUBLIC, SECRET = b"public", b"secret and longer"
CHANGED = {"not_found", "outside_roots", "not_a_file", "unreadable"}  # what may be said of what is being swapped
EXCHANGE = 2  # RENAME_EXCHANGE: two names change places, and there is no moment without either
AT_FDCWD = -100

# Swaps two paths as fast as it can until its input ends, then says how often; the number is even.
SWAPPER = f"""
import ctypes, os, select, sys
rename = ctypes.CDLL(None).renameat2
one, two = map(os.fsencode, sys.argv[1:])
print("ready", flush=True)
count = 0
while count % 2 or not select.select([0], [], [], 0)[0]:
    if rename({AT_FDCWD}, one, {AT_FDCWD}, two, {EXCHANGE}):
        sys.exit("renameat2 failed")
    count += 1
print(count)
"""


@pytest.fixture(params=["openat2", "part by part"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way in which places are opened: the kernel's, and the one for kernels without it."""
    if request.param == "part by part":
        monkeypatch.setattr(opening, "has_openat2", lambda: False)
    elif not opening.has_openat2():
        pytest.skip("this kernel has no openat2")
    name: str = request.param
    return name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a folder ``way``, and beside it ``link``, which leads to a folder outside that looks alike."""
    put(tmp_path / "root" / "a.md")
    put(tmp_path / "root" / "way" / "deep" / "y.md")
    put(tmp_path / "root" / "way" / "x.md")
    put(tmp_path / "root" / "z.md")
    outside = tmp_path / "outside"
    put(outside / "x.md", SECRET)
    put(outside / "deep" / "y.md", SECRET)
    put(outside / "deep" / "only-outside.md", SECRET)
    put(outside / "only-outside.md", SECRET)
    (tmp_path / "link").symlink_to(outside)
    return tmp_path / "root"


def put(path: Path, content: bytes = PUBLIC) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def exchange(one: Path, two: Path) -> None:
    done = ctypes.CDLL(None).renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(two), EXCHANGE)
    assert done == 0


def walk(root: Path, source: object = None, roots: FolderRoots | None = None, **options: object) -> Walk:
    return Walk(roots or FolderRoots([root]), str(source or root), RequestOptions.model_validate(options))


def shown(items: Iterator[Found | Refused], root: Path) -> list[str]:
    """Return what was found as paths below the root, with its size or the code of why not."""
    start = f"file://{root}/"
    return [f"{one.uri.removeprefix(start)} {one.bytes if isinstance(one, Found) else one.code}" for one in items]


def read(roots: FolderRoots, path: object) -> bytes | str:
    try:
        return file_reading.read(roots, str(path), 1000).data
    except DocumentError as error:
        return error.code


@contextmanager
def swapping(one: Path, two: Path) -> Iterator[Callable[[], int]]:
    """Have another process swap two paths all the time; the function ends that and returns how often it did."""
    process = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, str(one), str(two)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def count() -> int:
        out, _ = process.communicate()
        return int(out)

    try:
        yield count
    finally:
        process.communicate()


# one step after the other


@pytest.mark.usefixtures("way")
def test_a_folder_that_became_a_link_after_it_was_seen_shows_nothing(root: Path) -> None:
    looking = walk(root)
    items = looking.found()
    first = next(items)
    exchange(root / "way", root.parent / "link")
    rest = shown(items, root)
    assert [first.uri.removeprefix(f"file://{root}/"), *rest] == ["a.md", "way not_found", "z.md 6"]


@pytest.mark.usefixtures("way")
def test_a_folder_on_the_way_that_became_a_link_shows_nothing_of_what_lies_deeper(root: Path) -> None:
    put(root / "way" / "a.md")
    items = walk(root / "way", root / "way", FolderRoots([root])).found()
    next(items)
    exchange(root / "way", root.parent / "link")
    assert shown(items, root) == ["way/deep not_found", "way/x.md 6"]  # that was listed before


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("instead", ["a link", "another folder"])
def test_a_folder_that_is_swapped_between_two_pages_of_it_shows_no_more(root: Path, instead: str) -> None:
    for number in range(listing.PAGE + 2):
        put(root / "way" / f"{number:05}.md")
        put(root.parent / "outside" / f"{number:05}.md", SECRET)
    items = walk(root, root / "way").found()
    next(items)
    exchange(root / "way", root.parent / ("link" if instead == "a link" else "outside"))
    rest = shown(items, root)
    assert rest[: listing.PAGE - 1] == [f"way/{number:05}.md 6" for number in range(1, listing.PAGE)]
    assert rest[listing.PAGE - 1 :] == [
        f"way/{name} not_found" for name in (f"{listing.PAGE:05}.md", f"{listing.PAGE + 1:05}.md", "deep", "x.md")
    ]
    assert {line.rsplit(" ", 1)[1] for line in rest} == {"6", "not_found"}


@pytest.mark.usefixtures("way")
def test_what_was_found_and_lies_behind_a_link_by_now_is_not_read(root: Path) -> None:
    roots = FolderRoots([root])
    found = [one for one in walk(root, roots=roots).found() if isinstance(one, Found)]
    exchange(root / "way", root.parent / "link")
    assert [read(roots, one.locator) for one in found] == [PUBLIC, "outside_roots", "outside_roots", PUBLIC]
    with pytest.raises(DocumentError) as refused:
        file_reading.read_ranges(roots, f"{root}/way/x.md", [(0, 3)])
    assert refused.value.code == "outside_roots"


@pytest.mark.usefixtures("way")
def test_a_file_that_became_a_link_is_not_read_and_not_measured(root: Path) -> None:
    (root.parent / "to-x").symlink_to(root.parent / "outside" / "x.md")
    exchange(root / "z.md", root.parent / "to-x")
    assert shown(walk(root).found(), root)[-1] == "z.md outside_roots"
    assert read(FolderRoots([root]), root / "z.md") == "outside_roots"


@pytest.mark.usefixtures("way")
def test_a_root_that_became_a_link_shows_nothing_until_the_listener_starts_anew(root: Path) -> None:
    roots = FolderRoots([root])
    exchange(root, root.parent / "link")
    for source in (root, root / "x.md"):
        with pytest.raises(RequestError) as refused:
            next(walk(root, source, roots).found())
        assert refused.value.code == "outside_roots"
    assert read(roots, root / "x.md") == "outside_roots"


@pytest.mark.usefixtures("way")
def test_a_root_that_was_configured_as_a_link_follows_it_but_not_to_what_can_be_no_root(root: Path) -> None:
    current = root.parent / "current"
    current.symlink_to(root / "way")
    roots = FolderRoots([current])
    assert shown(walk(current, roots=roots).found(), current) == ["deep/y.md 6", "x.md 6"]
    current.unlink()
    current.symlink_to(root / "way" / "deep")
    assert shown(walk(current, roots=roots).found(), current) == ["y.md 6"]
    assert read(roots, current / "y.md") == PUBLIC
    for system in ("/", "/proc", "/dev"):
        current.unlink()
        current.symlink_to(system)
        for path in (f"{current}/self/status", f"{current}/etc/passwd", "/etc/passwd", f"{current}/null"):
            assert read(roots, path) == "outside_roots"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "target",
    [
        "/proc/self/root/{outside}/x.md",
        "/proc/self/cwd",
        "/proc/self/fd/0",
        "../" * 200 + "{outside}/x.md",
        "way/../../outside/x.md",
        "/{outside}//./x.md",
        "../link/x.md",
        "../root/../outside/deep/../x.md",
    ],
)
def test_no_spelling_of_a_link_leads_out(root: Path, target: str) -> None:
    outside = str(root.parent / "outside").lstrip("/")
    (root / "m.md").symlink_to(target.format(outside=outside))
    assert [line for line in shown(walk(root).found(), root) if line.startswith("m.md")] == ["m.md outside_roots"]
    assert read(FolderRoots([root]), root / "m.md") == "outside_roots"


@pytest.mark.usefixtures("way")
def test_links_within_links_end_where_the_kernel_ends_them(root: Path) -> None:
    put(root / "links" / "0")
    for number in range(45):
        (root / "links" / str(number + 1)).symlink_to(str(number))
    (root / "links" / "ring").symlink_to("ring/..")
    found = dict(line.rsplit(" ", 1) for line in shown(walk(root, root / "links").found(), root))
    assert found["links/40"] == "6"
    assert {found[f"links/{number}"] for number in range(42, 46)} == {found["links/ring"]} == {"not_found"}


@pytest.mark.usefixtures("way")
def test_nothing_is_learned_of_what_lies_outside_not_even_whether_it_is_there(root: Path) -> None:
    """By a link's target, or by going there and back in a path."""
    outside = root.parent / "outside"
    (outside / "twisted").symlink_to(outside / "deep")
    for number, target in enumerate(("x.md", "deep", "gone", "twisted")):
        (root / f"{number}").symlink_to(outside / target)
    for include in ([], ["*.md"], ["[0-9]"]):
        said = [line for line in shown(walk(root, include=include).found(), root) if line[0].isdigit()]
        assert said == [f"{number} outside_roots" for number in range(4)]
    for there in ("x.md", "deep", "gone", "twisted", "deep/..", "."):
        with pytest.raises(RequestError) as refused:
            walk(root, f"{outside}/{there}/../../root/a.md").check()
        assert refused.value.code == "outside_roots"
        assert read(FolderRoots([root]), f"{outside}/{there}/../../root/a.md") == "outside_roots"


@pytest.mark.usefixtures("way")
def test_a_tree_of_two_thousand_folders_is_walked_with_few_descriptors_and_read_to_its_end(tmp_path: Path) -> None:
    top = tmp_path / "deep"
    top.mkdir()
    folder = os.open(top, os.O_RDONLY)
    for number in range(2000):
        os.mkdir("ddd", dir_fd=folder)
        below = os.open("ddd", os.O_RDONLY, dir_fd=folder)
        if number % 200 == 199:
            file = os.open("z.md", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
            os.write(file, PUBLIC)
            os.close(file)
        os.close(folder)
        folder = below
    os.close(folder)
    before, most, found = descriptors(), 0, []
    try:
        for one in walk(top).found():
            most = max(most, descriptors())
            found.append(one)
        assert [one.bytes for one in found if isinstance(one, Found)] == [6] * 10  # deepest first
        assert len(found[0].uri) > 8000 > os.pathconf(top, "PC_PATH_MAX")
        assert [read(FolderRoots([top]), one.uri) for one in found] == [PUBLIC] * 10
        assert most <= before + 1  # the one that counts them
    finally:
        subprocess.run(["rm", "-rf", str(top)], check=True)  # shutil and pytest can't


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as few as can be


def test_a_walk_that_is_given_up_leaves_no_descriptor_open(root: Path) -> None:
    before = descriptors()
    for _ in range(20):
        next(walk(root).found())
        with pytest.raises(RequestError):
            next(walk(root, root / "gone").found())
        assert read(FolderRoots([root]), root / "way") == "not_a_file"
    assert descriptors() == before


@pytest.mark.usefixtures("way")
def test_what_the_kernel_mounted_below_a_root_is_not_read(root: Path) -> None:
    """In a mount namespace of its own; where that is not allowed, see the next test."""
    (root / "mounted").mkdir()
    script = f"""
import subprocess, sys
sys.path[:0] = {sys.path!r}
subprocess.run(["mount", "--rbind", "/proc", {str(root / "mounted")!r}], check=True)
from test_walk import *
opening.has_openat2 = lambda: {opening.has_openat2()}
root = Path({str(root)!r})
assert [line for line in shown(walk(root).found(), root) if "mounted" in line] == ["mounted kernel_file"]
assert read(FolderRoots([root]), root / "mounted" / "self" / "environ") == "kernel_file"
assert read(FolderRoots([root]), root / "mounted" / "version") == "kernel_file"
"""
    asked = ["unshare", "--mount", "--map-root-user"] if os.geteuid() else ["unshare", "--mount"]
    if subprocess.run([*asked, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")
    ran = subprocess.run(
        [*asked, sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("place", ["/proc/self/status", "/proc", "/sys/kernel"])
def test_the_kernels_file_systems_are_recognized(place: str, root: Path) -> None:
    for path, expected in ((place, True), (str(root), False), (str(root / "a.md"), False)):
        descriptor = os.open(path, opening.PLACE)
        assert opening.is_kernels(descriptor) is expected
        os.close(descriptor)


# races


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("swapped", ["folder", "file", "grandparent"])
def test_whoever_wins_a_race_nothing_from_outside_is_reported_or_read(root: Path, swapped: str) -> None:
    one, target = {
        "folder": (root / "way", "outside"),
        "file": (root / "way" / "x.md", "outside/x.md"),
        "grandparent": (root / "way" / "deep", "outside/deep"),
    }[swapped]
    two = root.parent / "swapped"
    two.symlink_to(root.parent / target)
    roots = FolderRoots([root])
    said, contents = set[str](), set[bytes | str]()
    with swapping(one, two) as count:
        for _ in range(150):
            said.update(shown(walk(root, roots=roots).found(), root))
            for _ in range(10):
                contents.add(read(roots, root / "way" / "x.md"))
                contents.add(read(roots, root / "way" / "deep" / "y.md"))
        assert count() > 100
    known = {"a.md", "z.md", "way", "way/x.md", "way/deep", "way/deep/y.md"}
    assert {line.rsplit(" ", 1)[0] for line in said} <= known
    assert {line.rsplit(" ", 1)[1] for line in said} <= {str(len(PUBLIC)), *CHANGED}
    assert PUBLIC in contents
    assert contents & CHANGED  # both were met
    assert contents <= {PUBLIC, *CHANGED}
