"""Counting the items of a collection in one pass, for all of its quantifiers: flags in the bits of few numbers, and sums."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from ..facts.tables import KEY
from ..rules.language import Quantifier
from .expressions import col, named, number_if, selection
from .packed_sql import WORD, in_bits


@dataclass(frozen=True)
class Count:
    """What a quantifier counts: the column that holds it, and its bit if it only matters whether there is any."""

    column: str
    bit: int | None = None


@dataclass
class Pass:
    """What is counted of one collection in one pass."""

    of: str
    phase: int
    quantifiers: list[Quantifier] = field(default_factory=list)
    flags: list[exp.Expr] = field(default_factory=list)
    sums: list[exp.Expr] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the relation with the counts."""
        return f"{self.of}_counted_{self.phase}"

    def count(self, condition: exp.Expr, many: bool) -> Count:
        """Count the items for which a condition that is never NULL holds; if not ``many``, only whether there is any."""
        if many:
            self.sums.append(condition)
            return Count(self.columns[-1])
        number = len(self.flags)
        self.flags.append(condition)
        return Count(self._word(number // WORD), number % WORD)

    def select(self, source: str) -> exp.Select:
        """Return the pass: many flags packed into the bits of few numbers, and the sums."""
        words = [self.flags[first : first + WORD] for first in range(0, len(self.flags), WORD)]
        counts: list[exp.Expr] = [exp.BitwiseOrAgg(this=in_bits(flags)) for flags in words]
        counts += [exp.Sum(this=number_if(condition, 1)) for condition in self.sums]
        columns = (named(count, name) for count, name in zip(counts, self.columns, strict=True))
        return selection(col(KEY), *columns).from_(source, copy=False).group_by(col(KEY), copy=False)

    def _word(self, number: int) -> str:
        return f"{self.name}_bits_{number}"

    @property
    def columns(self) -> list[str]:
        """The columns of the relation: numbers with bits, then sums."""
        words = -(-len(self.flags) // WORD)
        return [*map(self._word, range(words)), *(f"{self.name}_{number}" for number in range(len(self.sums)))]


def identity(quantifier: Quantifier) -> tuple[object, ...]:
    """Return what identifies a count: quantifiers that count the same share it."""
    return (quantifier.of, quantifier.where, quantifier.have, quantifier.name != "count")
