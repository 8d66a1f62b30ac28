"""Reads trees of YAML into typed records, noting every departure from the expected shape.

The vocabulary and the rule base are both read with this: a record is a mapping with known
keys, each read by one small function; what is wrong is noted with its place and reading goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Many
from typing import TypeVar

from .problems import Place, Problems, hint, listing
from .source import Mapping, Node, Scalar, Sequence
from .texts import Text

T = TypeVar("T")


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
        """Return a scalar field as written."""
        node = self.node(name, required)
        if node is None:
            return default
        if not isinstance(node, Scalar):
            self.problems.add(node.place, self.path(name), "expected-text", found=describe(node))
            return default
        return node.text

    def choice(self, name: str, choices: Many[str], default: str | None = None) -> str:
        """Return a field that must be one of ``choices``; required unless it has a default."""
        value = self.text(name, required=default is None, default=default or "")
        if value not in choices and (self.valid and (name in self._entries)):
            self.problems.add(
                self._entries[name][1].place, self.path(name), "not-a-choice", found=value,
                hint_en=hint(value, choices, "en"), hint_zh=hint(value, choices, "zh"), choices=listing(choices),
            )
        return value if value in choices else (default if default is not None else choices[0])

    def flag(self, name: str) -> bool:
        """Return a yes-or-no field, False when left out."""
        return self.choice(name, ("false", "true"), "false") == "true"

    def number(self, name: str, default: int = 0, required: bool = False) -> int:
        """Return a whole number."""
        value = self.text(name, required, str(default))
        try:
            return int(value)
        except ValueError:
            self.problems.add(self._entries[name][1].place, self.path(name), "not-a-number", found=value)
            return default

    def bilingual(self, name: str, required: bool = True) -> Text:
        """Return a field with ``en`` and ``zh``, both of them required and not empty."""
        node = self.node(name, required)
        if node is None:
            return Text("", "")
        return read_text(node, self.path(name), self.problems)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of scalars; a single scalar counts as a list of one, a field left out as an empty list."""
        node = self.node(name)
        if node is None:
            return ()
        if isinstance(node, Scalar):
            return (node.text,)
        return tuple(item.text for item in self._scalars(node, name))

    def _scalars(self, node: Node, name: str) -> list[Scalar]:
        if not isinstance(node, Sequence):
            self.problems.add(node.place, self.path(name), "expected-list", found=describe(node))
            return []
        scalars = []
        for number, item in enumerate(node.items):
            if isinstance(item, Scalar):
                scalars.append(item)
            else:
                self.problems.add(item.place, f"{self.path(name)}[{number}]", "expected-text", found=describe(item))
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
        for number, item in enumerate(node.items):
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
                self.problems.add(
                    key.place, self.path(name), "unknown-key", found=name,
                    hint_en=hint(name, known, "en"), hint_zh=hint(name, known, "zh"), choices=listing(known, 20),
                )


def read_text(node: Node, field: str, problems: Problems) -> Text:
    """Read a mapping with ``en`` and ``zh``."""
    record = Record(node, field, problems, node.place)
    text = Text(record.text("en", required=True), record.text("zh", required=True))
    for language in ("en", "zh"):
        if record.valid and not getattr(text, language).strip():
            problems.add(record.place, f"{field}.{language}", "empty-text")
    record.close()
    return text


def describe(node: Node | None) -> str:
    """Say what kind of node was found, for a message."""
    if node is None:
        return "nothing"
    if isinstance(node, Scalar):
        return f"'{node.text}'" if node.text else "nothing"
    return "a list" if isinstance(node, Sequence) else "a mapping"
