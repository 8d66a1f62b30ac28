"""Puts values into the text of a YAML or JSON file and leaves every other sign as it is.

The text is read as a tree whose nodes know where they stand; a change is a few splices of the text.
JSON is read as the YAML that it is, and written with its own quotes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

Plain = bool | int | float | str | dt.date | list[Any] | dict[str, Any]
WIDEST = 110  # a mapping within braces goes on in the next line rather than become longer
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_END = re.compile(r"\r\n|\r|\n|\Z")
_ALIAS = re.compile(r"\s*:\s*\*[^\s,\]}]+")


class CannotWrite(Exception):
    """The file is written in a way that leaves no safe place for the value."""


@dataclass(frozen=True)
class Splice:
    """Put ``text`` in the place of what stands from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def applied(text: str, splices: list[Splice]) -> str:
    """Return the text with every splice made; they must not overlap."""
    for splice in sorted(splices, key=lambda splice: splice.start, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


class Written:
    """The text of a file with its tree. Every method returns splices and changes nothing."""

    def __init__(self, text: str, is_json: bool = False) -> None:
        self.text = text
        self.is_json = is_json
        line_end = _LINE_END.search(text)
        self.newline = (line_end.group() if line_end else "") or "\n"
        try:
            root = yaml.compose(text.replace("\t", " ") if is_json else text, Loader=_LOADER)
        except yaml.YAMLError:
            raise CannotWrite from None
        if not isinstance(root, MappingNode):
            raise CannotWrite
        self.root = root
        self.step = self._indent(MappingNode) or self._indent(SequenceNode) or 2
        dash = self._indent(SequenceNode)
        self.dash = self.step if dash is None else dash

    def _indent(self, kind: type[MappingNode] | type[SequenceNode]) -> int | None:
        """Return how far the file indents the first mapping, or list, under its own keys."""
        nested = (value for _, value in self.root.value if isinstance(value, kind) and not value.flow_style)
        return next((value.start_mark.column - self.root.start_mark.column for value in nested), None)

    def find(self, mapping: MappingNode, key: str) -> Node | None:
        """Return the value of a key."""
        return next((value for name, value in mapping.value if name.value == key), None)

    def put(self, mapping: MappingNode, key: str, value: Plain, below: bool = False) -> list[Splice]:
        """Set a key of a mapping, in the place where it stands or behind the others.

        A value that is a mapping, or a list of mappings, may get lines of its own ``below`` its key.
        """
        below = below and not mapping.flow_style
        for name, node in mapping.value:
            if name.value == key:
                return [self._replaced(mapping, name, node, value, below)]
        return [self._added(mapping, key, value, below)] if not mapping.flow_style else self._within(mapping, key, value)

    def without(self, mapping: MappingNode, key: str) -> list[Splice]:
        """Take a key that is not the only one out of a mapping, with the comment in its line."""
        for number, (name, node) in enumerate(mapping.value):
            if name.value != key:
                continue
            start, end = name.start_mark.index, self._end_of(name, node)
            if not mapping.flow_style:
                line = start - name.start_mark.column
                return [Splice(line, self._next_line(end), "")]
            if number:
                return [Splice(self._end_of(*mapping.value[number - 1]), end, "")]
            return [Splice(start, mapping.value[1][0].start_mark.index, "")]
        return []

    def _replaced(self, mapping: MappingNode, name: Node, node: Node, value: Plain, below: bool) -> Splice:
        start, end = node.start_mark.index, self._end_of(name, node)
        if start < name.start_mark.index:  # an alias: what it stands for is written elsewhere
            raise CannotWrite
        if start < node.end_mark.index:
            return Splice(start, end, self._in_line(value))
        line_end = self._line_end(end)
        if below:
            return Splice(line_end, line_end, self._block(value, mapping.start_mark.column))
        return Splice(end, end, " " + self._in_line(value))

    def _added(self, mapping: MappingNode, key: str, value: Plain, below: bool) -> Splice:
        """Add a key in a line of its own below the last one of the mapping."""
        column = mapping.start_mark.column
        place = self._line_end(self._end_of(*mapping.value[-1]))
        written = self._block(value, column) if below else " " + self._in_line(value)
        return Splice(place, place, f"{self.newline}{' ' * column}{self._key(key)}:{written}")

    def _block(self, value: Any, column: int) -> str:
        """Return a mapping, or a list of mappings, in lines below its key."""
        is_list = isinstance(value, list)
        margin = " " * (column + (self.dash if is_list else self.step))
        first, later = (f"{margin}- ", f"{margin}  ") if is_list else (margin, margin)
        return "".join(
            f"{self.newline}{later if number else first}{self._key(key)}: {self._in_line(part)}"
            for row in (value if is_list else [value]) for number, (key, part) in enumerate(row.items())
        )

    def _within(self, mapping: MappingNode, key: str, value: Plain) -> list[Splice]:
        entry = f"{self._key(key)}: {self._in_line(value)}"
        if not mapping.value:
            inside = mapping.start_mark.index + 1
            return [Splice(inside, inside, entry)]
        first, place = mapping.value[0][0].start_mark, self._end_of(*mapping.value[-1])
        line, rest = self.text[self._line_start(place) : place], self.text[place : self._line_end(place)]
        if first.line == mapping.start_mark.line:
            margin = f"{self.newline}{' ' * (mapping.start_mark.column + 1)}"
            return [Splice(place, place, f",{margin if len(line) + len(entry) > WIDEST else ' '}{entry}")]
        entry = f"{self.newline}{self.text[self._line_start(first.index) : first.index]}{entry}"
        if not re.fullmatch(r"\s*,?\s*#.*", rest):
            return [Splice(place, place, f",{entry}")]
        comma = [] if rest.lstrip().startswith(",") else [Splice(place, place, ",")]
        return [*comma, Splice(place + len(rest), place + len(rest), entry)]  # the comment stays in its line

    def _end_of(self, name: Node, node: Node) -> int:
        """Return where the value of a key ends: comments and empty lines behind it are not part of it."""
        if node.start_mark.index < name.start_mark.index:
            alias = _ALIAS.match(self.text, name.end_mark.index)
            if alias is None:
                raise CannotWrite
            return alias.end()
        if node.start_mark.index == node.end_mark.index:
            return self.text.index(":", name.end_mark.index) + 1
        return self._end(node)

    def _end(self, node: Node) -> int:
        if isinstance(node, MappingNode) and not node.flow_style:
            return self._end_of(*node.value[-1])
        if isinstance(node, SequenceNode) and not node.flow_style:
            last = node.value[-1]
            if last.start_mark.index < node.start_mark.index:
                raise CannotWrite
            return self._end(last)
        return len(self.text[: node.end_mark.index].rstrip())

    def _line_end(self, place: int) -> int:
        found = _LINE_END.search(self.text, place)
        return found.start() if found else len(self.text)

    def _next_line(self, place: int) -> int:
        found = _LINE_END.search(self.text, place)
        return found.end() if found else len(self.text)

    def _line_start(self, place: int) -> int:
        return max(self.text.rfind("\n", 0, place), self.text.rfind("\r", 0, place)) + 1

    def _key(self, key: str) -> str:
        return json.dumps(key, ensure_ascii=False) if self.is_json else key

    def _in_line(self, value: Plain) -> str:
        if self.is_json:
            return json.dumps(value, ensure_ascii=False, default=str)
        written = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, sort_keys=False, width=1_000_000)
        return written.strip()[1:-1]
