"""Characters of symbol fonts as Unicode: a code of such a font stands for a picture, not "
    "for the letter of that number.

Word and PowerPoint store them as codes from 0xF020 to 0xF0FF, or as the letters on whose keys the pictures lie.
"""

from __future__ import annotations

_SYMBOL = (  # from 0x20 and from 0xA0, after Adobe's table of the font
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|—↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪€⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
)
_WINGDINGS = (  # what the Unicode Consortium maps to newer pictures is here the older one that fonts have
    " ✏✂✁👓🔔📖🕯☎✆✉📧📪📫📬📭📁📂📄📄📑🗄⌛⌨🖱🖲💻🖴💾💾✇✍✍✌👌👍👎☜☞☝☟🖐☺😐☹💣☠🏳🏱✈☼💧❄✝✞✝✠✡☪☯"
    "ॐ☸♈♉♊♋♌♍♎♏♐♑♒♓&&●❍■□□❑❒⬧⧫◆❖⬥⌧⍓⌘❀✿“”",
    "▪○○○◉◎○▪☐▲✦★✶✴✹✵⯐⌖⟡⌑⯑✪✰🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛⮠⮡⮢⮣⮤⮥⮦⮧❦❦❦❦❦❦❦❦❦❦⌫⌦◄➢▲▼◄➲▲▼←→↑↓↖↗↙↘←→↑↓↖↗↙↘⇦⇨⇧⇩⇔⇕⬀⬁⬃⬂▭▫✗✓☒☑⊞",
)
_CIRCLED = "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"  # of Wingdings, from 0x80
_DINGBATS = (  # Zapf Dingbats, whose order Unicode took over
    " ✁✂✃✄☎✆✇✈✉☛☞✌✍✎✏✐✑✒✓✔✕✖✗✘✙✚✛✜✝✞✟✠✡✢✣✤✥✦✧★✩✪✫✬✭✮✯✰✱✲✳✴✵✶✷✸✹✺✻✼✽✾✿❀❁❂❃❄❅❆❇❈❉❊❋●❍■❏❐❑❒▲▼◆❖◗❘❙❚❛❜❝❞",
    " ❡❢❣❤❥❦❧♣♦♥♠①②③④⑤⑥⑦⑧⑨⑩❶❷❸❹❺❻❼❽❾❿➀➁➂➃➄➅➆➇➈➉➊➋➌➍➎➏➐➑➒➓➔→↔↕➘➙➚➛➜➝➞➟➠➡➢➣➤➥➦➧➨➩➪➫➬➭➮➯ ➱➲➳➴➵➶➷➸➹➺➻➼➽➾",
)
_WINGDINGS_2 = {"O": "✗", "P": "✓", "Q": "☒", "R": "☑", "S": "☒", "T": "☒", "\x97": "•", "\xa3": "□", "\xa2": "■"}
_WINGDINGS_3 = {"f": "←", "g": "→", "h": "↑", "i": "↓", "n": "↔", "p": "▲", "q": "▼", "t": "◄", "u": "►", "\x84": "◄",
                "\x83": "►", "}": "►", "|": "◄"}  # fmt: skip
_WEBDINGS = {"a": "✓", "r": "✗", "c": "□", "g": "■", "n": "●", "3": "◄", "4": "►", "5": "▲", "6": "▼", "s": "?",
             "i": "ℹ", "@": "✎", "Y": "♥", "=": "■"}  # fmt: skip


def _table(low: str, high: str) -> dict[str, str]:
    return {chr(0x20 + place): sign for place, sign in enumerate(low)} | {
        chr(0xA0 + place): sign for place, sign in enumerate(high)
    }


_FONTS = {
    "symbol": _table(*_SYMBOL),
    "wingdings": _table(*_WINGDINGS) | {chr(0x80 + place): sign for place, sign in enumerate(_CIRCLED)},
    "wingdings2": _WINGDINGS_2,
    "wingdings3": _WINGDINGS_3,
    "webdings": _WEBDINGS,
    "zapfdingbats": _table(*_DINGBATS),
    "itczapfdingbats": _table(*_DINGBATS),
    "monotypesorts": _table(*_DINGBATS),
}
PRIVATE = 0xF000  # where programs keep the codes of symbol fonts


def is_symbol_font(font: str | None) -> bool:
    """Tell whether a font has its own pictures instead of characters."""
    return _plain(font) in _FONTS


def shown(text: str, font: str | None) -> str:
    """Return what a text shows in a font; what a symbol font has no known picture for is left out."""
    table = _FONTS.get(_plain(font))
    if table is None:
        return text
    return "".join(table.get(_code(sign), sign if _is_text(sign) else "") for sign in text)


def is_private(sign: str) -> bool:
    """Tell whether a character belongs to a font alone, so that nothing else is known about it."""
    return any(0xE000 <= ord(one) < 0xF900 for one in sign)


def _code(sign: str) -> str:
    return chr(ord(sign) - PRIVATE) if PRIVATE <= ord(sign) <= PRIVATE + 0xFF else sign


def _is_text(sign: str) -> bool:
    return sign.isspace() or (ord(sign) > 0xFF and not is_private(sign))


def _plain(font: str | None) -> str:
    return "".join((font or "").lower().split())
