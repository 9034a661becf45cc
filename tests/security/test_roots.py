"""What can be no root, however it is spelled: the whole file system, and what is the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_command import Ingest

from listener.errors import OperatorError, RequestError
from listener.sources.folder_roots import FolderRoots
from listener.sources.options import RequestOptions
from listener.sources.walk import Walk

REFUSED = [
    "/",
    "//",
    "///",
    "/.",
    "/..",
    "/usr/..",
    "/proc",
    "/proc/",
    "//proc",
    "/./proc/.",
    "/proc/1",
    "/proc/self/root",
    "/proc/self/root/srv",
    "/proc/self/cwd",
    "/proc/self/fd",
    "/proc/none",
    "/sys",
    "/sys/kernel",
    "/dev",
    "/dev/shm",
    "/dev/fd",
    "/usr/../dev/./pts",
]


def refused(*roots: object) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        FolderRoots([str(root) for root in roots])
    assert caught.value.code == "wrong_setting"
    assert "/srv/docs" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("root", REFUSED)
def test_the_whole_file_system_and_what_is_the_kernels_are_no_roots(root: str, tmp_path: Path) -> None:
    assert f"the root {root}: " in refused(tmp_path, root).message


@pytest.mark.parametrize("root", ["/", "/proc", "/sys/kernel", "/dev", "/proc/self/root"])
def test_nor_is_a_link_to_one_of_them(root: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "again").symlink_to("link")
    for link in ("link", "again", "again/."):
        refused(tmp_path / link)


def test_a_folder_whose_name_only_begins_like_one_of_them_is_a_root() -> None:
    for name in ("/process", "/device/files", "/system", "/srv/proc", "/srv/dev"):
        assert FolderRoots([name]).names == [name]


def test_a_root_with_two_slashes_is_the_one_with_one(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("words")
    roots = FolderRoots([f"/{tmp_path}/./"])
    (found,) = Walk(roots, str(tmp_path), RequestOptions()).found()
    assert found.uri == f"file://{tmp_path}/a.md"
    assert roots.names == [str(tmp_path)]


def test_without_a_root_that_holds_it_the_system_is_outside(tmp_path: Path) -> None:
    for source in ("/", "/proc/self/environ", f"{tmp_path}/../../../../../proc/self/environ"):
        with pytest.raises(RequestError) as caught:
            Walk(FolderRoots([tmp_path]), source, RequestOptions()).check()
        assert caught.value.code == "outside_roots"


async def test_a_listener_does_not_start_and_doctor_says_why(ready: str, tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready, INGEST_FILE_ROOTS=f"{tmp_path}:/proc/self/root")
    ended = await ingest("listen")
    assert ended.status == 5
    assert "wrong_setting: the root /proc/self/root: " in ended.err
    doctor = await ingest("doctor", "--json")
    assert doctor.status == 5
    (roots,) = (one for one in doctor.json["checks"] if one["name"] == "roots")
    assert (roots["state"], roots["message"].partition(":")[0]) == ("problem", "wrong_setting")


async def test_quickstart_takes_no_root_that_a_listener_would_not(tmp_path: Path) -> None:
    ended = await Ingest(tmp_path, INGEST_DATABASE_URL="postgresql://nobody@/x?host=/nowhere")("quickstart", "/")
    assert (ended.status, ended.code()) == (5, "wrong_setting")
