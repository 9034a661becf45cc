"""Secrets are hidden in whatever is said: in errors, and so in tables, in DBOS's rows, traces and logs.

::

    mask(text)           what looks like a secret, and the keys that were remembered
    Key(key).hide(text)  one key, whole or in parts of 8 characters, however it is written
    Secrets(environment) the values of keys and passwords in an environment, in addition

Only the secret is hidden, never the sentence. Each pattern takes steps in proportion to the text, whatever that is.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

HIDDEN = "***"
SHORTEST_SECRET = 4  # of a known value: shorter ones would blot out half the log; in a URL they are masked anyway
PART = 8  # characters of a key that are hidden although they are not all of it
LEAST_RANDOM = 16  # characters of a key whose parts are no words

_SECRET_NAME = re.compile(r"(?i)(?:_api_key|api_?token|_token|_secret|password|secret_access_key)$")
_URL_PASSWORD = re.compile(r"://[^\s:/?#@]*:([^\s/]+)@")
_PASSWORD_PARAMETER = re.compile(r"(?i)[?&\s](?:ssl)?password=([^\s&]+)")
_KEY_NAME = re.compile(r"(?i)(?:key|token|secret)$")

_SEPARATOR = r"\\{0,3}['\"]?\s{0,8}(?:[=:]|%3[aAdD])\s{0,8}"
_VALUE = r"(?:\\{0,3}'[^'\n]{0,999}'|\\{0,3}\"[^\"\n]{0,999}\"|\\{0,3}['\"]?[^\s'\",;&)}\]\\]{1,999})"
_LETTERS = r"[\w.~+/=%-]"
_WITH_DIGITS = rf"(?!\d{{1,30}}\b)(?={_LETTERS}{{0,99}}\d){_LETTERS}{{8,999}}"  # no word, and no count
_NAME = (
    r"(?:token|secret|api[ _-]?key|access[_-]?key|private[_-]?key|account[_-]?key|signature|credentials?|passphrase)"
)
_PARAMETER = r"(?:key|sig|auth|pass|pwd?|sid|jwt|session|sas|x-amz-[a-z-]{1,30}|x-goog-[a-z-]{1,30})"
_SCHEME = r"(?:(?:basic|bearer|token)\s{1,8})?"

# What looks like a secret, after a word that must be present: most texts contain none of them.
_NAMED = (
    ("://", r"://[^\s:/?#@'\"]{0,300}:", r"[^\s/'\"]{1,999}(?=@)"),  # a URL's password; an @ inside does not end it
    ("://", r"://", r"(?=[\w.~+%-]{0,99}\d)[\w.~+%-]{20,300}(?=@)"),  # a token in the place of a user
    ("pass", rf"\b(?:pg|ssl)?(?:password|passwd){_SEPARATOR}", _VALUE),  # conninfo, ?password=, JSON, a dict's repr
    ("key", rf"\b(?:x-)?api[_-]?key{_SEPARATOR}", _VALUE),
    ("key provided", r"\bkey provided\s{0,8}:?\s{0,8}['\"]?", r"[^\s'\",;]{4,999}"),
    ("=", rf"{_NAME}\s{{0,8}}=\s{{0,8}}['\"]?", rf"(?!\d{{1,30}}\b){_LETTERS}{{6,999}}"),
    (":", rf"{_NAME}{_SEPARATOR}\\{{0,3}}['\"]?", _WITH_DIGITS),
    ("%3d", rf"(?:{_NAME}|%3f{_PARAMETER}|%26{_PARAMETER})%3d", r"[\w.~+/=-]{6,999}"),
    ("=", rf"[?&;]{_PARAMETER}=", r"[^\s&#;'\"<>)}\]]{1,999}"),
    (
        "authorization",
        rf"\bauthorization\\{{0,3}}['\"]?\s{{0,8}}[=:]\s{{0,8}}\\{{0,3}}['\"]?{_SCHEME}",
        r"[\w.~+/=-]{1,999}",
    ),
    ("bearer", r"\bbearer(?:\s|%20){1,8}", r"(?:(?=[\w.~+/=-]{0,99}[\d._=])[\w.~+/=-]{6,999}|[\w.~+/=-]{20,999})"),
    ("basic", r"\bbasic(?:\s|%20){1,8}", r"(?=[\w+/-]{0,299}[\d=])[\w+/-]{8,999}={0,2}"),
    ("private key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----", r"[^-]{1,9999}"),
)
# Keys that show by their beginning whose they are; OpenAI, Amazon, Google, GitHub, GitLab, Slack, Stripe and others.
_BEGINNINGS = (
    ("sk-", r"sk-(?:\w{1,20}-){0,6}(?=\w{0,99}\d)\w{8,999}[\w-]{0,999}"),
    ("eyj", r"eyJ[\w-]{8,9999}\.[\w-]{8,9999}(?:\.[\w-]{0,9999}){0,3}"),  # a JWT
    ("akia", r"AKIA[A-Z0-9]{16}\b"),
    ("asia", r"ASIA[A-Z0-9]{16}\b"),
    ("aiza", r"AIza[\w-]{30,99}"),
    ("ya29.", r"ya29\.[\w.-]{10,999}"),
    ("gh", r"gh[opsur]_[A-Za-z0-9]{16,999}"),
    ("github_pat_", r"github_pat_\w{16,999}"),
    ("glpat-", r"glpat-[\w-]{16,999}"),
    ("xox", r"xox[a-z]-[\w-]{10,999}"),
    ("_live_", r"[prs]k_live_\w{8,999}"),
    ("hf_", r"hf_[A-Za-z0-9]{16,999}"),
    ("gsk_", r"gsk_[A-Za-z0-9]{16,999}"),
    ("nvapi-", r"nvapi-[\w-]{16,999}"),
    ("pplx-", r"pplx-[A-Za-z0-9]{16,999}"),
    ("xai-", r"xai-[A-Za-z0-9]{16,999}"),
    ("jina_", r"jina_[A-Za-z0-9]{16,999}"),
)
_LEAKS = (
    *((word, re.compile(f"(?i:(?P<before>{before})){secret}")) for word, before, secret in _NAMED),
    *((word, re.compile(rf"(?P<before>(?<![\w-])){secret}")) for word, secret in _BEGINNINGS),
)

# One character, however it is written; blanks and what is not seen come to nothing.
_WRITTEN = re.compile(
    r"%(?:25){0,3}(?P<percent>[0-9a-fA-F]{2})|\\{1,4}u(?P<u>[0-9a-fA-F]{4})|\\{1,4}x(?P<x>[0-9a-fA-F]{2})"
    r"|&(?:amp;)?#x(?P<hex>[0-9a-fA-F]{1,6});|&(?:amp;)?#(?P<decimal>[0-9]{1,7});"
    r"|(?P<nothing>[\s\\\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff])|(?P<plain>.)",
    re.DOTALL,
)
_UNSEEN = {"\u00ad", "\ufeff", *map(chr, [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)])}

_remembered: dict[str, Key | re.Pattern[str]] = {}


def remember(key: str) -> None:
    """Hide a key that this process has in all that it says from now on: its parts too, unless they may be words."""
    if len(key) >= LEAST_RANDOM and any(character.isdigit() for character in key):
        _remembered[key] = Key(key)
    elif len(key) >= PART:
        _remembered[key] = re.compile(_alone(key))


def mask(text: str) -> str:
    """Return ``text`` without what looks like a secret, and without the remembered keys."""
    for key in [*_remembered.values()]:
        if isinstance(key, re.Pattern):
            text = key.sub(HIDDEN, text)
        elif key.may_be_in(text):
            text = key.hide(text)
    lower = text.lower()
    for word, leak in _LEAKS:
        if word in lower:
            text = leak.sub(rf"\g<before>{HIDDEN}", text)
    return text


class Key:
    """One key, as others may repeat it.

    Whole or in parts of 8 characters, in upper or lower case, split by blanks, percent-encoded, escaped as in JSON or
    HTML, in base64 (also after a user's name) or hexadecimal.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        forms = {_lower(form) for form in _forms_of_key(key)}
        self._parts = {form[at : at + PART] for form in forms for at in range(len(form) - PART + 1)}
        # Of any 8 characters in a row, four of these are among them.
        self._probes = {form[at : at + 4] for form in forms for at in range(0, len(form) - 3, 5)}
        self._short = re.compile(_alone(key)) if SHORTEST_SECRET <= len(key) < PART else None

    def may_be_in(self, text: str) -> bool:
        """Tell whether it is worth a closer look, which takes a microsecond a character; few texts are."""
        if "%" in text or "\\" in text or "&" in text or not _UNSEEN.isdisjoint(text):
            return True
        squeezed = "".join(text.lower().split())
        return any(probe in squeezed for probe in self._probes)

    def hide(self, text: str) -> str:
        """Return ``text`` without the key."""
        if self._short:
            return self._short.sub(HIDDEN, text)
        written = [*_characters(text)]
        letters = "".join(letter for letter, _, _ in written)
        shown, end = [], 0
        for first, last in self._found(letters):
            shown += [text[end : written[first][1]], HIDDEN]
            end = written[last][2]
        return "".join([*shown, text[end:]])

    def _found(self, letters: str) -> Iterator[tuple[int, int]]:
        """Yield the first and last places of what must be masked, in order and apart."""
        first = last = -1
        for at in range(len(letters) - PART + 1):
            if letters[at : at + PART] not in self._parts:
                continue
            if first >= 0 and at > last + 1:
                yield first, last
                first = -1
            first, last = (at if first < 0 else first), at + PART - 1
        if first >= 0:
            yield first, last


def _forms_of_key(key: str) -> Iterator[str]:
    data = key.encode(errors="surrogateescape")  # a variable may hold bytes that are no text
    yield key
    yield data.hex()
    for before in range(3):  # the bytes before it in base64 shift it by this much
        for encoded in (base64.b64encode(b"\0" * before + data), base64.urlsafe_b64encode(b"\0" * before + data)):
            yield encoded.decode().rstrip("=")[4 if before else 0 : -1]


def _characters(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the characters that a text writes, in lower case, and from where to where each is written."""
    for found in _WRITTEN.finditer(text):
        kind, written = found.lastgroup, found[found.lastgroup or 0]
        if kind == "plain":
            yield _lower(written), *found.span()
        elif kind != "nothing":
            code = int(written, 10 if kind == "decimal" else 16)
            yield _lower(chr(min(code, 0x10FFFF))), *found.span()


def _lower(text: str) -> str:
    """Return ``text`` in lower case, as long as it was."""
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


class Secrets:
    """What must not be read in a log: the values of an environment, the remembered keys, and what looks like one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the values of keys, tokens and passwords in ``environment``, and the passwords in its URLs."""
        values = {form for secret in _secrets(environment) for form in _forms(secret) if len(form) >= SHORTEST_SECRET}
        longest_first = sorted(values, key=len, reverse=True)
        self._known = [(secret, re.compile(_alone(secret))) for secret in longest_first]
        for name, value in environment.items():
            if _SECRET_NAME.search(name) and _KEY_NAME.search(name):
                remember(value.strip())

    def hide(self, text: str) -> str:
        """Return ``text`` without secrets."""
        for secret, pattern in self._known:
            if secret in text:
                text = pattern.sub(HIDDEN, text)
        return mask(text)

    def hide_in(self, value: Any) -> Any:
        """Return a JSON value, or its text if it is not JSON, without secrets."""
        if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, Mapping):
            return {self.hide(str(key)): self.hide_in(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.hide_in(item) for item in value]
        return self.hide(str(value))


def _secrets(environment: Mapping[str, str]) -> Iterable[str]:
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            yield value.strip()
        for password in _URL_PASSWORD.findall(value):
            yield password
        for password in _PASSWORD_PARAMETER.findall(value):
            yield password


def _forms(secret: str) -> set[str]:
    """Return how a value can be written: as it is, decoded from a URL or encoded, inside quotes of Python or JSON."""
    plain = {secret, unquote(secret), quote(secret, safe="", errors="surrogateescape")}
    return plain | {repr(form)[1:-1] for form in plain} | {json.dumps(form)[1:-1] for form in plain}


def _alone(secret: str) -> str:
    """Return a pattern for ``secret`` outside of longer words: the password may be an everyday word."""
    before, after = (r"(?<!\w)" if secret[0].isalnum() else ""), (r"(?!\w)" if secret[-1].isalnum() else "")
    return before + re.escape(secret) + after
