"""Reads trees of YAML into typed records, noting every departure from the expected shape.

The vocabulary and the rule base are both read with this: a record is a mapping with known
keys, each read by one small function; what is wrong is noted with its place and reading goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Sequence as Many
from decimal import Decimal
from typing import TypeVar

from .nodes import Mapping, Node, Scalar, Sequence
from .problems import Place, Problems, listing, quoted, suggestion, suggestion_or_all
from .texts import LANGUAGES, Language, Text

T = TypeVar("T")
_NUMBER = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,4})?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Record:
    """One mapping under reading: fields are asked for by name, and :meth:`close` names what nobody asked for."""

    def __init__(self, node: Node | None, field: str, problems: Problems, fallback: Place) -> None:
        self.field = field
        self.problems = problems
        self.place = node.place if node is not None else fallback
        self.valid = isinstance(node, Mapping)
        self._entries: dict[str, tuple[Scalar, Node]] = {}
        self._asked: list[str] = []
        if isinstance(node, Mapping):
            self._entries = {key.text: (key, value) for key, value in node.entries}
        else:
            problems.add(self.place, field, "expected-mapping", found=describe(node))

    def path(self, name: str) -> str:
        """Return the path of a field for a message."""
        return f"{self.field}.{name}" if self.field else name

    def where(self, name: str) -> Place:
        """Return the place of a field's value, or of the record if the field is left out."""
        return self._entries[name][1].place if name in self._entries else self.place

    def has(self, name: str) -> bool:
        """Tell whether the field is given; asking makes it a known field."""
        self._asked.append(name)
        return name in self._entries

    def node(self, name: str, required: bool = False) -> Node | None:
        """Return the raw node of a field, or None (a problem, if it is required)."""
        if self.has(name):
            return self._entries[name][1]
        if required and self.valid:
            self.problems.add(self.place, self.path(name), "missing")
        return None

    def text(self, name: str, required: bool = False, default: str = "") -> str:
        """Return a scalar field as written; one that is required is not empty."""
        node = self.node(name, required)
        if node is None:
            return default
        if not isinstance(node, Scalar) or (required and not node.text.strip()):
            self.problems.add(node.place, self.path(name), "expected-one-value", found=describe(node))
            return default
        return node.text

    def choice(self, name: str, choices: Many[str], default: str | None = None) -> str:
        """Return a field that must be one of ``choices``; required unless it has a default."""
        fallback = choices[0] if default is None else default
        value = self.text(name, required=default is None, default=fallback)
        if value not in choices:
            self.problems.add(
                self.where(name), self.path(name), "not-a-choice", found=value,
                hint=suggestion(value, choices), choices=listing(choices),
            )
        return value if value in choices else fallback

    def flag(self, name: str) -> bool:
        """Return a yes-or-no field, False when left out."""
        return self.choice(name, ("false", "true"), "false") == "true"

    def decimal(self, name: str, required: bool = False) -> Decimal | None:
        """Return a number of a sensible size, or None."""
        text = self.text(name, required)
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            self.problems.add(self.where(name), self.path(name), "not-a-plain-number", found=text)
            return None
        return Decimal(text)

    def number(self, name: str, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``; the field is required."""
        value = self.decimal(name, required=True)
        if value is None:
            return low
        if value != value.to_integral_value():
            self.problems.add(self.where(name), self.path(name), "not-a-whole-number", found=value)
        elif not low <= value <= high:
            self.problems.add(self.where(name), self.path(name), "out-of-range", found=value, low=low, high=high)
        return int(value)

    def bilingual(self, name: str, required: bool = True, fills: Many[str] | None = None) -> Text:
        """Return a field with ``en`` and ``zh``, both of them required and not empty.

        ``fills`` are the placeholders that it may have; None for one that is not shown with them.
        """
        node = self.node(name, required)
        if node is None:
            return Text("", "")
        return read_text(node, self.path(name), self.problems, fills)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of scalars; a single scalar counts as a list of one, a field left out as an empty list."""
        return tuple(scalar.text for scalar in self.scalars(name))

    def scalars(self, name: str) -> tuple[Scalar, ...]:
        """Return the scalars of :meth:`texts`, each with its place."""
        node = self.node(name)
        if node is None:
            return ()
        return (node,) if isinstance(node, Scalar) else tuple(self._scalars(node, name))

    def _scalars(self, node: Node, name: str) -> list[Scalar]:
        if not isinstance(node, Sequence):
            self.problems.add(node.place, self.path(name), "expected-list", found=describe(node))
            return []
        scalars = []
        for number, item in enumerate(node.items):
            if isinstance(item, Scalar):
                scalars.append(item)
            else:
                self.problems.add(item.place, f"{self.path(name)}[{number}]", "expected-one-value", found=describe(item))
        return scalars

    def records(self, name: str, read: Callable[[Record], T | None], required: bool = False) -> tuple[T, ...]:
        """Read each item of a list field as a record."""
        node = self.node(name, required)
        if node is None:
            return ()
        if not isinstance(node, Sequence):
            self.problems.add(node.place, self.path(name), "expected-list", found=describe(node))
            return ()
        found = []
        for number, item in zip(_numbers(node.items), node.items, strict=True):
            record = Record(item, f"{self.path(name)}[{number}]", self.problems, item.place)
            if record.valid:
                value = read(record)
                record.close()
                if value is not None:
                    found.append(value)
        return tuple(found)

    def close(self) -> None:
        """Note every key that nobody asked for."""
        for name, (key, _) in self._entries.items():
            if name not in self._asked:
                known = tuple(dict.fromkeys(self._asked))
                self.problems.add(key.place, self.path(name), "unknown-key", found=name,
                                  hint=suggestion_or_all(name, known))


def _numbers(items: Many[Node]) -> list[int]:
    """Return the number of each item in the file that it stands in; a list may come from several."""
    files: dict[str, list[tuple[int, int]]] = {}
    for item in items:
        files.setdefault(item.place.file, []).append((item.place.line, item.place.column))
    ranks = {(file, *at): rank for file, places in files.items() for rank, at in enumerate(sorted(places))}
    return [ranks[item.place.file, item.place.line, item.place.column] for item in items]


def read_text(node: Node, field: str, problems: Problems, fills: Many[str] | None = None) -> Text:
    """Read a mapping with ``en`` and ``zh``; see :meth:`Record.bilingual`."""
    record = Record(node, field, problems, node.place)
    text = both_languages(record, fills)
    record.close()
    return text


def both_languages(record: Record, fills: Many[str] | None = None) -> Text:
    """Return the text of a record that has ``en`` and ``zh`` among its fields."""
    return Text(*(_in_language(record, language, fills) for language in LANGUAGES))


def _in_language(record: Record, language: Language, fills: Many[str] | None) -> str:
    node, path = record.node(language), record.path(language)
    if record.valid and (node is None or (isinstance(node, Scalar) and not node.text.strip())):
        record.problems.add(record.place if node is None else node.place, path, "empty-text")
    elif isinstance(node, Scalar):
        if not node.quoted and _NUMBER.fullmatch(node.text):
            record.problems.add(node.place, path, "number-not-text", found=node.text)
        for found in _PLACEHOLDER.findall(node.text):
            if fills is not None and found not in fills:
                record.problems.add(node.place, path, "placeholder-unknown", found=found, hint=suggestion_or_all(found, fills))
    return record.text(language)


def describe(node: Node | None) -> Text:
    """Say what kind of node was found, for a message."""
    match node:
        case Scalar(text=text) if text.strip():
            return quoted(text)
        case Sequence(items=items):
            return _LIST if items else _EMPTY_LIST
        case Mapping(entries=entries):
            return _MAPPING if entries else _EMPTY_MAPPING
        case _:
            return _NOTHING


_NOTHING = Text("nothing", "空白")
_LIST = Text("a list", "一个列表")
_EMPTY_LIST = Text("an empty list", "一个空列表")
_MAPPING = Text("a mapping", "一组“名称: 值”")
_EMPTY_MAPPING = Text("an empty mapping", "一对空的花括号")
