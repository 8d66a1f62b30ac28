"""Reads files, and YAML text as a tree whose every node knows its line and column."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .encoding import decode, place_after
from .nodes import DEEPEST_NESTING, UNFIT, Mapping, Names, Node, Scalar, Sequence, field_of, note_duplicate, refused, scalar
from .problems import Place, Problems, Rejected, quoted

LARGEST_FILE = 2 * 1024 * 1024
MOST_NODES = 200_000
STDIN = "<stdin>"

_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML forbids as such.
_UNFIT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BLANKS = re.compile(r"[ \t]*")


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
        raise refused(place, "no-such-file") from None
    except IsADirectoryError:
        raise refused(place, "is-a-folder") from None
    except PermissionError:
        raise refused(place, "no-permission") from None
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise refused(place, "unreadable", reason=getattr(error, "strerror", None) or str(error)) from None
    if len(data) > LARGEST_FILE:
        raise refused(place, "too-large", limit=f"{LARGEST_FILE // 1024 // 1024} MiB")
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
    unfit = (UNFIT if is_json else _UNFIT_YAML).search(text)
    if unfit is not None:
        raise refused(place_after(text[: unfit.start()], file), "bad-sign", sign=f"U+{ord(unfit.group()):04X}")
    if is_json:
        from .json_text import JsonReader  # most files are YAML

        return JsonReader(text, file, problems).parse()
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
                    raise refused(self._place(event), "several-documents")
                root = self._node(next(events), events, ())[0]
        if root is None or (isinstance(root, Scalar) and not root.text and not root.quoted):
            raise refused(Place(self.file), "empty")
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
            return refused(Place(self.file), "yaml")
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
        return refused(place, code, found=quoted(self.text[mark.index : mark.index + 1]), line=opened.line + 1)

    def _too_deep(self) -> Rejected:
        """Return where our own limit is passed: libyaml has one too, and looks ahead far enough to meet it first."""
        try:
            _Yaml(self.text, self.file, Problems(), yaml.SafeLoader).parse()
        except Rejected as rejected:
            return rejected
        return refused(Place(self.file), "too-deep", limit=DEEPEST_NESTING)

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
            raise refused(place, "too-deep", limit=DEEPEST_NESTING)
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            known = self.anchors.get(name)
            if known is None:
                raise refused(place, "alias-to-itself" if name in self.anchors else "alias-unknown", found=name)
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
            raise refused(place, "too-many-nodes", limit=MOST_NODES)
        return size

    def _content(self, event: Any, events: Iterator[Any], path: Names, place: Place) -> tuple[Node, int]:
        size = self._count(1, place)
        if event.tag:
            self.problems.add(place, field_of(path), "yaml-tag")
        if isinstance(event, yaml.ScalarEvent):
            return scalar(event.value, place, event.style in ("'", '"')), size
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
                self.problems.add(key.place, field_of(path), "key-not-text")
            elif key.text == "<<" and not key.quoted:
                self.problems.add(key.place, field_of(path), "merge-key")
            elif key.text in seen:
                note_duplicate(self.problems, key, seen[key.text], path)
            else:
                seen[key.text] = key.place
                entries.append((key, value))
        return Mapping(tuple(entries), place), size
