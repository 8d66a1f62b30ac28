"""Many conclusions in few numbers: 62 yes-or-no columns share a column, a bit each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlglot import exp

from .expressions import cast, col, named, paren, sum_of, whole

WORD = 62  # bits of a signed 64-bit number that can be used without its sign
Word = TypeVar("Word", str, tuple[str, str])  # a column, or one of a table
IN_BITS = "IN_BITS"  # a function of no engine: :mod:`.dialects` writes it out


@dataclass
class Packed:
    """One kind of conclusion of one scope: which bit of which column says what."""

    scope: str
    kind: str
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)

    def add(self, entries: Sequence[tuple[str, str]]) -> list[exp.Expr]:
        """Give each (id, column) a bit of a new column, the lowest to the first; return those columns."""
        made = []
        for start in range(0, len(entries), WORD):
            name = f"{self.kind}_{len(self.columns)}"
            self.columns.append(name)
            chunk = entries[start : start + WORD]
            self.places.update({entry: (name, 1 << bit) for bit, (entry, _) in enumerate(chunk)})
            made.append(named(in_bits([col(column) for _, column in chunk]), name))
        return made

    def numbered(self, entry: str) -> tuple[int, int]:
        """Return the number of an entry's column, and its bit."""
        column, bit = self.places[entry]
        return self.columns.index(column), bit

    def count(self, entries: Iterable[str], table: str = "") -> exp.Expr:
        """Return how many of some entries hold."""
        return sum_of([
            cast(exp.BitwiseCount(this=paren(exp.BitwiseAnd(this=col(column, table), expression=whole(mask)))), "int")
            for column, mask in masks(self.places[entry] for entry in entries).items()
        ])

    def first(self, word: str, code: Mapping[str, int]) -> exp.Expr:
        """Return the code of the entry of a word that holds and comes first among them; NULL if none holds."""
        value = col(word)
        rest = exp.BitwiseAnd(this=value.copy(), expression=paren(exp.Sub(this=value.copy(), expression=whole(1))))
        lowest = paren(exp.Sub(this=value, expression=paren(rest)))
        codes = exp.Case(this=lowest)
        for entry, (column, bit) in self.places.items():
            if column == word:
                codes.append("ifs", exp.If(this=whole(bit), true=whole(code[entry])))
        return codes

    def true(self, entry: str) -> exp.Expr:
        """Return the test that an entry holds."""
        column, bit = self.places[entry]
        return has_bit(col(column), whole(bit))


def masks(places: Iterable[tuple[Word, int]]) -> dict[Word, int]:
    """Return which bits of each word are those at some places."""
    found: dict[Word, int] = {}
    for word, bit in places:
        found[word] = found.get(word, 0) | bit
    return found


def in_bits(flags: Sequence[exp.Expr]) -> exp.Expr:
    """Return the number of which each bit tells whether a flag holds, the lowest the first; no flag may be NULL."""
    return exp.Anonymous(this=IN_BITS, expressions=list(flags))


def has_bit(word: exp.Expr, bit: exp.Expr) -> exp.Expr:
    """Return the test that a number has a bit, or one of several."""
    return exp.NEQ(this=paren(exp.BitwiseAnd(this=word, expression=bit)), expression=whole(0))
