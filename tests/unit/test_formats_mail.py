"""E-mail: body, headers and attachments of well-formed and of broken messages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.documents.signed import SIGNED_DATA
from listener.errors import DocumentError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
WORDS = "Dear Ben,\n\nthe ropes é 船 are here.\n\nAda\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    workers = Workers(1, timeout_seconds=30, memory_mb=512)
    yield workers
    asyncio.run(workers.close())


@pytest.fixture
def parsers(pool: Workers) -> Parsers:
    return Parsers(pool)


async def parse(parsers: Parsers, mail: Message[str, str] | EmailMessage | bytes) -> Parsed:
    return await parsers.parse(mail if isinstance(mail, bytes) else mail.as_bytes(), uri="file:///d/a.eml")


def letter(plain: str | None = WORDS, html: str | None = None) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada Quäy <ada@example.org>", "Ben <ben@example.org>, cat@example.org"
    mail["Cc"], mail["Subject"] = "Dan <dan@example.org>", "Ropes für 船"
    mail["Date"], mail["Message-ID"] = "Mon, 06 May 2024 07:08:09 +0200", "<1@example.org>"
    if plain is not None:
        mail.set_content(plain)
    if html is not None:
        mail.add_alternative(html, subtype="html") if plain is not None else mail.set_content(html, subtype="html")
    return mail


async def test_a_plain_message_keeps_its_body_and_headers(parsers: Parsers) -> None:
    parsed = await parse(parsers, letter())
    assert (parsed.text, parsed.media_type, parsed.title) == (WORDS, "text/plain", "Ropes für 船")
    assert parsed.metadata == {
        "from": "Ada Quäy <ada@example.org>",
        "to": ["Ben <ben@example.org>", "cat@example.org"],
        "cc": ["Dan <dan@example.org>"],
        "date": "2024-05-06T07:08:09+02:00",
        "message_id": "<1@example.org>",
    }
    assert parsed.parts == []


async def test_plain_text_is_preferred_and_html_alone_becomes_markdown(parsers: Parsers) -> None:
    page = "<h1>Ropes</h1><p>are <b>here</b></p>"
    assert (await parse(parsers, letter(WORDS, page))).text == WORDS
    for mail in (letter(None, page), letter(" \n", page)):
        parsed = await parse(parsers, mail)
        assert (parsed.text, parsed.media_type) == ("# Ropes\n\nare **here**\n", "text/markdown")


async def test_attachments_are_parts_with_name_type_and_bytes(parsers: Parsers) -> None:
    mail = letter()
    large = random.Random(1).randbytes(300_000)
    mail.add_attachment(large, maintype="application", subtype="pdf", filename="Rechnung für 船.pdf")
    mail.add_attachment("a;b\n1;2\n", subtype="csv", filename="../../etc/t.csv")
    parsed = await parse(parsers, mail)
    assert parsed.text == WORDS
    assert [(part.name, part.media_type) for part in parsed.parts] == [
        ("Rechnung für 船.pdf", "application/pdf"),
        ("etc t.csv", "text/csv"),
    ]
    assert (parsed.parts[0].data, parsed.parts[1].data) == (large, b"a;b\n1;2\n")


async def test_a_message_inside_is_a_part_named_by_its_subject_and_can_be_parsed_in_turn(parsers: Parsers) -> None:
    inner = letter()
    inner.add_attachment(b"x", maintype="application", subtype="pdf", filename="deep.pdf")
    mail = MIMEMultipart()
    mail["Subject"] = "Fwd"
    mail.attach(MIMEText("see below"))
    mail.attach(MIMEMessage(inner))
    parsed = await parse(parsers, mail)
    [part] = parsed.parts
    assert (part.name, part.media_type) == ("Ropes für 船.eml", "message/rfc822")
    again = await parsers.parse(part.data, uri="x", media_type=part.media_type)
    assert (again.text, again.title, [deep.name for deep in again.parts]) == (WORDS, "Ropes für 船", ["deep.pdf"])


async def test_signatures_and_pictures_of_the_layout_are_left_out(parsers: Parsers) -> None:
    related = MIMEMultipart("related")
    related.attach(MIMEText("<p>Hello <img src='cid:1'></p>", "html"))
    logo = MIMEImage(PNG)
    logo.add_header("Content-ID", "<1>")
    logo.add_header("Content-Disposition", "inline", filename="image001.png")
    related.attach(logo)
    mail = MIMEMultipart("signed")
    mail.attach(related)
    mail.attach(MIMEApplication(b"sig", "pgp-signature", name="signature.asc"))
    assert [part.name for part in (await parse(parsers, mail)).parts] == []
    sent = letter()
    sent.add_attachment(PNG, maintype="image", subtype="png", filename="photo.png")
    assert [part.name for part in (await parse(parsers, sent)).parts] == ["photo.png"]


async def test_a_message_without_a_body_has_the_text_of_its_headers_if_something_is_attached(parsers: Parsers) -> None:
    mail = letter("\n")
    mail.add_attachment(b"x", maintype="application", subtype="pdf", filename="a.pdf")
    assert (await parse(parsers, mail)).text == (
        "Ropes für 船\nFrom: Ada Quäy <ada@example.org>\nTo: Ben <ben@example.org>, cat@example.org\n"
        "Attachment: a.pdf\n"
    )


@pytest.mark.parametrize(
    "mail", [letter("\n"), b"Subject: x\r\n\r\n", b"\r\n", b"Subject: x\r\nContent-Type: image/png\r\n\r\n"]
)
async def test_a_message_without_body_and_attachment_has_no_text(parsers: Parsers, mail: EmailMessage | bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        await parse(parsers, mail)
    assert caught.value.code == "no_text"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\n1\r\n",
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: 7bit\r\n\r\nAA",
    ],
)
async def test_an_encrypted_message_says_so(parsers: Parsers, head: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        await parse(parsers, b"Subject: x\r\n" + head)
    assert caught.value.code == "encrypted"


def of(tag: int, *inside: bytes, indefinite: bool = False) -> bytes:
    """Return an element of BER."""
    content = b"".join(inside)
    if indefinite:
        return bytes([tag, 0x80]) + content + b"\0\0"
    size = len(content).to_bytes(2, "big")
    return bytes([tag, *([len(content)] if len(content) < 0x80 else [0x82, *size])]) + content


def signature_around(inner: bytes, streamed: bool = False) -> bytes:
    """Return a CMS structure with signed content, and a signature that nobody looks at."""
    octets = of(0x24, of(4, inner[:7]), of(4, inner[7:]), indefinite=True) if streamed else of(4, inner)
    content = of(0x30, of(6, bytes.fromhex("2a864886f70d010701")), of(0xA0, octets, indefinite=streamed))
    signed = of(0x30, of(2, b"\1"), of(0x31), content, of(0x31, of(4, b"certificates")), indefinite=streamed)
    return of(0x30, of(6, SIGNED_DATA), of(0xA0, signed, indefinite=streamed), indefinite=streamed)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("said", ["; smime-type=signed-data", "", "; name=smime.p7m"])
async def test_a_message_inside_of_its_signature_is_read(parsers: Parsers, streamed: bool, said: str) -> None:
    inner = letter()
    inner.add_attachment("a,b\n", subtype="csv", filename="t.csv")
    mail = MIMEApplication(signature_around(inner.as_bytes(), streamed), f"pkcs7-mime{said}")
    mail["Subject"] = "Ropes"
    parsed = await parse(parsers, mail)
    assert (parsed.text, parsed.title, parsed.warning) == (WORDS, "Ropes", None)
    assert [part.name for part in parsed.parts] == ["t.csv"]


@pytest.mark.parametrize("cut", [0, 1, 3, 20, 40, 60])
async def test_a_signature_that_is_cut_off_is_no_failure_of_ours(parsers: Parsers, cut: int) -> None:
    mail = MIMEMultipart("mixed")
    mail.attach(MIMEText("beside it"))
    mail.attach(
        MIMEApplication(signature_around(letter().as_bytes(), True)[:cut], "pkcs7-mime; smime-type=signed-data")
    )
    assert (await parse(parsers, mail)).text == "beside it\n"


@pytest.mark.parametrize(
    ("mail", "text", "title"),
    [
        (b"Subject: =?utf-9?q?x?=\n\nwords", "words", "x"),
        (b"Subject: =?utf-8?b?z?= x\n\nwords", "words", "=?utf-8?b?z?= x"),
        ("Subject: für\n\nwörds".encode(), "wörds", "für"),
        ("Subject: für\n\nwörds".encode("latin-1"), "wörds", "für"),
        (b"Content-Type: text/plain; charset=nonsense\n\nw\xc3\xb6rds", "wörds", None),
        (
            b"Content-Type: text/plain; charset=utf-8\n\nw\xf6rds and \xe4\xf6\xfc and more",
            "wörds and äöü and more",
            None,
        ),
        (b"Content-Transfer-Encoding: base64\n\nd29yZHM", "words", None),
        (b"Content-Transfer-Encoding: nonsense\n\nwords", "words", None),
        (b"Content-Type: multipart/mixed; boundary=x\n\nwords without parts", "words without parts", None),
        (b"Content-Type: multipart/mixed\n\n--x\n\nwords", "--x\n\nwords", None),
        (b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nwords", "words", None),
        (b"Content-Type: a/b/c; =;;\nDate: never\nFrom: @@<>,,\nTo: (\n\nwords", "words", None),
        (b"no header at all, just\nwords", "no header at all, just\nwords", None),
        (b"Content-Type: text/plain; charset=utf-8\nSubject: a\x00b\n\nw\x00rds", "wrds", "a b"),
    ],
)
async def test_a_broken_message_is_read_as_far_as_it_goes(
    parsers: Parsers, mail: bytes, text: str, title: str | None
) -> None:
    parsed = await parse(parsers, mail)
    assert (parsed.text.strip(), parsed.title) == (text, title)


async def test_no_damage_makes_the_parser_fail_otherwise_than_with_a_code(parsers: Parsers) -> None:
    mail = letter(WORDS, "<p>page</p>")
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="für.png")
    whole, chance, codes = mail.as_bytes(), random.Random(7), set()
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            broken[chance.randrange(len(broken))] = chance.choice(b'\x00\r\n\xff;=":-a ')
        try:
            parsed = await parse(parsers, bytes(broken[: chance.randint(1, len(broken))]))
        except DocumentError as error:
            codes.add(error.code)
        else:
            assert parsed.text.strip()
            assert "\0" not in parsed.text + (parsed.title or "")
    assert codes <= {"no_text", "encrypted"}


async def test_multiparts_without_end_are_harmless(parsers: Parsers) -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(300))
    with pytest.raises(DocumentError) as caught:
        await parse(parsers, deep + b"\n\nwords")
    assert caught.value.code in ("no_text", "parser_failed")
