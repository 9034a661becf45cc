"""Meaningful titles: a program's default is not one, and a heading says more than a file name.

::

    what its properties or front matter say ─► a program's default: none
                                            ├► the name of a file: only if there is no heading
                                            └► otherwise it is the title
    otherwise its first heading of the first level, otherwise its first
"""

from __future__ import annotations

import re
from posixpath import basename, splitext
from unicodedata import normalize
from urllib.parse import unquote

from listener.documents.markdown.fences import Fences
from listener.documents.markdown.front_matter import title_of_front_matter
from listener.documents.markdown.headings import read_headings
from listener.documents.markdown.spans import plain
from listener.documents.media_types import MARKDOWN
from listener.documents.outlines import first_heading_of
from listener.documents.reading import short

PROGRAM = re.compile(r"^Microsoft (?:Office )?(?:Word|PowerPoint|Excel|Publisher|Visio) - ", re.IGNORECASE)
FILE = re.compile(r"^(?:.*[\\/])?([^\\/]+)\.([a-zA-Z]{1,8})$")
ENDINGS = frozenset({
    "doc", "docx", "docm", "dot", "dotx", "rtf", "odt", "ott", "xls", "xlsx", "xlsm", "ods", "csv", "ppt", "pptx",
    "pps", "ppsx", "odp", "pub", "indd", "qxd", "pmd", "dvi", "tex", "ps", "eps", "pdf", "txt", "text", "htm",
    "html", "xhtml", "mht", "php", "asp", "aspx", "md", "markdown", "rst", "adoc", "xml", "json", "png", "jpg",
    "jpeg", "tif", "tiff", "gif", "eml", "msg", "epub", "wpd", "vsd", "vsdx",
})  # fmt: skip
# As programs write them, in the languages of most documents; a number may follow, and brackets may surround them.
DEFAULTS = frozenset({
    "untitled", "unbenannt", "ohne titel", "sans titre", "sin título", "senza titolo", "sem título",
    "naamloos", "bez tytułu", "без названия", "無題", "无标题", "제목 없음", "no title", "no name", "title",
    "titel", "titre", "título", "titolo", "anonymous", "unspecified", "unknown", "undefined", "none",
    "null", "n/a", "not available", "no subject", "doc", "document", "untitled document",
    "untitled page", "new document", "new page", "blank", "blank page", "dokument", "documento",
    "документ", "book", "workbook", "worksheet", "sheet", "mappe", "tabelle", "classeur", "feuil",
    "feuille", "libro", "hoja", "cartel", "foglio", "лист", "slide", "folie", "diapositive",
    "diapositiva", "слайд", "presentation", "präsentation", "présentation", "powerpoint presentation",
    "powerpoint-präsentation", "présentation powerpoint", "presentación de powerpoint",
    "apresentação do powerpoint", "presentazione standard di powerpoint", "powerpoint-presentatie",
    "prezentacja programu powerpoint", "презентация powerpoint", "powerpoint プレゼンテーション",
    "powerpoint 演示文稿", "powerpoint 簡報", "powerpoint 프레젠테이션", "click to edit master title style",
    "click to add title", "insert title here", "your title here", "title goes here", "about:blank",
    "unbenanntes dokument", "document sans titre", "documento sin título", "documento senza titolo",
    "documento sem título", "naamloos document", "dokument bez tytułu", "dokument bez názvu", "bez názvu",
    "nepojmenovaný dokument", "nový dokument", "neues dokument", "nouveau document", "nuevo documento",
    "nuovo documento", "novo documento", "nieuw document", "nowy dokument", "namnlöst dokument",
    "dokument uten tittel", "unavngivet dokument", "nimetön asiakirja", "névtelen dokumentum", "adsız doküman",
    "документ без названия", "новый документ", "документ без назви", "無題ドキュメント", "无标题文档", "無標題文件",
    "제목 없는 문서", "react app", "vite app", "vite + react", "vite + react + ts", "vite + vue", "create next app",
    "full page photo", "full page fax print", "scan", "scanned document", "image", "img",
})  # fmt: skip
BLANK = re.compile(r"\s")
LETTER = re.compile(r"\w")
ADDRESS = re.compile(r"^(?:https?|file)://\S+$", re.IGNORECASE)
NUMBER = re.compile(r"[ _-]?[(\[]?\d{1,5}$")
COPY = re.compile("(?:copy of|kopie von|copie de|copia de|copia di|cópia de|kopie van|копия|[-–] (?:copy|kopie)$) ?")
BRACKETS = "()[]<>{} "
UNKNOWN = re.compile("[?\ufffd]")
MOST_UNKNOWN = 0.4  # "Why?" has a quarter
REACH, MOST_HEADINGS = 20_000, 50  # characters and headings in which a title is looked for
PAGE_HEADING = re.compile(r"<h1\b[^<>]{0,200}>((?:(?!</?h1\b).){1,500})</h1", re.IGNORECASE | re.DOTALL)


def title_of(said: str | None, text: str, kind: str, uri: str, *, is_message: bool = False) -> str | None:
    """Return the title of a document: what its properties say (``said``), unless its text says it better.

    ``kind`` is the media type of ``text``, ``uri`` the document's name. A message's subject was written by somebody:
    it is dropped only if there is a heading instead.
    """
    by_hand = None if said or kind != MARKDOWN else _written(title_of_front_matter(text))
    if by_hand and BLANK.search(by_hand) and not (PROGRAM.match(by_hand) or is_default(by_hand)) and readable(by_hand):
        return by_hand  # whatever it looks like: somebody wrote it
    own = told(said or by_hand)
    if own and not (is_file(by_hand) if by_hand else is_name(said or "", uri)):
        return own
    return readable(short(_heading(text, kind))) or (readable(said) if is_message else own)


def _written(title: str | None) -> str | None:
    """Return a title of a front matter without marks; what is in angles there is a word, as in ``List<T>``."""
    return short(title if title and "<" in title else plain(title or ""))


def told(title: str | None) -> str | None:
    """Return the title that a document's properties hold, without program and folder, or None if it is a default."""
    name = PROGRAM.sub("", title or "")
    if file := _file(name):
        name = file[1]
    name = name.strip()
    return None if is_default(name) else readable(name)


def is_default(name: str) -> bool:
    """Tell whether a program puts this where nobody has said a title, or whether it says nothing."""
    bare = normalize("NFC", name).strip(BRACKETS).casefold()
    bare = COPY.sub("", bare).strip(BRACKETS)
    return LETTER.search(bare) is None or bare in DEFAULTS or NUMBER.sub("", bare) in DEFAULTS


def is_file(title: str) -> bool:
    """Tell whether a title is the name of a file with its ending, or what a program makes of that."""
    return bool(PROGRAM.match(title) or _file(title))


def _file(title: str) -> re.Match[str] | None:
    """Return the parts of a file's name: 1 without its folder and ending."""
    parts = FILE.match(title)
    return parts if parts and parts[2].lower() in ENDINGS else None


def is_name(title: str, uri: str) -> bool:
    """Tell whether a title that nobody may have written is like the name of a file, the document's own or another."""
    own = basename(unquote(uri.partition("?")[0].rpartition("#")[2]))
    return (
        is_file(title)
        or ADDRESS.match(title) is not None
        or ("_" in title and not BLANK.search(title))
        or title in (own, splitext(own)[0])
    )


def readable(title: str | None) -> str | None:
    """Return the title unless its letters got lost."""
    if not title or "\ufffd" in title or is_unknown(title):
        return None
    return title


def is_unknown(text: str) -> bool:
    """Tell whether most of a text's letters are question marks: its fonts don't say which letters they draw."""
    visible = sum(map(len, text.split()))
    return len(UNKNOWN.findall(text)) > visible * MOST_UNKNOWN


def _heading(text: str, kind: str) -> str | None:
    beginning = text[:REACH]
    return _markdown_heading(beginning) if kind == MARKDOWN else first_heading_of(beginning, kind)


def _markdown_heading(text: str) -> str | None:
    """Return the first heading of the first level, otherwise the first; a program's default does not count."""
    fences = Fences()
    first = None
    at = len(text)
    for number, heading in enumerate(read_headings(text, fences)):
        if number == MOST_HEADINGS:
            break
        if not heading.title or is_default(heading.title):
            continue
        if heading.level == 1:
            first, at = heading.title, heading.start
            break
        first = first or heading.title
    return _page_heading(text, at, fences) or first


def _page_heading(text: str, end: int, fences: Fences) -> str | None:
    """Return the heading of the first level that is written as HTML, if one comes first."""
    found = PAGE_HEADING.search(text, 0, end)
    if found is None or fences.around(found.start()) is not None:
        return None
    title = plain(" ".join(found[1].split()))
    return None if is_default(title) else title
