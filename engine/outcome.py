"""What an engine concludes: the same for every engine, in an order that nothing can change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Firing:
    """A rule that fired, and the item it fired for (empty: the deal)."""

    rule: str
    about: str = ""


@dataclass(frozen=True)
class Outcome:
    """Every conclusion with the items it is true of (the empty id stands for the deal), and the trace."""

    concluded: Mapping[str, frozenset[str]]
    fired: tuple[Firing, ...]

    def holds(self, name: str, about: str = "") -> bool:
        """Tell whether ``name`` was concluded about the deal or, with ``about``, about an item."""
        return about in self.concluded.get(name, frozenset())

    def about(self, name: str) -> tuple[str, ...]:
        """Return the items of which ``name`` is true, in order."""
        return tuple(sorted(self.concluded.get(name, frozenset())))
