"""Remove a page's furniture before it becomes Markdown, and put in the alternative texts of pictures.

::

    goes     scripts, styles, navigation, search, controls; headers, footers and asides that are mostly links;
             tables of contents made of links into the page; cookie banners; what is hidden from everybody
    stays    headers with words (title, author, abstract); alternative texts of pictures; closed details, tabs that are
             not open; what is hidden from screen readers only, if it is more than a decoration

Nothing goes if nothing would be left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import filterfalse, islice
from typing import Any

from listener.documents import equations, layout_tables

GONE = (
    "script, style, nav, [role=navigation], [role=search], [role=menubar], [role=menu], div.related, "
    "div.sphinxsidebar, a.headerlink, div[class=navheader i], div[class=navfooter i], table[summary^=navigation i], "
    "a.anchor-link, a[class*=skip i][href^='#'], a[class*=screen-reader i][href^='#'], a[class*=sr-only i][href^='#'], "
    "a[class*=visually i][href^='#'], #mdbook-help-container, input, select, textarea, button, template, "
    "iframe, object, [role=doc-toc], #toc, .toc, #table-of-contents, .table-of-contents, #SEC_Contents, "
    ".contents-heading, div.contents.topic, nav.contents, .mw-editsection, rt, rp, "
    "td.linenos, span.linenos, span.lineno, td.gutter, td.rouge-gutter, td.blob-num, span.lnt"  # numbers of lines
)
PERMALINKS = frozenset("#¶§🔗")
# The common programs for consent, by the names that they give their banners; others by what they say.
BANNERS = (
    "#CybotCookiebotDialog, #onetrust-consent-sdk, #usercentrics-root, #didomi-host, .cc-window, "
    "[id*=cookie-banner i], [class*=cookie-banner i], [id*=cookie-notice i], [class*=cookie-notice i], "
    "[id*=cookie-consent i], [class*=cookie-consent i], [id*=cookie-bar i], [class*=cookie-bar i], "
    "[id*=cookie-law i], [class*=cookie-law i]"
)
ASKING = (
    "[id*=cookie i], [class*=cookie i], [id*=consent i], [class*=consent i], [id*=gdpr i], [class*=gdpr i], "
    "[id*=banner i], [class*=banner i], [id*=cmp i], [class*=cmp i], "
    "[aria-label*=cookie i], [aria-label*=consent i], [aria-label*=privacy i], "
    "[role=dialog], [role=alertdialog], [aria-modal=true], dialog"
)
COOKIES = re.compile("cookie|куки|クッキー", re.IGNORECASE)
CONSENT = re.compile(
    "accept|agree|allow|reject|consent|akzept|zustimm|einverstanden|refuser|aceptar|rechazar|aceitar|accett|rifiut|"
    "akcept|souhlas|godta|samtyck|hyväksy|принять|согла|同意",
    re.IGNORECASE,
)
BANNER_WORDS = 250  # that it has at most
HEADERS = "header, [role=banner]"
FRAMES = (
    "footer, aside, [role=contentinfo], .breadcrumb, .breadcrumbs, #breadcrumb, #breadcrumbs, "
    "[class^=breadcrumb i], [class$=breadcrumb i], [class$=breadcrumbs i], [aria-label*=breadcrumb i], "
    ".navbar, .navigation, #navigation, #nav, .nav, .menu, #menu, .pagination, .skip-link, "
    ".nav-panel, div.header > p:has(> a[rel][accesskey])"  # Texinfo's
)
LINKING = (  # names of what leads elsewhere, if it does, and is not around the page
    "[class*=nav- i], [class*=-nav i], [class*=navbox i], [class*=navigation i], [id*=navigation i], [class*=-menu i], "
    "[class*=menu- i], [class*=sidebar i], [id*=sidebar i], [class*=page-toc i], [class*=-toc i], [class*=toc- i], "
    "[class*=table-of-content i], [id*=table-of-content i], [class*=share- i], [class*=-share i], [class*=sharing i], "
    "[class*=sharedaddy i], [class*=social- i], .catlinks, .mw-portlet"
)
UNSEEN = "[hidden], [style*=display i], [style*=visibility i], [style*=font-size i], [aria-hidden=true]"
OPENERS = ", ".join(f"{name} button" for name in ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt"))
ANSWERS = "button, input, dialog, [role=button], a[class*=btn i], a[class*=button i], a[href='#'], a:not([href])"
HEADINGS = "h1, h2, h3, h4, h5, h6"
MOSTLY = 0.5  # of a frame's letters that are links, then it leads elsewhere
INDEX = 0.8  # of a list's letters that are links into the page, then it is a table of contents
LEAST_ENTRIES = 3
MOST_ANCHORS, MOST_LEVELS = 5000, 30  # that are looked at for lists of contents
DEEPEST = 2000
NESTING = re.compile(  # tags, but of elements that end by themselves
    r"<(/?)(?!(?:br|img|hr|input|meta|link|p|li|t[drh]|tbody|thead|dt|dd|option|col|area|wbr|source)\b)[a-z]",
    re.IGNORECASE,
)
HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
VANISHING = re.compile(r"(?:^|;)\s*font-size\s*:\s*0(?:px|pt|em|rem|%)?\s*(?:;|!|$)", re.IGNORECASE)
WHOLE = frozenset({"html", "body", "main", "article"})  # hidden until a script shows them
INLINE = frozenset({"span", "i", "b", "em", "strong", "a", "svg", "small", "sup", "sub", "img", "use", "path"})
LEAST_WORDS = 3  # of what is more than a decoration
FILE = re.compile(r"^\S+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?)$", re.IGNORECASE)


def removed(page: str) -> str:
    """Return a page without its furniture."""
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError  # noqa: PLC0415 - for workers only: native code

    if _is_deep(page):
        return page
    try:
        tree = LexborHTMLParser(page)
        _name_pictures(tree)
        _shape(tree)
        banners = [*tree.css(BANNERS), *filter(_asks_for_consent, tree.css(ASKING))]
        gone = [*filterfalse(_holds_an_article, tree.css(GONE)), *filter(_is_permalink, tree.css('a[href*="#"]'))]
        _remove([*filterfalse(_holds_the_page, banners), *gone])
        layout_tables.unwrap(tree)
        words = len(_words(tree.body))
        _remove(one for one in filter(_is_hidden, tree.css(UNSEEN)) if 2 * len(_words(one)) <= words)
        told = _told(tree.body)
        beside = [one for one in tree.css(LINKING) if not _holds_the_page(one) and 2 * _told(one) < told]
        frames = [*tree.css(FRAMES), *beside]
        _remove([*_headers(tree), *filter(_leads_elsewhere, frames), *_indexes(tree)])
        return (tree.html if _words(tree.body) else None) or page
    except (SelectolaxError, RuntimeError, ValueError):
        return page


def _shape(tree: Any) -> None:
    """Make of what a page can do, when it is used, what it shows: a heading, one piece of code below the other, 10⁶."""
    for opener in [*tree.css(OPENERS), *filter(_holds_a_heading, tree.css("summary"))]:
        opener.unwrap()
    for code in tree.css("pre > code + code"):
        if code.prev.tag == "code":
            code.insert_before("\n")
    for power in tree.css("sup"):
        if (text := power.text()) != equations.raised(text):
            power.replace_with(equations.raised(text))


def _remove(elements: Iterable[Any]) -> None:
    """Take elements out. What lies inside of another one goes with it: it must not be touched any more."""
    found = {one.mem_id: one for one in elements if one.tag not in WHOLE}
    for one in [one for one in found.values() if not _is_inside(one, found)]:
        one.decompose()


def _holds_the_page(element: Any) -> bool:
    return element.css_first("main, article, h1") is not None


def _holds_a_heading(element: Any) -> bool:
    return element.css_first(HEADINGS) is not None


def _holds_an_article(element: Any) -> bool:
    return element.css_first("main, article") is not None


def _is_inside(element: Any, others: Mapping[int, Any]) -> bool:
    return any(parent.mem_id in others for parent in _around(element))


def _around(element: Any) -> Iterator[Any]:
    while (element := element.parent) is not None:
        yield element


def _is_deep(page: str) -> bool:
    """Tell whether elements are nested without end: the time to parse them grows with the square of that."""
    if page.count("<") < DEEPEST:
        return False
    depth = deepest = 0
    for tag in NESTING.finditer(page):
        depth = max(depth + (-1 if tag[1] else 1), 0)
        deepest = max(depth, deepest)
    return deepest > DEEPEST


def _name_pictures(tree: Any) -> None:
    """Put a picture's alternative text in its place."""
    for picture in tree.css("img[alt], input[type=image][alt], area[alt]"):
        attributes = picture.attributes
        text = " ".join((attributes.get("alt") or "").split())
        if text and not FILE.match(text) and attributes.get("aria-hidden") != "true":
            picture.replace_with(f" {text} ")


def _is_permalink(anchor: Any) -> bool:
    """Tell whether a link is only the sign beside a heading that gives its address."""
    return next(anchor.iter(), None) is None and anchor.text(deep=False).strip() in PERMALINKS


def _is_hidden(element: Any) -> bool:
    attributes, name = element.attributes, element.tag
    if name in WHOLE or name is None:
        return False
    style = attributes.get("style") or ""
    if VANISHING.search(style) and not any(child.is_element_node for child in element.iter()):
        return True
    if "hidden" in attributes or HIDDEN.search(style):
        found_or_opened = attributes.get("hidden") == "until-found" or attributes.get("role") == "tabpanel"
        return not found_or_opened
    if attributes.get("aria-hidden") == "true":
        return name in INLINE or len(_words(element)) < LEAST_WORDS
    return False


def _asks_for_consent(element: Any) -> bool:
    """Tell whether an element is a question about cookies: short, and with an answer to it."""
    words = _words(element)
    text = " ".join(words[: BANNER_WORDS + 1])
    is_short = len(words) <= BANNER_WORDS and COOKIES.search(text) is not None and CONSENT.search(text) is not None
    return is_short and ("dialog" in (element.tag, element.attributes.get("role")) or bool(element.css_first(ANSWERS)))


def _headers(tree: Any) -> list[Any]:
    """Return headers that are mostly links; of those with a heading, which may be a link, their lists of links."""
    found: list[Any] = []
    for header in tree.css(HEADERS):
        is_content = header.css_first(HEADINGS) or any(one.tag == "article" for one in _around(header))
        lists = header.css("ul, ol, menu") if is_content else [header]
        found += filter(_leads_elsewhere, lists)
    return found


def _leads_elsewhere(frame: Any) -> bool:
    """Tell whether an element is mostly links, or empty."""
    return _linked(frame) >= _letters(frame) * MOSTLY


def _told(element: Any) -> int:
    """Return the letters that are not links: a sidebar has few of a page's, what is around a list of links has most."""
    return 0 if element is None else _letters(element) - _linked(element)


def _linked(element: Any) -> int:
    return sum(map(_letters, element.css("a[href]")))


def _indexes(tree: Any) -> list[Any]:
    """Return lists that are nearly all links into the page itself, which may write its own address in them."""
    lists: dict[int, Any] = {}
    anchors: dict[int, list[Any]] = {}
    names = {one.id for one in tree.css("[id]")[: 2 * MOST_ANCHORS]}
    for anchor in tree.css("li a[href*='#']")[:MOST_ANCHORS]:
        page, _, name = (anchor.attributes.get("href") or "").partition("#")
        if page and name not in names:
            continue
        for parent in islice(_around(anchor), MOST_LEVELS):
            if parent.tag in ("ul", "ol"):
                lists[parent.mem_id] = parent
                anchors.setdefault(parent.mem_id, []).append(anchor)
    return [one for key, one in lists.items() if len(anchors[key]) >= LEAST_ENTRIES and _is_index(one, anchors[key])]


def _is_index(listed: Any, anchors: Iterable[Any]) -> bool:
    letters = _letters(listed)
    return letters > 0 and sum(map(_letters, anchors)) >= letters * INDEX


def _letters(element: Any) -> int:
    return len("".join(element.text(deep=True).split()))


def _words(element: Any) -> list[str]:
    return [] if element is None else element.text(deep=True, separator=" ").split()
