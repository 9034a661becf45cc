"""Which body of an e-mail is used, and how a nested message was encoded."""

from __future__ import annotations

import binascii
import email.policy
import quopri
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser

from listener.documents.reading import PartSent

WORD = re.compile(r"\w+")
# What programs write in place of a text: it speaks of HTML, of the program, or of a browser to open instead.
STUB = re.compile(
    r"\bhtml\b|\b(?:e-?mail|mail) (?:client|program|reader|viewer)|\bbrowser\b|\bnavigateur\b|\bnavegador\b|"
    r"\bview (?:this|it) (?:e-?mail|message|online)|\bMailprogramm|ブラウザ|浏览器|瀏覽器|браузер",
    re.IGNORECASE,
)
STUB_WORDS = 60  # that it has at most
SHARED = 1 / 3  # of the page's words that a rendition of it has at least; real ones have nearly all
SAMPLE = 200_000  # characters that are compared
HEADER = re.compile(rb"\A(?:From |[!-9;-~]{1,100}:)")


@dataclass(slots=True)
class Contents:
    """What was found while walking through a message."""

    texts: list[str] = field(default_factory=list)
    markdown: bool = False
    parts: list[PartSent] = field(default_factory=list)
    sealed: bool = False

    @property
    def words(self) -> list[str]:
        """The words of its texts, as far as they are compared."""
        return WORD.findall("\n".join(self.texts)[:SAMPLE].casefold())


def best(forms: Sequence[Contents]) -> Contents | None:
    """Return which body to use: the plain one, unless it is only a placeholder; None if all are empty."""
    worded = [form for form in forms if any(map(str.strip, form.texts))]
    plain = next((form for form in worded if not form.markdown), None)
    page = next((form for form in worded if form.markdown), None)
    if plain is None or page is None:
        return plain or page
    return page if _stands_in(plain, page) else plain


def _stands_in(plain: Contents, page: Contents) -> bool:
    """Tell whether a plain text has little of what the page says: it is a stub, or the beginning only."""
    said, meant = plain.words, page.words
    distinct = set(meant)
    if len(distinct & set(said)) >= SHARED * len(distinct):
        return False
    is_stub = len(said) <= STUB_WORDS and any(map(STUB.search, plain.texts))
    return is_stub or len(said) < len(meant)


def unpacked(part: Message[str, str], inner: Message[str, str], data: bytes) -> tuple[bytes, Message[str, str]]:
    """Return a message inside of another one as it was before it was packed, against the rules, in base64 or the like.

    The library takes what is packed for the message itself. One that is only said to be packed stays as it is.
    """
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    plain = data
    if encoding == "quoted-printable":
        plain = quopri.decodestring(data)
    elif encoding == "base64" and not HEADER.match(data.lstrip()):
        try:
            plain = binascii.a2b_base64(data)
        except binascii.Error:
            return data, inner
    if plain == data or not HEADER.match(plain.lstrip()):
        return data, inner
    plain = plain.lstrip()
    return plain, BytesParser(policy=email.policy.compat32).parsebytes(plain, headersonly=True)
