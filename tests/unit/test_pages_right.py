"""Web pages, saved ones, e-mail and XML: what is content and what is not, and in which encoding."""

from __future__ import annotations

import asyncio
import base64
import quopri
from collections.abc import Iterator
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers

FILES = Path(__file__).parent.parent / "documents"
BODY = "The boiler starts below three degrees, as it did last winter."
STUBS = [
    "Your client does not support HTML",
    "This message is in HTML. Please use another mail program to read it.",
    "Sehen Sie diese Nachricht im Browser an: https://example.org/1",
    "\xa0",
    "Hello,",
]


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    workers = Workers(1, timeout_seconds=60, memory_mb=1024)
    yield workers
    asyncio.run(workers.close())


@pytest.fixture
def parsers(pool: Workers) -> Parsers:
    return Parsers(pool)


async def file(parsers: Parsers, name: str) -> Parsed:
    return await parsers.parse((FILES / name).read_bytes(), uri=f"file:///d/{name}")


async def page(parsers: Parsers, body: str) -> str:
    return (await parsers.parse(f"<html><body>{body}</body></html>".encode(), uri="a.html")).text


async def mail(parsers: Parsers, message: MIMEMultipart | EmailMessage | bytes) -> Parsed:
    data = message if isinstance(message, bytes) else message.as_bytes()
    return await parsers.parse(data, uri="file:///d/a.eml")


# pages


async def test_a_pages_own_header_with_title_author_and_abstract_stays(parsers: Parsers) -> None:
    assert (await file(parsers, "report.html")).text.startswith(
        "# Soil moisture of the northern terraces\n\nSecond survey\n\nIlse Brand\n\n4 March 2024\n\nAbstract\n\n"
        "Moisture fell"
    )
    assert (await file(parsers, "article.html")).text == (
        "# How to prune an apple tree\n\nBy Ilse Brand, 4 March\n\nCut in winter.\n"
    )


@pytest.mark.parametrize(
    "furniture",
    [
        "<nav><a href='/'>zz home</a></nav>",
        "<div role='navigation'>zz</div>",
        "<ul role='menu'><li><button>zz Light</button></li><li><button>zz Dark</button></li></ul>",
        "<a class='skip-to-content' href='#content'>zz Skip to content</a>",
        "<div id='mdbook-help-container'><h2>zz Keyboard shortcuts</h2><p>zz Press Esc</p></div>",
        "<span id='SEC_Contents'></span><h2 class='contents-heading'>zz Table of Contents</h2>",
        "<table summary='Navigation header'><tr><td><a href='a.html'>zz Prev</a></td><th>zz Manual</th></tr></table>",
        "<div class='header'><p>Next: <a href='a.html' accesskey='n' rel='next'>zz Types</a> &nbsp; </p></div>",
        "<header><a href='/'>zz Logo</a><a href='/p'>zz Products</a></header>",
        "<footer><a href='/i'>zz Imprint</a> | <a href='/p'>zz Privacy</a></footer>",
        "<aside><ul><li><a href='/a'>zz More</a></li></ul></aside>",
        "<ul><li><a href='#a'>zz One</a></li><li><a href='#b'>zz Two</a></li><li><a href='#c'>zz Three</a></li></ul>",
        "<div id='toc'><h2>zz Contents</h2></div>",
        "<div class='cookie-banner'>zz We use cookies</div>",
        "<div id='CybotCookiebotDialog'>zz</div>",
        "<section class='c-cookies'><p>zz Wir setzen Cookies ein.</p><button>Alle akzeptieren</button></section>",
        "<div role='dialog'><p>zz Nous utilisons des cookies</p><a href='#'>Tout refuser</a></div>",
        "<ol class='breadcrumb'><li><a href='/'>zz</a></li><li><a href='/b'>zz Boats</a></li></ol>",
        "<script>zz</script><style>zz</style><template>zz</template>",
        "<p style='display: none'>zz</p>",
        "<p hidden>zz</p>",
        "<p style='font-size:0'>zz</p>",
        "<span aria-hidden='true'>zz</span>",
        "<select><option>zz</option></select>",
    ],
)
async def test_furniture_and_what_nobody_sees_goes(parsers: Parsers, furniture: str) -> None:
    assert await page(parsers, f"{furniture}<p>{BODY}</p>") == f"{BODY}\n"


async def test_an_old_docbooks_navigation_goes_although_it_is_written_in_capitals(parsers: Parsers) -> None:
    doctype = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">'
    around = "<DIV CLASS='{}'><P>The manual</P><A HREF='a.html'>Prev</A></DIV>"
    body = f"<HTML><BODY>{around.format('NAVHEADER')}<P>{BODY}</P>{around.format('NAVFOOTER')}</BODY></HTML>"
    assert (await parsers.parse((doctype + body).encode(), uri="a.html")).text == f"{BODY}\n"


@pytest.mark.parametrize("sign", ["#", "¶", " ¶", "§", "🔗"])
async def test_a_headings_link_to_itself_is_no_part_of_it(parsers: Parsers, sign: str) -> None:
    text = await page(parsers, f"<h2>Tides<a href='#tides'>{sign}</a></h2><p>{BODY} <a href='#n'>1</a></p>")
    assert text == f"## Tides\n\n{BODY} 1\n"


async def test_a_heading_that_opens_something_is_a_heading(parsers: Parsers) -> None:
    body = f"<details><summary><span>Since 1.0</span><h3>Tides</h3></summary><p>{BODY}</p></details>"
    assert await page(parsers, body) == f"Since 1.0\n\n### Tides\n\n{BODY}\n"


async def test_pieces_of_code_beside_each_other_are_lines(parsers: Parsers) -> None:
    code = "<pre><code>import a from 'b';</code><code>const a = require('b');</code></pre>"
    assert "import a from 'b';\nconst a = require('b');\n" in await page(parsers, code)
    assert "a b\n" in await page(parsers, "<pre><code>a</code> <code>b</code></pre>")


@pytest.mark.parametrize(
    "content",
    [
        "<header><h1>zz Title</h1><p>By an author of this page</p></header>",
        "<header><h1><a href='/post'>zz How to prune an apple tree</a></h1><p>By Ilse</p></header>",
        "<div class='cookie-recipe'><p>zz Bake the cookies for ten minutes.</p></div>",
        "<aside><p>zz a remark beside the text</p></aside>",
        "<footer>zz Written by the harbour master</footer>",
        "<details><summary>More</summary>zz</details>",
        "<div role='tabpanel' hidden>zz the second tab</div>",
        "<p hidden='until-found'>zz</p>",
        "<div aria-hidden='true'><p>zz a whole article that is revealed later</p></div>",
        "<img src='a.png' alt='zz diagram of the pump'>",
        "<ol><li id='n1'>zz explains much of what is said above <a href='#r1'>back</a></li></ol>",
        "<ul><li><a href='/a'>zz One</a></li><li><a href='/b'>Two</a></li><li><a href='/c'>Three</a></li></ul>",
        "<td style='font-size:0'><p style='font-size:12px'>zz</p></td>",
    ],
)
async def test_content_stays(parsers: Parsers, content: str) -> None:
    text = await page(
        parsers, f"<table>{content}</table><p>{BODY}</p>" if "<td" in content else content + f"<p>{BODY}</p>"
    )
    assert "zz" in text
    assert BODY in text


@pytest.mark.parametrize(
    "content",
    [
        "<h2><button>What is the fee?</button></h2><p>Ten.</p>",
        '<div id="root" style="display:none"><p>What is the fee? It is ten, as ever.</p></div><footer>x</footer>',
        '<article><header><p>By <a href="/a">What is the fee?</a></p></header><p>Ten.</p></article>',
        '<header><h4><a href="/a">What is the fee?</a></h4></header><p>Ten.</p>',
        '<div class="cookie-recipe"><h2>What is the fee?</h2><p>Allow the cookies to cool.</p></div><p>Ten.</p>',
        '<div class="page toc sidebar-right"><article>What is the fee?</article></div><p>Ten.</p>',
        '<div class="cookie-notice-page"><main>What is the fee?</main></div><p>Ten.</p>',
    ],
)
async def test_what_only_looks_like_furniture_stays(parsers: Parsers, content: str) -> None:
    assert "What is the fee?" in await page(parsers, content)


async def test_a_backslash_beside_an_encoded_word_of_a_header_fails_no_mail(parsers: Parsers) -> None:
    read = await mail(parsers, b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from C:\\users\\x\n\n" + BODY.encode())
    assert BODY in read.text
    assert read.title == "Grüße from C:\\users\\x"


async def test_nothing_goes_if_nothing_would_be_left(parsers: Parsers) -> None:
    assert "One" in await page(parsers, "<div id='toc'><a href='#a'>One</a></div>")
    assert await page(parsers, f"<main style='display:none'>{BODY}</main>") == f"{BODY}\n"


async def test_hidden_words_and_names_in_capitals_are_as_documented(parsers: Parsers) -> None:
    text = (await file(parsers, "hidden.html")).text
    assert "zzariahidden" in text
    assert not any(word in text for word in ("zzdisplaynone", "zzhiddenattr", "zzfont0"))
    upper = await file(parsers, "meta_upper.html")
    assert "zzupper body é" in upper.text
    assert "zzalt diagram of pump" in upper.text


async def test_what_is_nested_too_deeply_is_said(parsers: Parsers) -> None:
    deep = f"<p>{BODY}</p>" + "<div>" * 3000 + "lost" + "</div>" * 3000
    parsed = await parsers.parse(deep.encode(), uri="a.html")
    assert parsed.text == f"{BODY}\n"
    assert parsed.warning is not None
    assert (parsed.warning.code, "1,024" in parsed.warning.message) == ("partially_read", True)


# encodings


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cz.xml", "Žluťoučký kůň přeběhl"),
        ("fr15.xml", "250 € pour l'œuvre complète"),
        ("page2.xhtml", "Žluťoučký kůň"),
    ],
)
async def test_a_declared_encoding_is_obeyed(parsers: Parsers, name: str, words: str) -> None:
    assert words in (await file(parsers, name)).text


@pytest.mark.parametrize(
    "declared",
    [
        "<?xml version='1.0' encoding='iso-8859-2'?>",
        '<?XML version="1.0" standalone="yes" ENCODING = "ISO_8859-2:1987" ?>',
        "<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=ISO-8859-2'>",
        "<meta content=\"text/html;charset=l2\" http-equiv='content-type' />",
        "<meta charset = latin2 >",
        "<!-- <meta charset=koi8-r> --><meta name=description content='charset=koi8-r'><meta charset='iso-8859-2'>",
    ],
)
async def test_a_declaration_may_be_odd(parsers: Parsers, declared: str) -> None:
    data = f"{declared}<html><body><p>ł ą ż</p></body></html>".encode("iso-8859-2")
    assert (await parsers.parse(data, uri="a.html")).text == "ł ą ż\n"


@pytest.mark.parametrize(
    ("label", "codec"),
    [("x-sjis", "shift_jis"), ("windows-31j", "cp932"), ("ks_c_5601-1987", "cp949"), ("x-cp1250", "cp1250"),
     ("win-1251", "cp1251"), ("x-mac-cyrillic", "mac-cyrillic"), ("dos-874", "cp874"), ("iso-8859-8-i", "iso8859-8")],
)  # fmt: skip
async def test_names_of_encodings_are_those_that_programs_write(parsers: Parsers, label: str, codec: str) -> None:
    words = {"shift_jis": "日本語", "cp932": "日本語", "cp949": "한국어", "cp1250": "žluťoučký", "cp874": "ไทย",
             "iso8859-8": "שלום"}.get(codec, "Привет")  # fmt: skip
    data = f'<?xml version="1.0" encoding="{label}"?><a>{words}</a>'.encode(codec)
    assert words in (await parsers.parse(data, uri="a.xml")).text


async def test_a_declaration_that_can_not_be_true_is_not_obeyed(parsers: Parsers) -> None:
    for label in ("iso-8859-2", "utf-16", "base64", "nonsense"):
        data = f'<?xml version="1.0" encoding="{label}"?><a>žluťoučký</a>'.encode()
        assert "žluťoučký" in (await parsers.parse(data, uri="a.xml")).text


# saved pages and mail


async def test_a_saved_page_is_its_page_and_not_its_style_sheets(parsers: Parsers) -> None:
    parsed = await file(parsers, "saved.mhtml")
    assert (parsed.text, parsed.parts) == ("# Heating rules\n\nThe boiler starts below three degrees.\n", [])


def related(*parts: MIMEBase) -> MIMEMultipart:
    message = MIMEMultipart("related")
    for number, part in enumerate(parts):
        part["Content-Location"] = f"https://example.org/{number}"
        message.attach(part)
    return message


async def test_frames_scripts_and_fonts_of_a_saved_page_are_no_text_of_it(parsers: Parsers) -> None:
    font = MIMEBase("font", "woff2")
    font.set_payload(b"zz")
    parsed = await mail(
        parsers,
        related(
            MIMEText(f"<p>{BODY}</p>", "html"), MIMEText("zz()", "javascript"), MIMEText("<p>zz advert</p>", "html"),
            MIMEText("<x>zz</x>", "xml"), MIMEImage(b"\x89PNG\r\n\x1a\n" + bytes(9)), font,
        ),
    )  # fmt: skip
    assert (parsed.text, parsed.parts) == (f"{BODY}\n", [])
    frames = await mail(parsers, related(MIMEText("<frameset></frameset>", "html"), MIMEText(f"<p>{BODY}</p>", "html")))
    assert frames.text == f"{BODY}\n"


@pytest.mark.parametrize("named", [{"type": "text/html"}, {"start": "<page>"}, {"start": "page"}, {}])
async def test_the_page_is_the_part_that_is_named_wherever_it_stands(parsers: Parsers, named: dict[str, str]) -> None:
    style, page, frame = MIMEText("p { top: 0 }", "css"), MIMEText("<p>page</p>", "html"), MIMEText("<p>ad</p>", "html")
    page["Content-ID"] = "<page>"
    message = related(style, page, frame)
    for name, value in named.items():
        message.set_param(name, value)
    assert (await mail(parsers, message)).text == "page\n"


async def test_only_plain_text_and_html_are_the_body_of_a_message(parsers: Parsers) -> None:
    message = MIMEMultipart()
    for part in (MIMEText(BODY), MIMEText("p { color: red }", "css"), MIMEText("--- a\n+++ b\n", "x-patch")):
        message.attach(part)
    parsed = await mail(parsers, message)
    assert parsed.text == f"{BODY}\n"
    assert [(part.media_type, part.data) for part in parsed.parts] == [("text/x-patch", b"--- a\n+++ b\n")]


async def test_an_invitation_that_says_nothing_else_is_the_text(parsers: Parsers) -> None:
    message = MIMEMultipart("alternative")
    message.attach(MIMEText("BEGIN:VCALENDAR\nSUMMARY:Boiler\nEND:VCALENDAR\n", "calendar"))
    assert "SUMMARY:Boiler" in (await mail(parsers, message)).text
    message.attach(MIMEText(f"<p>{BODY}</p>", "html"))
    assert (await mail(parsers, message)).text == f"{BODY}\n"


@pytest.mark.parametrize("stub", STUBS)
async def test_a_stub_of_a_plain_body_gives_way_to_the_page(parsers: Parsers, stub: str) -> None:
    message = EmailMessage()
    message.set_content(stub)
    message.add_alternative(f"<h1>Heating</h1><p>{BODY}</p>", subtype="html")
    assert (await mail(parsers, message)).text == f"# Heating\n\n{BODY}\n"


@pytest.mark.parametrize("plain", [BODY, f"> quoted\n\n{BODY}\n\n-- \nAda", f"{BODY} Reply to this mail in HTML."])
async def test_a_plain_body_that_says_what_the_page_says_is_taken(parsers: Parsers, plain: str) -> None:
    message = EmailMessage()
    message.set_content(plain)
    message.add_alternative(f"<div><b>{BODY}</b></div>", subtype="html")
    parsed = await mail(parsers, message)
    assert (parsed.text.strip(), parsed.media_type) == (plain, "text/plain")


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit", "base64 only in name"])
async def test_a_message_inside_is_read_however_it_was_packed(parsers: Parsers, encoding: str) -> None:
    inner = EmailMessage()
    inner["Subject"] = "Löschen"
    inner.set_content("Größe = 5\n", cte="8bit")
    packed = inner.as_bytes()
    if encoding == "base64":
        packed = base64.encodebytes(packed)
    elif encoding == "quoted-printable":
        packed = quopri.encodestring(packed)
    outer = (
        b"Subject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n--b\n"
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: "
        + encoding.partition(" ")[0].encode()
        + b"\n\n"
        + packed
    )
    [part] = (await mail(parsers, outer + b"\n--b--\n")).parts
    assert (part.name, part.media_type) == ("Löschen.eml", "message/rfc822")
    again = await parsers.parse(part.data, uri="a.eml", media_type=part.media_type)
    assert (again.text.strip(), again.title) == ("Größe = 5", "Löschen")


async def test_an_encrypted_part_of_a_message_is_said(parsers: Parsers) -> None:
    message = MIMEMultipart()
    message.attach(MIMEText(BODY))
    message.attach(MIMEBase("application", "pkcs7-mime", smime_type="enveloped-data"))
    parsed = await mail(parsers, message)
    assert parsed.text == f"{BODY}\n"
    assert parsed.warning is not None
    assert parsed.warning.message.endswith("without its encrypted part")
