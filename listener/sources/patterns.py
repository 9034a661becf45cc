"""Which files below a folder a request wants: include and exclude patterns, and what a glob asks for.

``*`` and ``?`` stay within a name, ``[a-z]`` is a set, ``**`` any number of folders. A pattern with a slash matches the
whole path relative to the folder; one without matches a name at any depth. What ``exclude`` matches is left out with
all below it. Hidden names (``.git``) are skipped unless a part of an ``include`` pattern, or of the glob, begins with a
dot and matches them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from listener.errors import RequestError
from listener.options import RequestOptions

MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Choice:
    """Patterns that match paths relative to a folder, compiled."""

    glob: re.Pattern[str] | None
    include: tuple[re.Pattern[str], ...]
    exclude: tuple[re.Pattern[str], ...]
    hidden: tuple[re.Pattern[str], ...]  # hidden names that are asked for
    depth: int | None  # parts that a path can have at most

    def takes(self, path: str) -> bool:
        """Tell whether the file at this path is wanted."""
        if self._leaves_out(path) or (self.glob and not self.glob.fullmatch(path)):
            return False
        return not self.include or any(pattern.fullmatch(path) for pattern in self.include)

    def descends(self, path: str) -> bool:
        """Tell whether wanted files can lie below the folder at this path."""
        return not self._leaves_out(path) and (self.depth is None or path.count("/") + 1 < self.depth)

    def _leaves_out(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        if name.startswith(".") and not any(pattern.fullmatch(name) for pattern in self.hidden):
            return True
        return any(pattern.fullmatch(path) for pattern in self.exclude)


def choose(path: str, options: RequestOptions) -> tuple[str, Choice]:
    """Split a glob into the folder it starts from and its pattern, and compile ``include`` and ``exclude`` with it.

    A path that exists is no glob, whatever its characters. Raises RequestError ``invalid_option``.
    """
    base, glob = split_glob(path)
    include = [pattern + "**" if pattern.endswith("/") else pattern for pattern in options.include]
    parts = [part for pattern in [*include, glob] for part in pattern.split("/")]
    choice = Choice(
        glob=_compiled("/" + glob) if glob else None,
        include=tuple(map(_compiled, include)),
        exclude=tuple(map(_compiled_with_folder, options.exclude)),
        hidden=tuple(re.compile(_part(part)) for part in parts if part.startswith(".") and part != "."),
        depth=glob.count("/") + 1 if glob and "**" not in glob.split("/") else None,
    )
    return base, choice


def split_glob(path: str) -> tuple[str, str]:
    """Return the part of a path before the first pattern, and the rest; the rest is empty if it is no glob."""
    if not MAGIC.search(path) or os.path.lexists(path):
        return path, ""
    parts = path.split("/")
    first = next(number for number, part in enumerate(parts) if MAGIC.search(part))
    return "/".join(parts[:first]) or "/", "/".join(part for part in parts[first:] if part)


def _compiled_with_folder(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of ``exclude`` so that it matches the folder itself, which ends the walk there."""
    if pattern.endswith("/**") and pattern != "/**":
        return _compiled("/" + pattern[:-3].lstrip("/"))
    return _compiled(pattern.rstrip("/") or pattern)


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if "/" not in pattern:
        parts = ["**", *parts]
    expression = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            expression += "(?s:.+)" if last else "(?:[^/]+/)*"
        else:
            expression += _part(part) + ("" if last else "/")
    try:
        return re.compile(expression)
    except re.error as error:
        raise RequestError(
            "invalid_option", f"the pattern {pattern!r} can't be used: {error}", "try a simpler one"
        ) from None


def _part(part: str) -> str:
    """Return a regular expression for one name; an unclosed ``[`` stands for itself."""
    expression, rest = "", part
    while rest:
        if (found := re.match(r"\[([!^]?)(\]?[^\]/]*)\]", rest)) and found[2]:
            members = re.sub(r"([\\\[\]^&~|])", r"\\\1", found[2])
            expression += f"[{'^/' if found[1] else ''}{members}]"
            rest = rest[found.end() :]
        else:
            expression += {"*": "[^/]*", "?": "[^/]"}.get(rest[0]) or re.escape(rest[0])
            rest = rest[1:]
    return re.sub(r"(\[\^/\]\*){2,}", r"[^/]*", expression)  # a run of stars would be slow, and says no more than one
