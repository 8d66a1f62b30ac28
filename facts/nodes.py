"""The tree that YAML and JSON text becomes: every node knows its line and column.

The tree holds scalars as written: what a text means depends on the fact it belongs to, so
types are the business of ``values.py``, not of YAML (where ``no`` would be a boolean and
``1:30`` a number).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .problems import Place, Problems, Rejected, problem

DEEPEST_NESTING = 32
# What neither an escape nor JSON may bring in: controls and halves of signs.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


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


def note_duplicate(problems: Problems, key: Scalar, first: Place, path: Names) -> None:
    """Note that a key stands where another of its name stood before."""
    problems.add(key.place, field_of((*path, f".{key.text}")), "duplicate-key", found=key.text, line=first.line)


def field_of(path: Names) -> str:
    """Return how people write a way through the tree: ``stakeholders[2].attitude``."""
    return "".join(path).removeprefix(".")


def scalar(text: str, place: Place, quoted: bool = False) -> Scalar:
    """Return a scalar. Raises :class:`Rejected` if an escape has brought in a sign that no file may hold."""
    unfit = UNFIT.search(text)
    if unfit is not None:
        raise refused(place, "bad-sign", sign=f"U+{ord(unfit.group()):04X}")
    return Scalar(text, place, quoted)


def refused(place: Place, code: str, **words: object) -> Rejected:
    """Return what to raise for a single problem that keeps a text from being read."""
    return Rejected([problem(place, "", code, **words)])
