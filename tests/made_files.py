"""Documents that tests make byte by byte: PDFs with gaps, Word files and workbooks with what no program here writes."""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    f'xmlns:r="{RELATED}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    'ContentType="application/xml"/><Override PartName="/{}" '
    'ContentType="application/vnd.openxmlformats-officedocument.{}.main+xml"/></Types>'
)


def zipped(files: Mapping[str, str | bytes], broken: str = "") -> bytes:
    """Return a zip; the bytes of the part ``broken`` are damaged."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
            at = archive.getinfo(broken).header_offset if broken else 0
        data = bytearray(file.getvalue())
    if broken:
        begin = at + 30 + len(broken)
        data[begin : begin + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def damaged(path: Path, part: str) -> bytes:
    """Return a zip file with damaged bytes in one of its parts."""
    with zipfile.ZipFile(path) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()}, broken=part)


def changed(path: Path, part: str, old: str, new: str) -> bytes:
    """Return a zip file with some text of one of its parts replaced."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in files[part]
    return zipped(files | {part: files[part].replace(old.encode(), new.encode())})


def _related(main: str, kinds: Mapping[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="{name}" Type="{RELATED}/{kind}" Target="{name}"/>' for name, kind in kinds.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{rows}{main}</Relationships>'


def word_file(
    body: str, parts: Mapping[str, str] | None = None, broken: str = "", main: str = "document", strict: bool = False
) -> bytes:
    """Return a Word file; ``parts``: the insides of ``footnotes``, ``comments``, ``header`` and others.

    ``strict``: in the standard's strict form, which names everything otherwise.
    """
    parts = parts or {}
    roots = {"header": "hdr", "footer": "ftr"}
    files = {
        "[Content_Types].xml": TYPES.format(f"word/{main}.xml", "wordprocessingml.document"),
        "_rels/.rels": _related(f'<Relationship Id="m" Type="{RELATED}/officeDocument" Target="word/{main}.xml"/>', {}),
        f"word/_rels/{main}.xml.rels": _related("", {f"{name}.xml": name for name in parts}),
        f"word/{main}.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
    }
    for name, inside in parts.items():
        root = roots.get(name, name)
        files[f"word/{name}.xml"] = f"<w:{root} {WORD}>{inside}</w:{root}>"
    if strict:
        usual = re.compile(r"http://schemas.openxmlformats.org/(wordprocessingml|officeDocument)/2006/")
        files = {name: usual.sub(r"http://purl.oclc.org/ooxml/\1/", text) for name, text in files.items()}
    return zipped(files, broken)


def run(text: str, properties: str = "") -> str:
    """Return a run of a Word file."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str) -> str:
    """Return a paragraph of a Word file; plain words become a run."""
    return f"<w:p>{''.join(one if one.startswith('<') else run(one) for one in runs)}</w:p>"


def workbook(
    sheets: Mapping[str, str],
    formats: Mapping[int, str] | None = None,
    styles: tuple[int, ...] = (),
    broken: str = "",
    declared: str = "",
) -> bytes:
    """Return a workbook of sheets whose rows are given as XML.

    ``formats``: number formats by their number; ``styles``: which format each style of a cell has.
    ``declared``: what stands before each sheet's root.
    """
    numbers = "".join(f'<numFmt numFmtId="{number}" formatCode="{code}"/>' for number, code in (formats or {}).items())
    cells = "".join(f'<xf numFmtId="{number}"/>' for number in styles)
    files = {
        "[Content_Types].xml": TYPES.format("xl/workbook.xml", "spreadsheetml.sheet"),
        "_rels/.rels": _related(f'<Relationship Id="m" Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/>', {}),
        "xl/workbook.xml": f'<workbook {SHEET} xmlns:r="{RELATED}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="s{n}.xml"/>' for n, name in enumerate(sheets, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _related(
            "", {f"s{n}.xml": "worksheet" for n in range(1, len(sheets) + 1)} | {"styles.xml": "styles"}
        ),
        "xl/styles.xml": f"<styleSheet {SHEET}><numFmts>{numbers}</numFmts><cellXfs>{cells}</cellXfs></styleSheet>",
    }
    for number, rows in enumerate(sheets.values(), 1):
        files[f"xl/s{number}.xml"] = f"{declared}<worksheet {SHEET}><sheetData>{rows}</sheetData></worksheet>"
    return zipped(files, broken)


def pdf_file(
    pages: list[str],
    broken: tuple[int, ...] = (),
    missing: tuple[int, ...] = (),
    objects: Mapping[int, bytes] | None = None,
    on_page: str = "",
    catalog: str = "",
) -> bytes:
    """Return a PDF with a line of text a page; ``broken``, ``missing``: numbers of pages that are damaged or gone.

    ``objects``: others by their number, from 100; ``on_page``, ``catalog``: entries of the first page, of the document.
    """
    kids = " ".join(f"{2 * place + 10} 0 R" for place in range(len(pages)))
    found: dict[int, bytes] = {
        1: f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode(),
        2: f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    for place, line in enumerate(pages):
        number, entries = 2 * place + 10, on_page if not place else ""
        if place + 1 not in missing:
            found[number] = (
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
                f"/Contents {number + 1} 0 R{entries}>>"
            ).encode()
        found[number + 1] = stream(content_of(line), broken=place + 1 in broken)
    return _written(found | dict(objects or {}))


def content_of(line: str) -> bytes:
    """Return what draws a line of text on a page."""
    return f"BT /F1 12 Tf 72 720 Td ({line}) Tj ET".encode()


def in_base85(data: bytes, broken: bool = False) -> bytes:
    """Return a deflated stream of a PDF, written in ASCII as some programs do."""
    packed = base64.a85encode(zlib.compress(data)) + b"~>"
    packed = packed[:20] + b"!" * 20 + packed[40:] if broken else packed
    return b"<</Filter[/ASCII85Decode/FlateDecode]/Length %d>>\nstream\n%b\nendstream" % (len(packed), packed)


def stream(data: bytes, entries: str = "", broken: bool = False) -> bytes:
    """Return a deflated stream of a PDF."""
    packed = zlib.compress(data)
    packed = packed[:2] + b"\xff\xff\xff" + packed[5:] if broken else packed
    head = f"<<{entries}/Filter/FlateDecode/Length {len(packed)}>>\nstream\n".encode()
    return head + packed + b"\nendstream"


def _written(objects: Mapping[int, bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, content in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    begin, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n" % size
    for number in range(size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    return bytes(out + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, begin))


def opendocument(kind: str, body: str, declared: str = "") -> bytes:
    """Make an OpenDocument file with this body."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"), ("draw", "drawing"),
                            ("presentation", "presentation"))
    )  # fmt: skip
    content = f"{declared}<office:document-content {spaces}><office:body>{body}</office:body></office:document-content>"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return zipped(
        {"mimetype": kind.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    )
