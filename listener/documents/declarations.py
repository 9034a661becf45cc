"""The encoding that a document declares inside of it, and Python's codec for it: XML declarations, ``<meta>``.

Declarations are read as browsers and XML parsers do: in any case, with or without quotes, in any order of attributes;
those in comments, and the word charset in a description, do not count.
"""

from __future__ import annotations

import codecs
import re

# What browsers read instead of what pages declare: the vendor's superset.
SUPERSETS = {
    "iso8859-1": "cp1252", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030",
    "euc_kr": "cp949", "big5": "cp950", "iso8859-9": "cp1254", "tis-620": "cp874", "utf-16": "utf-16-le",
}  # fmt: skip
# Names of the Encoding Standard that Python has no codec for, and others that programs write.
NAMES = {
    "unicode-1-1-utf-8": "utf-8", "unicode11utf8": "utf-8", "unicode20utf8": "utf-8", "x-unicode20utf8": "utf-8",
    "iso88592": "iso8859-2", "iso-8859-6-e": "iso8859-6", "iso-8859-6-i": "iso8859-6", "csiso88596e": "iso8859-6",
    "csiso88596i": "iso8859-6", "sun_eu_greek": "iso8859-7", "iso-8859-8-e": "iso8859-8", "iso-8859-8-i": "iso8859-8",
    "csiso88598e": "iso8859-8", "csiso88598i": "iso8859-8", "visual": "iso8859-8", "logical": "iso8859-8",
    "csisolatin9": "iso8859-15", "koi": "koi8-r", "koi8": "koi8-r", "koi8-ru": "koi8-u", "mac": "macintosh",
    "csmacintosh": "macintosh", "x-mac-roman": "macintosh", "x-mac-ukrainian": "mac-cyrillic", "dos-874": "cp874",
    "gb_2312": "gb18030", "gb_2312-80": "gb18030", "csgb2312": "gb18030", "cn-big5": "big5", "x-x-big5": "big5",
    "cseucpkdfmtjapanese": "euc-jp", "windows-31j": "cp932", "iso-ir-149": "cp949", "cseuckr": "cp949",
    "csksc56011987": "cp949", "ks_c_5601-1989": "cp949", "ksc_5601": "cp949", "unicode": "utf-16", "ucs-2": "utf-16",
    "iso-10646-ucs-2": "utf-16", "csunicode": "utf-16", "unicodefeff": "utf-16-le", "unicodefffe": "utf-16-be",
    "ucs-4": "utf-32", "iso-10646-ucs-4": "utf-32",
}  # fmt: skip
VENDOR = re.compile(r"^(?:x-|win(?:dows)?-)+")
# Python has codecs that are no character encodings (base64, punycode, unicode_escape ...): only these are believed.
KNOWN = re.compile(
    r"utf-(8|16|32)(-[lb]e)?|iso8859-\d+|cp\d+|koi8-[rut]|gb18030|hz|euc_\w+|shift_jis\w+|iso2022_\w+|big5\w+|johab|mac-\w+"
)
WIDE = ("utf-16", "utf-32")

HEAD = 16 * 1024  # browsers look at 1 KB; comments and scripts may come before
XML = re.compile(rb"\A\s{0,100}<\?xml\s[^<>]{0,300}?\bencoding\s{0,20}=\s{0,20}[\"']?([\w.:()-]{1,40})", re.IGNORECASE)
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
META = re.compile(rb"<meta[\s/][^<>]{1,1000}", re.IGNORECASE)
ATTRIBUTE = re.compile(rb"([\w-]{1,40})\s{0,20}=\s{0,20}(\"[^\"]*\"|'[^']*'|[^\s<>]+)")
CHARSET = re.compile(rb"charset\s{0,20}=\s{0,20}[\"']?\s{0,20}([\w.:()-]{1,40})", re.IGNORECASE)
EBCDIC = "<?xml".encode("cp037")


def codec(charset: str | None) -> str | None:
    """Return the codec for a declared charset, or None if the character encoding is unknown."""
    label = (charset or "").strip().lower()
    for name in (NAMES.get(label, label), VENDOR.sub("", label), VENDOR.sub("cp", label)):
        try:
            known = codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
        known = SUPERSETS.get(known, known)
        return known if KNOWN.fullmatch(known) else None
    return None


def declared(data: bytes, html: bool) -> str | None:
    """Return the codec that a document says it is in: the XML declaration first, of HTML the ``<meta>`` next.

    A declaration that is readable byte by byte is in no wide encoding, whatever it says.
    """
    head = data[:HEAD]
    if head.startswith(EBCDIC):
        return _of(XML.search(head[:400].decode("cp037").encode("ascii", "replace"))) or "cp037"
    name = _of(XML.search(head)) or (_of_meta(head) if html else None)
    return None if name and name.startswith(WIDE) else name


def _of_meta(head: bytes) -> str | None:
    for meta in META.findall(COMMENT.sub(b"", head)):
        attributes = {name.lower(): value.strip(b"\"' ;/") for name, value in ATTRIBUTE.findall(meta)}
        said, content = attributes.get(b"charset"), attributes.get(b"content", b"")
        if said is not None:
            name = codec(said.decode("ascii", "replace"))
        elif attributes.get(b"http-equiv", b"").lower() == b"content-type" or content.lower().startswith(b"text/html"):
            name = _of(CHARSET.search(content))
        else:
            continue
        if name:
            return name
    return None


def _of(found: re.Match[bytes] | None) -> str | None:
    return codec(found[1].decode("ascii", "replace")) if found else None
