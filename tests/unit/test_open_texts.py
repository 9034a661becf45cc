"""OpenDocument texts as LibreOffice writes them: titles by a style, formulas in their line, small digits."""

from __future__ import annotations

import pytest
from made_files import zipped

from listener.documents import open_text

NAMES = (
    " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("text", "text"), ("style", "style"), ("draw", "drawing"))
    )
    + ' xmlns:xlink="http://www.w3.org/1999/xlink"'
)
STYLES = (
    '<style:style style:name="P1" style:parent-style-name="Title"/><style:style style:name="P2" '
    'style:parent-style-name="P1"/><style:style style:name="Up">'
    '<style:text-properties style:text-position="super 58%"/></style:style>'
    '<style:style style:name="Down"><style:text-properties style:text-position="sub 58%"/></style:style>'
)
SUM = "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>"


def read(body: str, formula: str = "") -> str:
    math = f'<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics>{formula}<annotation>x</annotation></semantics></math>'
    files = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content {NAMES}><office:automatic-styles>{STYLES}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        "Object 1/content.xml": math,
    }
    (text,), unread = open_text.read(zipped(files))
    assert unread == []
    return text


@pytest.mark.parametrize("style", ["Title", "P1", "P2"])
def test_a_paragraph_in_the_style_of_titles_is_one(style: str) -> None:
    assert (
        read(f'<text:p text:style-name="{style}">Pump <text:span>book</text:span></text:p><text:p>x</text:p>')
        == "# Pump book\n\nx"
    )


def test_small_digits_above_the_line_are_raised() -> None:
    up, down = (f'<text:span text:style-name="{name}">2</text:span>' for name in ("Up", "Down"))
    assert read(f"<text:p>m{up} and CO{down}</text:p>") == "m² and CO2"


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><msup><mi>c</mi><mn>2</mn></msup></mfrac>", "(a+b)/c²"),
        ("<msqrt><mi>y</mi></msqrt><mroot><mi>z</mi><mn>3</mn></mroot>", "√(y)3√(z)"),
        (f"{SUM}<msub><mi>x</mi><mi>i</mi></msub>", "∑_(i=1)^n x_i"),
        ("<mover accent='true'><mi>v</mi><mo>→</mo></mover>", "v⃗"),
        ("<mover><mi>o</mi><mo>¨</mo></mover>", "ö"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd></mtr></mtable>",
            "[1, 0; 0]",
        ),
    ],
)
def test_a_formula_stands_in_its_line(formula: str, line: str) -> None:
    frame = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    assert read(f"<text:p>So {frame} holds.</text:p>", formula) == f"So {line} holds."
