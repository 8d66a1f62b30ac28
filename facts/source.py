"""YAML and JSON text as a tree whose every node knows its line and column.

The tree holds scalars as written: what a text means depends on the fact it belongs to, so
types are the business of ``values.py``, not of YAML (where ``no`` would be a boolean and
``1:30`` a number).
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .encoding import decode, place_after
from .problems import Place, Problems, Rejected, problem, quoted
from .texts import Text

LARGEST_FILE = 2 * 1024 * 1024
DEEPEST_NESTING = 32
MOST_NODES = 200_000
STDIN = "<stdin>"

_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML forbids as such, and what neither an escape nor JSON may bring in: controls and halves of signs.
_UNFIT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_BLANKS = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Scalar:
    """One value as written; ``quoted`` tells ``"null"`` from ``null``."""

    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True)
class Sequence:
    """A list of nodes."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True)
class Mapping:
    """Keys and values in the order written; keys are unique."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place

    def get(self, key: str) -> Node | None:
        """Return the value of ``key``, or None."""
        return next((value for name, value in self.entries if name.text == key), None)


Node = Scalar | Sequence | Mapping
Names = tuple[str, ...]  # how a node is reached from the root: (".stakeholders", "[2]", ".attitude")


def read_bytes(path: str) -> bytes:
    """Return the bytes of a file, or of standard input for ``-``.

    Raises :class:`Rejected` if it cannot be read or is larger than :data:`LARGEST_FILE`.
    """
    place = Place(STDIN if path == "-" else path)
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
    except PermissionError:
        raise _rejected(place, "no-permission") from None
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise _rejected(place, "unreadable", reason=getattr(error, "strerror", None) or str(error)) from None
    if len(data) > LARGEST_FILE:
        raise _rejected(place, "too-large", limit=f"{LARGEST_FILE // 1024 // 1024} MiB")
    return data


def parse(data: bytes, file: str, noted: Problems | None = None) -> Node:
    """Parse YAML, or JSON if the name ends in ``.json``.

    What does not keep the rest from being read, such as a duplicate key, goes to ``noted`` if there is such a list;
    the first value counts then. Raises :class:`Rejected`, with all that was noted, for text that is no YAML or JSON,
    aliases that expand without bound, nesting beyond :data:`DEEPEST_NESTING`, several documents.
    """
    problems = Problems() if noted is None else noted
    try:
        root = _tree(data, file, problems)
    except Rejected as rejected:
        problems.take(rejected)
        raise Rejected(problems) from None
    if noted is None:
        problems.raise_if_any()
    return root


def _tree(data: bytes, file: str, problems: Problems) -> Node:
    text = decode(data, file)
    is_json = file.endswith(".json")
    unfit = (_UNFIT if is_json else _UNFIT_YAML).search(text)
    if unfit is not None:
        raise _rejected(place_after(text[: unfit.start()], file), "bad-sign", sign=f"U+{ord(unfit.group()):04X}")
    if is_json:
        return _Json(text, file, problems).parse()
    return _Yaml(text, file, problems).parse()


# What the parsers say (libyaml and the one in Python differ a little), what we say instead, and whether the place
# to look at is where the broken thing starts.
_YAML_MISTAKES = (
    ("mapping values are not allowed", "yaml-colon", False),
    ("sequence entries are not allowed", "yaml-dash", False),
    ("unexpected end of stream", "yaml-quote", True),
    ("unexpected document", "yaml-quote", True),
    ("expected ',' or ']'", "yaml-bracket", False),
    ("expected ',' or '}'", "yaml-brace", False),
    ("a tab character", "yaml-tab", False),
    ("cannot start any token", "yaml-sign", False),
    ("node content", "yaml-sign", False),
    ("expected ':'", "yaml-no-colon", True),
    ("document start>", "yaml-after-end", False),
    ("expected key", "yaml-line", False),
    ("expected '-'", "yaml-line", False),
    ("expected <block end>", "yaml-line", False),
    ("escape", "yaml-escape", False),
    ("alphabetic or numeric", "yaml-anchor", False),
    ("comment or line break", "yaml-block", False),
    ("indentation indicator", "yaml-block", False),
    ("tag", "yaml-tag", False),
    ("directive", "yaml-tag", False),
)


class _Yaml:
    """Builds the tree from the parser's events, so that limits hold before anything is expanded."""

    def __init__(self, text: str, file: str, problems: Problems, loader: Any = _FAST) -> None:
        self.file = file
        self.text = text
        self.problems = problems
        self.loader = loader
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.nodes = 0

    def parse(self) -> Node:
        events = self._events()
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _rejected(self._place(event), "several-documents")
                root = self._node(next(events), events, ())[0]
        if root is None or (isinstance(root, Scalar) and not root.text and not root.quoted):
            raise _rejected(Place(self.file), "empty")
        return root

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=self.loader)
        except yaml.YAMLError as error:
            raise self._mistake(error) from None

    def _mistake(self, error: Any) -> Rejected:
        """Return what is wrong in our own words: those of the parser are meant for programmers, and English."""
        mark = getattr(error, "problem_mark", None)
        if mark is None:
            return _rejected(Place(self.file), "yaml")
        said = str(error.problem)
        if "nesting depth" in said:
            return self._too_deep()
        code, at_start = next(((code, at_start) for part, code, at_start in _YAML_MISTAKES if part in said), ("yaml", False))
        if "\t" in self._indent(mark.index):
            code, at_start = "yaml-tab", False
        opened = error.context_mark or mark
        start = opened if at_start else mark
        place = Place(self.file, start.line + 1, start.column + 1)
        if start.index >= len(self.text):  # the parser adds a line end of its own
            place = place_after(self.text, self.file)
            code = "yaml-end" if code == "yaml-sign" else code
        return _rejected(place, code, found=quoted(self.text[mark.index : mark.index + 1]), line=opened.line + 1)

    def _too_deep(self) -> Rejected:
        """Return where our own limit is passed: libyaml has one too, and looks ahead far enough to meet it first."""
        try:
            _Yaml(self.text, self.file, Problems(), yaml.SafeLoader).parse()
        except Rejected as rejected:
            return rejected
        return _rejected(Place(self.file), "too-deep", limit=DEEPEST_NESTING)

    def _indent(self, index: int) -> str:
        """Return the blanks that begin the line around ``index``."""
        blanks = _BLANKS.match(self.text, self.text.rfind("\n", 0, index) + 1)
        return "" if blanks is None else blanks.group()

    def _place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, events: Iterator[Any], path: Names) -> tuple[Node, int]:
        """Return the node that starts with ``event`` and how many nodes it stands for, aliases expanded."""
        place = self._place(event)
        if len(path) >= DEEPEST_NESTING:
            raise _rejected(place, "too-deep", limit=DEEPEST_NESTING)
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            known = self.anchors.get(name)
            if known is None:
                raise _rejected(place, "alias-to-itself" if name in self.anchors else "alias-unknown", found=name)
            return known[0], self._count(known[1], place)
        if event.anchor:
            self.anchors[event.anchor] = None
        node, size = self._content(event, events, path, place)
        if event.anchor:
            self.anchors[event.anchor] = (node, size)
        return node, size

    def _count(self, size: int, place: Place) -> int:
        self.nodes += size
        if self.nodes > MOST_NODES:
            raise _rejected(place, "too-many-nodes", limit=MOST_NODES)
        return size

    def _content(self, event: Any, events: Iterator[Any], path: Names, place: Place) -> tuple[Node, int]:
        size = self._count(1, place)
        if event.tag:
            self.problems.add(place, _field(path), "yaml-tag")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value, place, event.style in ("'", '"')), size
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                item, part = self._node(event, events, (*path, f"[{len(items)}]"))
                items.append(item)
                size += part
            return Sequence(tuple(items), place), size
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Place] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key, part = self._node(event, events, (*path, "?"))
            name = key.text if isinstance(key, Scalar) else "?"
            value, more = self._node(next(events), events, (*path, f".{name}"))
            size += part + more
            if not isinstance(key, Scalar):
                self.problems.add(key.place, _field(path), "key-not-text")
            elif key.text == "<<" and not key.quoted:
                self.problems.add(key.place, _field(path), "merge-key")
            elif key.text in seen:
                _note_duplicate(self.problems, key, seen[key.text], path)
            else:
                seen[key.text] = key.place
                entries.append((key, value))
        return Mapping(tuple(entries), place), size


_SPACE = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null", re.ASCII)
_WORD = re.compile(r"[\w.+-]{1,20}|\\.|.", re.DOTALL)
_END = Text("the end of the file", "文件末尾")
_VALUE = Text("a value", "一个值")
_KEY = Text("a key in double quotes", "带双引号的键")
_ESCAPE = Text(r"an escape such as \\, \t or \u4e2d", r"转义写法，如 \\、\t、\u4e2d")
_COLON = Text("':'", "“:”")
_COMMA_OR_BRACKET = Text("',' or ']'", "“,”或“]”")
_COMMA_OR_BRACE = Text("',' or '}'", "“,”或“}”")


class _Json:
    """A JSON reader that keeps places; strings are read by the standard library's own scanner."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.at = 0
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def parse(self) -> Node:
        self._skip()
        if self.at == len(self.text):
            raise _rejected(Place(self.file), "empty")
        node = self._node(())
        self._skip()
        if self.at < len(self.text):
            raise self._error(_END)
        return node

    def _place(self) -> Place:
        line = bisect_right(self.lines, self.at)
        return Place(self.file, line, self.at - self.lines[line - 1] + 1)

    def _error(self, expected: Text) -> Rejected:
        found = _WORD.match(self.text, self.at)
        return _rejected(self._place(), "json", expected=expected, found=quoted(found.group()) if found else _END)

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
        from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

        place = self._place()
        try:
            text, self.at = scanstring(self.text, self.at + 1, True)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated") or self.text[error.pos] in "\r\n":
                raise _rejected(place, "json-quote") from None
            self.at = error.pos
            raise self._error(_ESCAPE) from None
        return _scalar(text, place, quoted=True)

    def _node(self, path: Names) -> Node:
        self._skip()
        place = self._place()
        if len(path) >= DEEPEST_NESTING:
            raise _rejected(place, "too-deep", limit=DEEPEST_NESTING)
        if self.text.startswith('"', self.at):
            return self._string()
        if self._take("["):
            return self._sequence(place, path)
        if self._take("{"):
            return self._mapping(place, path)
        match = _LITERAL.match(self.text, self.at)
        if match is None:
            raise self._error(_VALUE)
        self.at = match.end()
        return Scalar(match.group(), place)

    def _sequence(self, place: Place, path: Names) -> Sequence:
        items: list[Node] = []
        if self._take("]"):
            return Sequence((), place)
        while True:
            items.append(self._node((*path, f"[{len(items)}]")))
            if self._take("]"):
                return Sequence(tuple(items), place)
            if not self._take(","):
                raise self._error(_COMMA_OR_BRACKET)

    def _mapping(self, place: Place, path: Names) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        if self._take("}"):
            return Mapping((), place)
        while True:
            self._skip()
            if not self.text.startswith('"', self.at):
                raise self._error(_KEY)
            key = self._string()
            if not self._take(":"):
                raise self._error(_COLON)
            value = self._node((*path, f".{key.text}"))
            if key.text in entries:
                _note_duplicate(self.problems, key, entries[key.text][0].place, path)
            else:
                entries[key.text] = (key, value)
            if self._take("}"):
                return Mapping(tuple(entries.values()), place)
            if not self._take(","):
                raise self._error(_COMMA_OR_BRACE)


def _note_duplicate(problems: Problems, key: Scalar, first: Place, path: Names) -> None:
    problems.add(key.place, _field((*path, f".{key.text}")), "duplicate-key", found=key.text, line=first.line)


def _field(path: Names) -> str:
    return "".join(path).removeprefix(".")


def _scalar(text: str, place: Place, quoted: bool = False) -> Scalar:
    """Return a scalar; an escape may have brought in a sign that no file may hold."""
    unfit = _UNFIT.search(text)
    if unfit is not None:
        raise _rejected(place, "bad-sign", sign=f"U+{ord(unfit.group()):04X}")
    return Scalar(text, place, quoted)


def _rejected(place: Place, code: str, **words: object) -> Rejected:
    return Rejected([problem(place, "", code, **words)])
