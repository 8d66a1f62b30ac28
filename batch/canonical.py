"""Lays the typed tables down that the query reads, without the deals in which something is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..facts.tables import DEALS, KEY, Column, Table, listed_column, tables
from ..facts.vocabulary import Vocabulary
from .cells import SQL_TYPES, literal
from .contradictions import contradictions
from .engines import FEW_DEALS, Engine
from .examining import Examined, examine
from .sources import Opened


@dataclass(frozen=True)
class Part:
    """The deals from ``low`` up to, not including, ``high``; an empty one is no bound."""

    low: str = ""
    high: str = ""

    def where(self, key: str) -> str:
        """Return the clause that picks the rows of these deals."""
        tests = [f"{key} {sign} {literal(bound)}" for sign, bound in ((">=", self.low), ("<", self.high)) if bound]
        return f" WHERE {' AND '.join(tests)}" if tests else ""


def lay_down(
    engine: Engine, vocabulary: Vocabulary, opened: Opened, wanted: Mapping[str, Collection[str]] | None = None
) -> Examined:
    """Make the typed tables of an input, all deals at once; see :func:`~.examining.examine`."""
    found = examine(engine, vocabulary, opened, wanted=wanted)
    Canonical(engine, vocabulary, found).lay_down()
    return found


class Canonical:
    """Makes the typed tables of an input that was looked through, all deals at once or part by part."""

    def __init__(self, engine: Engine, vocabulary: Vocabulary, found: Examined) -> None:
        self.engine = engine
        self.layout = tables(vocabulary)
        self.found = found
        # Tables that are as quick to read where they are as they would be laid down; few deals are laid down sooner
        # than each statement is planned over where they lie.
        self.in_place = found.in_place if found.deals > FEW_DEALS else ()

    def count(self, part: Part) -> int:
        """Return how many deals a part has."""
        if part == Part():
            return self.found.deals
        ((deals,),) = self.engine.rows(f"SELECT count(*) FROM keyed_{DEALS}{part.where(KEY)}")
        return int(deals)

    def parts(self, most: int, within: Part | None = None) -> list[Part]:
        """Return ranges of deals, in order, with about as many deals in each and never many more than ``most``.

        Together they are all deals, or those of the part that they are ``within``.
        """
        within = within or Part()
        deals = self.count(within)
        count = -(-deals // most)
        if count <= 1:
            return [within]
        size = -(-deals // count)
        inside = f"SELECT * FROM keyed_{DEALS}{within.where(KEY)}"
        numbered = f"SELECT {KEY}, row_number() OVER (ORDER BY {KEY}) - 1 AS n FROM ({inside}) WHERE {KEY} IS NOT NULL"
        firsts = self.engine.rows(f"SELECT {KEY} FROM ({numbered}) WHERE n > 0 AND n % {size} = 0 ORDER BY n")
        bounds = [first for (first,) in firsts]
        return [Part(low, high) for low, high in zip([within.low, *bounds], [*bounds, within.high], strict=True)]

    def lay_down(self, part: Part | None = None) -> None:
        """Make the typed tables, of all deals or of a part of them, and of those that are rejected the same part."""
        part = part or Part()
        at_once = self.engine.at_once
        slices = self.parts(max(1, -(-self.count(part) // at_once)), part) if at_once > 1 else [part]
        for name in self.found.tables:
            self.engine.view(f"part_{name}", _read(f"raw_{name}", self.found.keys[name], slices if name == DEALS else [part]))
        self.engine.view("rejected", f"SELECT {KEY} FROM all_rejected{part.where(KEY)}")
        self.engine.create("seen", self.seen())
        queries = {table.name: self.good(table) for table in self.layout.values()}
        for name in self.in_place:
            self.engine.view(name, queries.pop(name))
        whole = f"laid_{DEALS}" if at_once > 1 else DEALS
        self.engine.create_all({whole if name == DEALS else name: query for name, query in queries.items()})
        if DEALS in queries and whole != DEALS:
            self.engine.view(DEALS, _read(whole, KEY, slices))

    @property
    def comparing(self) -> bool:
        """Whether it is asked where deals disagree with themselves."""
        return bool(self.found.compared)

    def contradictions(self) -> str:
        """Return the query of where deals disagree with themselves; see :func:`~.contradictions.contradictions`."""
        return contradictions(self.layout, self.found.compared)

    def listed(self, table: Table) -> dict[Column, str]:
        """Return the columns that tell whether a collection is listed, with the collections, of those that came in."""
        of = {listed_column(name): name for name in self.found.tables if name != DEALS}
        return {column: of[column.name] for column in self.found.columns[table.name] if column.name in of}

    def seen(self) -> str:
        """Return the query that tells of which collections a deal has items."""
        bits = {name: 1 << number for number, name in enumerate(self.listed(self.layout[DEALS]).values())}
        flags = "".join(f", (bit_or(bit) & {bit}) <> 0 AS {name}" for name, bit in bits.items())
        keys = [f"SELECT {KEY}, {bit} AS bit FROM typed_{name}" for name, bit in bits.items()]
        none = f"SELECT CAST(NULL AS VARCHAR) AS {KEY}, 0 AS bit WHERE false"
        return f"SELECT {KEY}{flags} FROM ({' UNION ALL '.join([none, *keys])}) GROUP BY {KEY}"

    def good(self, table: Table) -> str:
        """Return the query of a table without the deals that are rejected.

        A collection counts as listed for a deal if the deal says so, or if there is an item of it.
        """
        if table.name not in self.found.tables:
            empty = [f'CAST(NULL AS {SQL_TYPES[column.type]}) AS "{column.name}"' for column in self.found.columns[table.name]]
            return f"SELECT {', '.join(empty)} WHERE false"
        source, listed = f"typed_{table.name}", self.listed(table)
        columns = [
            f"coalesce({source}.{column.name}, false) OR coalesce(seen.{listed[column]}, false) AS {column.name}"
            if column in listed else f'{source}."{column.name}"' for column in self.found.columns[table.name]
        ]
        joins = [f"LEFT JOIN seen ON {source}.{KEY} = seen.{KEY}"] if listed else []
        if self.found.rejected:
            joins.append(f"ANTI JOIN rejected ON {source}.{KEY} = rejected.{KEY}")
        return f"SELECT {', '.join(columns)} FROM {source} {' '.join(joins)} WHERE {source}.{KEY} IS NOT NULL"


def _read(table: str, key: str, slices: Iterable[Part]) -> str:
    """Return the query of some rows of a table; each slice keeps a thread busy, where DuckDB gives one a row group."""
    return " UNION ALL ".join(f"SELECT * FROM {table}{part.where(key)}" for part in slices)
