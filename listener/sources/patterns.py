"""Which files below a folder a request wants: include and exclude patterns, and what a glob asks for.

``*`` and ``?`` stay within a name, ``[a-z]`` is a set, ``**`` any number of folders. A pattern with a slash matches the
whole path relative to the folder; one without matches a name at any depth. What ``exclude`` matches is left out with
all below it. Hidden names (``.git``) are skipped unless a part of an ``include`` pattern, or of the glob, begins with a
dot and matches them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from listener.errors import RequestError
from listener.sources.archives.kinds import kind_by_name
from listener.sources.matching import Matches, NoPattern, compile_name, compile_path
from listener.sources.options import RequestOptions

MOST_PATTERNS = 100  # of one request
LONGEST_PATTERN = 1000  # characters


@dataclass(frozen=True)
class Choice:
    """Patterns that match paths relative to a folder, compiled."""

    glob: Matches | None
    include: tuple[Matches, ...]
    exclude: tuple[Matches, ...]
    hidden: tuple[Matches, ...]  # hidden names that are asked for
    depth: int | None  # parts that a path can have at most

    def takes(self, path: str) -> bool:
        """Tell whether the file at this path is wanted."""
        if self._leaves_out(path) or (self.glob and not self.glob(path)):
            return False
        # An archive is a folder: ``include`` chooses among what is in it.
        return self._includes(path) or kind_by_name(path) is not None

    def takes_member(self, archive: str, member: str) -> bool:
        """Tell whether a file in an archive is wanted, both paths given; the archive's is empty if it is the source.

        What ``include`` says of the archive, it says of everything in it.
        """
        before = f"{archive}/" if archive else ""
        ends = [at for at, sign in enumerate(member) if sign == "/"] if "/" in member else []
        if any(self._leaves_out(before + member[:end]) for end in [*ends, len(member)]):
            return False
        return self._includes(before + member) or (archive != "" and self._includes(archive))

    def _includes(self, path: str) -> bool:
        return not self.include or any(matches(path) for matches in self.include)

    def descends(self, path: str) -> bool:
        """Tell whether wanted files can lie below the folder at this path."""
        return not self._leaves_out(path) and (self.depth is None or path.count("/") + 1 < self.depth)

    def _leaves_out(self, path: str) -> bool:
        at = path.rfind("/") + 1
        if path.startswith(".", at) and not any(matches(path[at:]) for matches in self.hidden):
            return True
        return bool(self.exclude) and any(matches(path) for matches in self.exclude)


def choose(path: str, options: RequestOptions) -> tuple[str, Choice]:
    """Split a glob into the folder it starts from and its pattern, and compile ``include`` and ``exclude`` with it.

    An existing path is never a glob, whatever its characters. Raises RequestError ``invalid_option``.
    """
    base, glob = split_glob(path)
    return base, choose_below(glob, options)


def choose_below(glob: str, options: RequestOptions) -> Choice:
    """Compile ``include`` and ``exclude``, and a glob of paths below the folder, which may be empty.

    Raises RequestError ``invalid_option``.
    """
    _require_few_and_short([*options.include, *options.exclude, *filter(None, [glob])])
    include = [pattern + "**" if pattern.endswith("/") else pattern for pattern in options.include]
    parts = [part for pattern in [*include, glob] for part in pattern.split("/")]
    return Choice(
        glob=_compiled("/" + glob) if glob else None,
        include=tuple(map(_compiled, include)),
        exclude=tuple(map(_compiled_with_folder, options.exclude)),
        hidden=tuple(_compiled(part, compile_name) for part in parts if part.startswith(".") and part != "."),
        depth=glob.count("/") + 1 if glob and "**" not in glob.split("/") else None,
    )


def split_glob(path: str) -> tuple[str, str]:
    """Return the part of a path before the first pattern, and the rest; the rest is empty if it is not a glob."""
    return (path, "") if _has_magic(path) and os.path.lexists(path) else split_magic(path)


def split_magic(path: str) -> tuple[str, str]:
    """Return the same, whatever exists."""
    if not _has_magic(path):
        return path, ""
    parts = path.split("/")
    first = next(number for number, part in enumerate(parts) if _has_magic(part))
    return "/".join(parts[:first]) or "/", "/".join(part for part in parts[first:] if part)


def _has_magic(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _compiled_with_folder(pattern: str) -> Matches:
    """Compile a pattern of ``exclude`` so that it matches the folder itself, which ends the walk there."""
    if pattern.endswith("/**") and pattern != "/**":
        return _compiled("/" + pattern[:-3].lstrip("/"))
    return _compiled(pattern.rstrip("/") or pattern)


def _compiled(pattern: str, compile_pattern: Callable[[str], Matches] = compile_path) -> Matches:
    try:
        return compile_pattern(pattern)
    except NoPattern as error:
        message = f"the pattern {pattern[:100]!r} can't be used: {error}"
        raise RequestError("invalid_option", message, "try a simpler one") from None


def _require_few_and_short(patterns: Sequence[str]) -> None:
    """Rows of a former release were not held to what SQL refuses today."""
    if len(patterns) > MOST_PATTERNS:
        message = f"{len(patterns)} patterns are too many, {MOST_PATTERNS} are allowed"
        raise RequestError("invalid_option", message, "name folders instead, or insert several requests")
    if (longest := max(map(len, patterns), default=0)) > LONGEST_PATTERN:
        message = f"a pattern of {longest} characters is too long, {LONGEST_PATTERN} are allowed"
        raise RequestError("invalid_option", message, "try a simpler one")
