"""A stratum of a query, and what a query reads: how common table expressions are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp


@dataclass(frozen=True)
class Stratum:
    """One common table expression: rows of ``scope`` (empty: deals)."""

    name: str
    scope: str
    select: exp.Query

    @cached_property
    def reads(self) -> Reads:
        """What it reads."""
        return reads_of(self.select)


@dataclass(frozen=True)
class Reads:
    """What a query names: tables, those of its common table expressions among them, and columns, with their tables."""

    tables: frozenset[str]
    columns: frozenset[tuple[str, str]]

    @property
    def column_names(self) -> frozenset[str]:
        """The names of the columns, whatever table they are of."""
        return frozenset(name for _, name in self.columns)


def reads_of(query: exp.Expr) -> Reads:
    """Return what a query reads."""
    nodes = list(query.find_all(exp.Table, exp.Column))
    return Reads(
        frozenset(node.name for node in nodes if isinstance(node, exp.Table)),
        frozenset((node.table, node.name) for node in nodes if isinstance(node, exp.Column)),
    )


def with_strata(strata: Iterable[Stratum], select: exp.Query) -> exp.Query:
    """Return a query over common table expressions, those that nothing reads left out."""
    by_name = {stratum.name: stratum for stratum in strata}
    needed: set[str] = set()
    waiting = set(reads_of(select).tables)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            waiting |= by_name[name].reads.tables
    for stratum in by_name.values():
        if stratum.name in needed:
            tree = stratum.select if stratum.select.parent is None else stratum.select.copy()
            select = select.with_(stratum.name, as_=tree, copy=False)
    return select


def union_all(parts: Sequence[exp.Query]) -> exp.Query:
    """Return all rows of several queries, of which there is at least one."""
    union = parts[0]
    for part in parts[1:]:
        union = exp.union(union, part, distinct=False, copy=False)
    return union
