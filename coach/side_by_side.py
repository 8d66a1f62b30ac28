"""Two rule bases side by side over one portfolio: what is told otherwise by one than by the other.

Only what may differ is worked out: the aspects of a diagnosis that an edit can touch and the rules that
they rest on, as SQL over the whole portfolio. The result is what scoring with both rule bases and
comparing would tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from sqlglot import exp

from ..batch.canonical import lay_down
from ..batch.engines import DuckEngine
from ..batch.results import also_read
from ..batch.sources import open_source
from ..engine.case_sql import case_strata, columns_read, known
from ..engine.expressions import col, named, selection, whole
from ..engine.sql import compile_program
from ..engine.statements import as_script, laid_down
from ..engine.strata import Stratum
from ..facts.tables import DEALS, ITEM_KEY, KEY
from ..rules.base import RuleBase
from ..rules.program import Program
from .aspects import KINDS, Key, Told, differing, needed, told
from .edits import RuleEdit, both_vocabularies

REPRESENTATIVES = 3
UP, DOWN = "up", "down"


@dataclass(frozen=True)
class Move:
    """An aspect that has another value now; an empty value: nothing is told. ``about`` is the item that it is told of."""

    kind: str
    id: str
    before: str
    after: str
    about: str = ""


@dataclass(frozen=True)
class Blamed:
    """Some edits, how many deals they change, what they change most often, and deals that show it."""

    edits: tuple[RuleEdit, ...]
    deals: int
    moves: tuple[tuple[Move, int], ...]
    examples: tuple[tuple[str, tuple[Move, ...]], ...]


@dataclass(frozen=True)
class Impact:
    """What an edit changes: of ``deals`` that were compared, how many, in what, and through which edits."""

    deals: int
    rejected: int
    changed: int
    kinds: Mapping[str, int]
    edits: tuple[RuleEdit, ...]
    blamed: tuple[Blamed, ...]


class Comparison:
    """Two rule bases over one portfolio, in a database.

    :meth:`compare` makes the tables ``before_…`` and ``after_…`` with the numbers of all aspects that may differ,
    and ``moved``, with a row for each aspect of a deal that does.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, old: RuleBase, new: RuleBase) -> None:
        self.database = database
        self.bases = old, new
        self.vocabulary = both_vocabularies(old, new)
        self.old, self.new = told(old), told(new)
        self.keys = differing(self.old, self.new)
        self.numbers = {key: number for number, key in enumerate(self.keys)}
        sides = [side.aspects[key] for key in self.keys for side in (self.old, self.new) if key in side.aspects]
        self.values: dict[Key, list[str]] = {key: [""] for key in self.keys}
        for aspect in sides:
            known_values = self.values[aspect.kind, aspect.id]
            known_values += [value for value in dict.fromkeys(aspect.values) if value not in known_values]
        self.scopes = {(aspect.kind, aspect.id): aspect.scope for aspect in sides}

    def read(self, source: str) -> int:
        """Lay down the deals of a source, as far as the aspects need them; return how many could not be read."""
        columns: dict[str, set[str]] = {}
        for side in (self.old, self.new):
            for table, names in columns_read(self.cases(side, self.program(side, self.keys), {})).items():
                columns.setdefault(table, set()).update(names)
        opened = open_source(self.database, source, self.vocabulary)
        wanted = also_read(self.vocabulary, columns)
        found = lay_down(DuckEngine(self.database), self.vocabulary, opened, wanted)
        return found.deals - self.count(DEALS)

    def compare(self) -> None:
        """Make the tables of what is told before and after, and of what moves."""
        self.conclude("before", self.old, self.keys, {})
        self.conclude("after", self.new, self.keys, {})
        nothing = f"SELECT '' AS {KEY}, 0 AS aspect, '' AS about, 0 AS old, 0 AS new WHERE false"
        query = " UNION ALL ".join([nothing, *(self.moves(scope, own) for scope, own in self.by_scope(self.keys).items())])
        self.database.execute(f"CREATE TEMP TABLE moved AS {query}")

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        (found,) = self.database.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
        return int(found)

    def program(self, side: Told, keys: Iterable[Key]) -> Program:
        """Return the part of a rule base's program on which some aspects rest."""
        return needed(side.program, {name for key in keys if key in side.aspects for name in side.aspects[key].reads})

    def cases(self, side: Told, program: Program, tables: Mapping[str, str]) -> tuple[Stratum, ...]:
        """Return what rules see of the plain tables, or of those that stand in for them."""
        return case_strata(program, side.base.vocabulary, side.base.stale_limits, tables)

    def by_scope(self, keys: Iterable[Key]) -> dict[str, list[Key]]:
        """Return some aspects by scope."""
        found: dict[str, list[Key]] = {}
        for key in keys:
            found.setdefault(self.scopes[key], []).append(key)
        return found

    def conclude(self, prefix: str, side: Told, keys: Sequence[Key], tables: Mapping[str, str]) -> None:
        """Make the tables ``prefix_…`` of what a rule base tells, with the number of each aspect in a column."""
        program = self.program(side, keys)
        compiled = compile_program(program, {scope: known(scope) for scope in ("", *side.base.vocabulary.collections)})
        strata = (*self.cases(side, program, tables), *compiled.strata)
        concluded = {name for rule in program.rules for name in rule.concludes}

        def holds(name: str) -> exp.Expr:
            return col(compiled.columns[name]) if name in concluded else exp.false()

        ends: list[Stratum] = []
        for scope, own in self.by_scope(keys).items():
            numbers = [
                named(exp.cast(self.number(side, key, holds), exp.DType.UTINYINT), self.column(key)) for key in own
            ]
            keys_of_rows = [KEY, *([ITEM_KEY] if scope else [])]
            query = selection(*keys_of_rows, *numbers).from_(compiled.last.get(scope, known(scope)), copy=False)
            ends.append(Stratum(f"{prefix}_{scope or DEALS}", scope, query))
        names = [end.name for end in ends]
        later = {scope: [self.column(key) for key in own] for scope, own in self.by_scope(keys).items()}
        statements = laid_down((*strata, *ends), [*names, *compiled.counted], later, flags=compiled.flags)
        for step in as_script(statements, names):
            self.database.execute(step.sql)

    def number(self, side: Told, key: Key, holds: Callable[[str], exp.Expr]) -> exp.Expr:
        """Return the SQL for the number of an aspect, which a rule base may not have."""
        aspect = side.aspects.get(key)
        return whole(0) if aspect is None else aspect.number(self.values[key], holds)

    def column(self, key: Key) -> str:
        """Return the column that holds the number of an aspect."""
        return f"v{self.numbers[key]}"

    def joined(self, one: str, other: str, scope: str, keys: Iterable[Key]) -> str:
        """Return what follows the SELECT of a query of the rows in which some aspects differ."""
        table = scope or DEALS
        on = f"{KEY}, {ITEM_KEY}" if scope else KEY
        test = " OR ".join(f"o.{self.column(key)} <> n.{self.column(key)}" for key in keys)
        return f"FROM {one}_{table} AS o JOIN {other}_{table} AS n USING ({on}) WHERE {test}"

    def moves(self, scope: str, keys: Sequence[Key]) -> str:
        """Return the query of the moves of a scope."""
        told_of = ", ".join(
            f"CASE WHEN o.{name} <> n.{name} THEN {{'aspect': {number}, 'old': o.{name}, 'new': n.{name}}} END"
            for number, name in ((self.numbers[key], self.column(key)) for key in keys)
        )
        listed = f"unnest(list_filter([{told_of}], lambda move: move IS NOT NULL))"
        about = ITEM_KEY if scope else "''"
        inner = f"SELECT {KEY}, {about} AS about, {listed} AS move {self.joined('before', 'after', scope, keys)}"
        return f"SELECT {KEY}, move.aspect AS aspect, about, move.old AS old, move.new AS new FROM ({inner})"

    def result(
        self, edits: tuple[RuleEdit, ...], rejected: int, causes: Sequence[tuple[RuleEdit, ...]]
    ) -> Impact:
        """Return what moves, by the sets of edits behind it, whose numbers the table ``blamed`` gives to the deals."""
        kinds = self.kinds()
        changed = self.count(f"(SELECT DISTINCT {KEY} FROM moved)")
        counts = dict(self.database.execute("SELECT cause, count(*) FROM blamed GROUP BY cause").fetchall())
        moves, examples = self.frequent_moves(), self.examples()
        blamed = tuple(
            Blamed(chosen, counts[cause], tuple(moves[cause]), tuple(examples[cause]))
            for cause, chosen in enumerate(causes) if cause in counts
        )
        return Impact(self.count(DEALS), rejected, changed, kinds, edits, blamed)

    def of_kind(self, kind: str) -> str:
        """Return the test that a move is of a kind."""
        numbers = [str(number) for key, number in self.numbers.items() if key[0] == kind]
        return f"aspect IN ({', '.join(numbers)})" if numbers else "false"

    def kinds(self) -> dict[str, int]:
        """Return how many deals change in each kind of aspect."""
        some = ", ".join(f"bool_or({self.of_kind(kind)}) AS {kind}" for kind in KINDS)
        counted = ", ".join(f"count(*) FILTER (WHERE {kind})" for kind in KINDS)
        query = f"SELECT {counted} FROM (SELECT {some} FROM moved GROUP BY {KEY})"
        return dict(zip(KINDS, self.database.execute(query).fetchone() or (), strict=True))

    def frequent_moves(self, most: int = 10) -> dict[int, list[tuple[Move, int]]]:
        """Return, for each set of edits, what it changes most often; readiness only as up or down."""
        share = self.of_kind("readiness")
        query = (
            f"SELECT cause, aspect, CASE WHEN {share} THEN NULL ELSE old END AS before,"
            f" CASE WHEN {share} THEN (new > old)::INTEGER ELSE new END AS now, count(DISTINCT {KEY}) AS deals"
            f" FROM moved JOIN blamed USING ({KEY}) GROUP BY cause, aspect, before, now"
            f" QUALIFY row_number() OVER (PARTITION BY cause ORDER BY deals DESC, aspect, before, now) <= {most}"
            " ORDER BY cause, deals DESC, aspect, before, now"
        )
        found: dict[int, list[tuple[Move, int]]] = {}
        for cause, number, before, now, deals in self.database.execute(query).fetchall():
            kind, name = key = self.keys[number]
            move = (Move(kind, name, "", UP if now else DOWN) if before is None
                    else Move(kind, name, self.values[key][before], self.values[key][now]))
            found.setdefault(cause, []).append((move, deals))
        return found

    def examples(self) -> dict[int, list[tuple[str, tuple[Move, ...]]]]:
        """Return, for each set of edits, the first deal of each of its most frequent patterns, with all that moves."""
        pattern = f"sum(CASE WHEN {self.of_kind('readiness')} THEN 0 ELSE hash(aspect, old, new) END)"
        by_deal = f"SELECT cause, {KEY}, {pattern} AS pattern FROM moved JOIN blamed USING ({KEY}) GROUP BY cause, {KEY}"
        chosen = (
            f"SELECT cause, min({KEY}) AS {KEY}, count(*) AS deals FROM ({by_deal}) GROUP BY cause, pattern"
            f" QUALIFY row_number() OVER (PARTITION BY cause ORDER BY deals DESC, min({KEY})) <= {REPRESENTATIVES}"
        )
        rows = self.database.execute(
            f"SELECT cause, {KEY}, aspect, about, old, new FROM ({chosen}) JOIN moved USING ({KEY})"
            f" ORDER BY cause, deals DESC, {KEY}, aspect, about"
        ).fetchall()
        found: dict[int, dict[str, list[Move]]] = {}
        for cause, deal, number, about, old, new in rows:
            kind, name = key = self.keys[number]
            move = Move(kind, name, self.values[key][old], self.values[key][new], about)
            found.setdefault(cause, {}).setdefault(deal, []).append(move)
        return {cause: [(deal, tuple(moves)) for deal, moves in deals.items()] for cause, deals in found.items()}


def in_list(numbers: Collection[int]) -> str:
    """Return numbers as SQL lists them; NULL, which nothing equals, if there is none."""
    return f"({', '.join(map(str, sorted(numbers))) or 'NULL'})"
