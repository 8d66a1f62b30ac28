"""YAML and JSON text as a tree whose every node knows its line and column.

The tree holds scalars as written: what a text means depends on the fact it belongs to, so
types are the business of ``values.py``, not of YAML (where ``no`` would be a boolean and
``1:30`` a number).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any

import yaml

from .problems import Place, Problem, Rejected

LARGEST_FILE = 2 * 1024 * 1024
DEEPEST_NESTING = 32
MOST_NODES = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CODING = re.compile(rb"^\s*#.*?coding[:=]\s*([-\w.]+)", re.MULTILINE)
_GBK_NAMES = frozenset({"gbk", "gb2312", "gb18030", "cp936", "hz"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written; ``quoted`` tells ``"null"`` from ``null``."""

    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order written; keys are unique."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        """Return the value of ``key``, or None."""
        return next((value for name, value in self.entries if name.text == key), None)


Node = Scalar | Sequence | Mapping


def read_bytes(path: str) -> bytes:
    """Return the bytes of a file, or of standard input for ``-``.

    Raises :class:`Rejected` if it cannot be read or is larger than :data:`LARGEST_FILE`.
    """
    place = Place("<stdin>" if path == "-" else path)
    try:
        if path == "-":
            data = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _rejected(place, "no-such-file") from None
    except IsADirectoryError:
        raise _rejected(place, "is-a-folder") from None
    except OSError as error:
        raise _rejected(place, "unreadable", reason=error.strerror or str(error)) from None
    if len(data) > LARGEST_FILE:
        raise _rejected(place, "too-large", limit=f"{LARGEST_FILE // 1024 // 1024} MiB")
    return data


def decode(data: bytes, file: str) -> str:
    """Return the text of ``data``: UTF-8, UTF-16 with a mark, or GBK if declared or clearly so.

    Raises :class:`Rejected` with the place of the first bad byte otherwise.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        declared = _CODING.search(data[:400])
        name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
        encodings = ["gb18030"] if name in _GBK_NAMES else ["utf-8-sig"]
    try:
        return data.decode(encodings[0])
    except UnicodeDecodeError as error:
        if encodings[0] == "utf-8-sig":
            guess = _clearly_gbk(data)
            if guess is not None:
                return guess
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise _rejected(Place(file, line, column), "encoding", encoding=encodings[0].removesuffix("-sig")) from None


def _clearly_gbk(data: bytes) -> str | None:
    """Return the text if ``data`` reads as GBK and everything beyond ASCII in it is Chinese."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    beyond = [sign for sign in text if ord(sign) > 127]
    # The 6,763 signs of GB 2312 are what Chinese people write; text of another encoding that happens
    # to decode falls outside them within a few signs.
    for sign in beyond:
        try:
            sign.encode("gb2312")
        except UnicodeEncodeError:
            return None
    return text if beyond else None


def parse(data: bytes, file: str) -> Node:
    """Parse YAML, or JSON if the name ends in ``.json``.

    Raises :class:`Rejected` for text that is no YAML or JSON, duplicate keys, aliases that
    expand without bound, nesting beyond :data:`DEEPEST_NESTING`, several documents.
    """
    text = decode(data, file)
    if file.endswith(".json"):
        return _Json(text, file).parse()
    return _Yaml(text, file).parse()


class _Yaml:
    """Builds the tree from the parser's events, so that limits hold before anything is expanded."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = text
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.nodes = 0
        self.problems: list[Problem] = []

    def parse(self) -> Node:
        events = self._events()
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _rejected(self._place(event), "several-documents")
                root = self._node(next(events), events, 1)[0]
        if self.problems:
            raise Rejected(self.problems)
        if root is None:
            raise _rejected(Place(self.file), "empty")
        return root

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
            tab = mark is not None and "\t" in _indent(self.text, mark.line)
            raise _rejected(place, "yaml-tab" if tab else "yaml", detail=error.problem or "") from None
        except yaml.reader.ReaderError as error:
            before = self.text[: error.position] if isinstance(error.position, int) else ""
            place = Place(self.file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
            raise _rejected(place, "control-character", sign=f"{ord(str(error.character)):#04x}"
                            if isinstance(error.character, str) else f"{error.character:#04x}") from None

    def _place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> tuple[Node, int]:
        """Return the node that starts with ``event`` and how many nodes it stands for, aliases expanded."""
        place = self._place(event)
        if depth > DEEPEST_NESTING:
            raise _rejected(place, "too-deep", limit=DEEPEST_NESTING)
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            known = self.anchors.get(name)
            if known is None:
                raise _rejected(place, "alias-to-itself" if name in self.anchors else "alias-unknown", name=name)
            return known[0], self._count(known[1], place)
        if event.anchor:
            self.anchors[event.anchor] = None
        node, size = self._content(event, events, depth, place)
        if event.anchor:
            self.anchors[event.anchor] = (node, size)
        return node, size

    def _count(self, size: int, place: Place) -> int:
        self.nodes += size
        if self.nodes > MOST_NODES:
            raise _rejected(place, "too-many-nodes", limit=MOST_NODES)
        return size

    def _content(self, event: Any, events: Iterator[Any], depth: int, place: Place) -> tuple[Node, int]:
        size = self._count(1, place)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, place, quoted=event.style in ("'", '"')), size
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                item, part = self._node(event, events, depth + 1)
                items.append(item)
                size += part
            return Sequence(tuple(items), place), size
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Place] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key, part = self._node(event, events, depth + 1)
            value, more = self._node(next(events), events, depth + 1)
            size += part + more
            if not isinstance(key, Scalar):
                self.problems.append(Problem(key.place, "", "key-not-text"))
            elif key.text in seen:
                self.problems.append(_duplicate(key, seen[key.text]))
            else:
                seen[key.text] = key.place
                entries.append((key, value))
        return Mapping(tuple(entries), place), size


_SPACE = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")


class _Json:
    """A JSON reader that keeps places; strings are read by the standard library's own scanner."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.problems: list[Problem] = []
        self.at = 0

    def parse(self) -> Node:
        node = self._node(1)
        self._skip()
        if self.at < len(self.text):
            raise self._error("end of file")
        if self.problems:
            raise Rejected(self.problems)
        return node

    def _place(self) -> Place:
        return Place(self.file, self.text.count("\n", 0, self.at) + 1, self.at - self.text.rfind("\n", 0, self.at))

    def _error(self, expected: str) -> Rejected:
        found = self.text[self.at : self.at + 1]
        return _rejected(self._place(), "json", expected=expected, found=repr(found) if found else "end of file")

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _take(self, sign: str) -> bool:
        self._skip()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def _string(self) -> Scalar:
        place = self._place()
        try:
            text, self.at = scanstring(self.text, self.at + 1, True)
        except json.JSONDecodeError as error:
            self.at = error.pos
            raise self._error('a closing "') from None
        return Scalar(text, place, quoted=True)

    def _node(self, depth: int) -> Node:
        self._skip()
        place = self._place()
        if depth > DEEPEST_NESTING:
            raise _rejected(place, "too-deep", limit=DEEPEST_NESTING)
        if self.text.startswith('"', self.at):
            return self._string()
        if self._take("["):
            return self._sequence(place, depth)
        if self._take("{"):
            return self._mapping(place, depth)
        match = _LITERAL.match(self.text, self.at)
        if match is None:
            raise self._error("a value")
        self.at = match.end()
        return Scalar(match.group(), place)

    def _sequence(self, place: Place, depth: int) -> Sequence:
        items: list[Node] = []
        if self._take("]"):
            return Sequence((), place)
        while True:
            items.append(self._node(depth + 1))
            if self._take("]"):
                return Sequence(tuple(items), place)
            if not self._take(","):
                raise self._error("',' or ']'")

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        if self._take("}"):
            return Mapping((), place)
        while True:
            self._skip()
            if not self.text.startswith('"', self.at):
                raise self._error("a key in double quotes")
            key = self._string()
            if not self._take(":"):
                raise self._error("':'")
            value = self._node(depth + 1)
            if key.text in entries:
                self.problems.append(_duplicate(key, entries[key.text][0].place))
            else:
                entries[key.text] = (key, value)
            if self._take("}"):
                return Mapping(tuple(entries.values()), place)
            if not self._take(","):
                raise self._error("',' or '}'")


def _duplicate(key: Scalar, first: Place) -> Problem:
    words = (("key", key.text), ("line", str(first.line)))
    return Problem(key.place, key.text, "duplicate-key", words)


def _indent(text: str, line: int) -> str:
    lines = text.splitlines()
    row = lines[line] if line < len(lines) else ""
    return row[: len(row) - len(row.lstrip())]


def _rejected(place: Place, code: str, **words: object) -> Rejected:
    return Rejected([Problem(place, "", code, tuple((key, str(word)) for key, word in words.items()))])
