"""The image's Python packages are fixed, file by file, and are those that pyproject.toml asks for."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:  # comes with pytest there
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "deploy" / "packages"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
IMAGE = {"python_version": "3.12", "python_full_version": "3.12.0", "sys_platform": "linux"}
PIN = re.compile(r"([\w.-]+)==([\w.!+]+)(?: ; ([^\\]+))? \\((?: *--hash=sha256:[0-9a-f]{64}(?: \\)?)+)")


def locked(name: str) -> dict[str, str]:
    """Return the versions in a list; each line of it must belong to a pin with hashes."""
    text = (PACKAGES / name).read_text(encoding="utf-8")
    joined = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "\\")
    found: dict[str, str] = {}
    for line in joined.splitlines():
        pin = PIN.fullmatch(line)
        assert pin, line[:100]
        found[canonicalize_name(pin[1])] = pin[2]
    return found


def asked_for(extra: str | None = None) -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] if extra else [])]
    found = [Requirement(text) for text in texts]
    return [one for one in found if one.marker is None or one.marker.evaluate(IMAGE)]


@pytest.mark.parametrize(
    ("name", "requirements"),
    [
        ("image.txt", asked_for()),
        ("image-objects.txt", asked_for("objects")),
        ("image-opik.txt", asked_for("opik")),
        ("build.txt", [Requirement(text) for text in PYPROJECT["build-system"]["requires"]]),
    ],
)
def test_what_the_project_asks_for_is_in_the_list_in_a_version_that_fits(
    name: str, requirements: list[Requirement]
) -> None:
    versions = locked(name)
    assert requirements
    for one in requirements:
        found = versions.get(canonicalize_name(one.name))
        assert found, f"{one.name} is not in {name}: run deploy/packages/lock --keep"
        assert one.specifier.contains(found, prereleases=True), f"{one} is {found} in {name}: run deploy/packages/lock"


def test_the_lists_name_no_index_and_no_place() -> None:
    for file in PACKAGES.glob("*.txt"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host| @ ", text), file.name


def test_the_image_takes_packages_from_these_lists_only() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = re.findall(
        r"pip[^&\n]*? (?:install|wheel) [^&\n]*", "\n".join(re.findall(r"^RUN .*", lines, re.MULTILINE))
    )
    assert len(installs) == 4
    assert [one for one in installs if "--require-hashes" not in one and "--no-index" not in one] == []
    for extra in ("", "-opik"):
        assert (PACKAGES / f"image{extra}.txt").exists()
