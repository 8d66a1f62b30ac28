"""Turns the bytes of a file into text and back: UTF-8, UTF-16 with a mark, or GBK."""

from __future__ import annotations

import codecs
import re

from .problems import Place, Rejected, problem

_CODING = re.compile(rb"^\s*#.*?coding[:=]\s*([-\w.]+)", re.MULTILINE)
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_GBK = "gb18030"
_GBK_NAMES = frozenset({"gbk", "gb2312", "gb18030", "cp936"})


def decode(data: bytes, file: str) -> str:
    """Return the text of ``data``: UTF-8, UTF-16 with a mark, or GBK if declared or clearly so.

    Raises :class:`Rejected` with the place of the first bad byte otherwise.
    """
    encoding = _encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        guess = _clearly_gbk(data) if encoding == "utf-8-sig" else None
        if guess is not None:
            return guess
        place = place_after(error.object[: error.start].decode(encoding, "replace"), file)
        name = encoding.removesuffix("-sig").upper()
        raise Rejected([problem(place, "", "encoding", encoding=name)]) from None


def encode(text: str, like: bytes) -> bytes:
    """Return the bytes of a text in the encoding that :func:`decode` reads ``like`` in, its mark included."""
    for mark, encoding in _MARKS.items():
        if like.startswith(mark):
            return mark + text.encode(encoding)
    encoding = _encoding(like).removesuffix("-sig")
    if encoding == "utf-8" and not _is_utf8(like):
        encoding = _GBK
    return text.encode(encoding)


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    declared = _CODING.search(data[:400])
    says_gbk = declared is not None and declared.group(1).decode("ascii").lower() in _GBK_NAMES
    return _GBK if says_gbk and not _is_chinese_utf8(data) else "utf-8-sig"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese_utf8(data: bytes) -> bool:
    """Tell whether a file that declares GBK was saved as UTF-8 all the same."""
    return _is_utf8(data) and max(data.decode("utf-8"), default="") >= "\u2e80"


def _clearly_gbk(data: bytes) -> str | None:
    """Return the text if ``data`` reads as GBK and what is beyond ASCII in it looks like Chinese.

    Nearly all of written Chinese is among the 3,755 common signs of GB 2312 (rows B0 to D7) and its
    punctuation (rows A1 to A3). Rare signs occur in names; text of another encoding that happens to
    decode consists mostly of them.
    """
    try:
        text = data.decode(_GBK)
    except UnicodeDecodeError:
        return None
    codes = [sign.encode(_GBK) for sign in text if ord(sign) > 127]
    common = sum(b"\xb0" <= code[:1] <= b"\xd7" and code[1] >= 0xA1 for code in codes)
    marks = sum(b"\xa1" <= code[:1] <= b"\xa3" and code[1] >= 0xA1 for code in codes)
    rare = len(codes) - common - marks
    return text if common and 2 * rare <= common else None


def place_after(before: str, file: str) -> Place:
    """Return the place that follows the text ``before``."""
    return Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
