"""What an edit of the rules changes about a portfolio, before it is made.

Only what the edit can touch is worked out: the rules that differ, those that read what they conclude,
and what those rest on, as SQL over the whole portfolio. Each deal that changes is blamed on the
smallest set of edits that brings its change about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
from sqlglot import exp

from ..batch.canonical import Canonical
from ..batch.engines import DuckEngine, any_order, duckdb_at_work
from ..batch.results import also_read
from ..batch.sources import open_source
from ..engine.case_sql import case_strata, columns_read, known
from ..engine.dialects import written
from ..engine.sql import Stratum, compile_program, with_strata
from ..engine.sql_tests import col, named, selection
from ..facts.tables import DEALS, ITEM_KEY, KEY
from ..rules.base import RuleBase
from ..rules.language import FactTest, Rule, reads, walk
from ..rules.program import Program
from .edits import RuleEdit, rule_edits, with_edits

MOST_TOGETHER = 3  # edits of which every subset is tried; what takes more is blamed on all that touch a deal
MOST_TRIED = 40  # sets of edits; deals left over are blamed on the whole
_REPRESENTATIVES = 3


@dataclass(frozen=True)
class Blamed:
    """Some edits, how many deals they change, what they change most often, and deals that show it."""

    edits: tuple[RuleEdit, ...]
    deals: int
    moves: tuple[tuple[str, int], ...]
    examples: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Impact:
    """What an edit changes: of ``deals`` that were compared, how many, in what, and through which edits."""

    deals: int
    rejected: int
    changed: int
    kinds: Mapping[str, int]
    edits: tuple[RuleEdit, ...]
    blamed: tuple[Blamed, ...]


def impact(old: RuleBase, new: RuleBase, source: str, memory: str = "", threads: int = 0) -> Impact:
    """Return what the step from one rule base to another changes about the deals of a source.

    Raises :class:`~..batch.refusal.BadSource` if the source can't be used.
    """
    with duckdb_at_work(memory, threads) as (database, _), any_order(database):
        return Comparison(database, old, new).run(source)


def affected(old: RuleBase, new: RuleBase) -> frozenset[str]:
    """Return every conclusion that an edit can touch.

    Those are the conclusions of rules that differ or that test a fact whose observations now live longer or
    shorter, and of rules that read such conclusions.
    """
    lives = {name for name, days in new.stale_limits.items() if old.stale_limits.get(name) != days}
    touched: set[str] = set()
    before, after = ({rule.id: rule for rule in base.program.rules} for base in (old, new))
    for name in {*before, *after}:
        one, other = before.get(name), after.get(name)
        same = one is not None and other is not None and (one.when, one.concludes, one.scope) == (
            other.when, other.concludes, other.scope)
        if not same or (other is not None and _tests_one_of(other, lives, new)):
            touched.update(*(rule.concludes for rule in (one, other) if rule is not None))
    growing = True
    while growing:
        growing = False
        for rule in (*before.values(), *after.values()):
            if not touched.issuperset(rule.concludes) and any(name in touched for name, _ in reads(rule.when)):
                touched.update(rule.concludes)
                growing = True
    return frozenset(touched)


def _tests_one_of(rule: Rule, lives: Collection[str], base: RuleBase) -> bool:
    """Tell whether a rule tests a fact that goes stale after one of some spans."""
    facts = (
        base.vocabulary.find(part.path.fact, part.path.collection)
        for part in walk(rule.when) if lives and isinstance(part, FactTest)
    )
    return any(fact is not None and fact.stale_after in lives for fact in facts)


def needed(program: Program, conclusions: Iterable[str]) -> Program:
    """Return the part of a program on which some conclusions rest."""
    makers: dict[str, list[str]] = {}
    read: dict[str, set[str]] = {}
    for rule in program.rules:
        read[rule.id] = {name for name, _ in reads(rule.when)}
        for name in rule.concludes:
            makers.setdefault(name, []).append(rule.id)
    kept: set[str] = set()
    waiting = [rule for name in conclusions for rule in makers.get(name, ())]
    while waiting:
        found = waiting.pop()
        if found not in kept:
            kept.add(found)
            waiting += [maker for name in read[found] for maker in makers.get(name, ())]
    strata = tuple(tuple(rule for rule in stratum if rule.id in kept) for stratum in program.strata)
    return Program(tuple(stratum for stratum in strata if stratum), program.scopes)


class Comparison:
    """Two rule bases over one portfolio, in a database.

    After :meth:`run` its table ``moved`` holds what changes, deal by deal.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, old: RuleBase, new: RuleBase) -> None:
        self.database = database
        self.old = old
        self.new = new
        touched = affected(old, new)
        self.names = [name for name in self.shown() if name in touched]
        self.made = 0

    def shown(self) -> list[str]:
        """Return the conclusions of which a diagnosis is made, of either rule base."""
        found: dict[str, None] = {}
        for base in (self.old, self.new):
            given = base.program.given
            for step in base.steps:
                found.update(dict.fromkeys((f"step.{step.id}", f"done.{step.id}")))
                for criterion in step.criteria:
                    found.update(dict.fromkeys((f"met.{criterion.id}", f"open.{criterion.id}")))
            found.update(dict.fromkeys(given(f"find.{name}") for name in base.findings))
            found.update(dict.fromkeys(given(f"do.{name}") for name in base.actions))
        return list(found)

    def run(self, source: str, blame: bool = True) -> Impact:
        """Return what changes about the deals of a source, and unless ``blame`` is False, why; see :func:`impact`."""
        opened = open_source(self.database, source, self.new.vocabulary)
        columns: dict[str, set[str]] = {}
        for base in (self.old, self.new):
            for table, names in columns_read(self.cases(base, needed(base.program, self.names), {})).items():
                columns.setdefault(table, set()).update(names)
        wanted = also_read(self.new.vocabulary, columns)
        read = Canonical(DuckEngine(self.database), self.new.vocabulary, "", wanted).build(opened)
        deals = self.count(DEALS)
        edits = rule_edits(self.old, self.new)
        if not self.names:
            return Impact(deals, read.deals - deals, 0, {}, edits, ())
        self.conclude("before", self.old, {})
        self.moves("moved", self.new, "before", {})
        self.database.execute("CREATE TEMP TABLE remaining AS SELECT deal_id, moves FROM moved")
        changed = self.count("moved")
        kinds = self.kinds()
        return Impact(deals, read.deals - deals, changed, kinds, edits, tuple(self.blame(edits)) if blame else ())

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        (found,) = self.database.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
        return int(found)

    def cases(self, base: RuleBase, program: Program, tables: Mapping[str, str]) -> tuple[Stratum, ...]:
        """Return what rules see of the plain tables, or of those that stand in for them."""
        return case_strata(program, self.new.vocabulary, base.stale_limits, tables)

    def scopes(self) -> dict[str, list[str]]:
        """Return the conclusions of each scope that are compared."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            scope = self.new.program.scopes.get(name, self.old.program.scopes.get(name, ""))
            found.setdefault(scope, []).append(name)
        return found

    def conclude(self, prefix: str, base: RuleBase, tables: Mapping[str, str]) -> None:
        """Make the tables ``prefix_…`` of what a rule base concludes, a column a conclusion that may differ."""
        program = needed(base.program, self.names)
        compiled = compile_program(program, {scope: known(scope) for scope in ("", *self.new.vocabulary.collections)})
        strata = (*self.cases(base, program, tables), *compiled.strata)
        concluded = {name for rule in program.rules for name in rule.concludes}
        for scope, names in self.scopes().items():
            values = [
                named(col(compiled.columns[name]) if name in concluded else exp.false(), f"c{number}")
                for number, name in enumerate(names)
            ]
            keys = [KEY, *([ITEM_KEY] if scope else [])]
            query = with_strata(strata, selection(*keys, *values).from_(compiled.last.get(scope, known(scope)), copy=False))
            self.database.execute(f"CREATE TEMP TABLE {prefix}_{scope or DEALS} AS {written(query, 'duckdb')}")

    def moves(self, target: str, base: RuleBase, before: str, tables: Mapping[str, str]) -> None:
        """Make the table ``target`` of the deals that a rule base changes, each with what it gains and loses."""
        self.made += 1
        after = f"after{self.made}"
        self.conclude(after, base, tables)
        parts = []
        for scope, names in self.scopes().items():
            table = scope or DEALS
            keys = KEY if not scope else f"{KEY}, {ITEM_KEY}"
            about = f" || '@' || {ITEM_KEY}" if scope else ""
            differ = [f"o.c{number} <> n.c{number}" for number in range(len(names))]
            told = ", ".join(
                f"CASE WHEN {test} THEN CASE WHEN n.c{number} THEN '+' ELSE '-' END || '{name}'{about} END"
                for number, (name, test) in enumerate(zip(names, differ, strict=True))
            )
            parts.append(
                f"SELECT {KEY}, unnest(list_filter([{told}], lambda move: move IS NOT NULL)) AS move"
                f" FROM {before}_{table} AS o JOIN {after}_{table} AS n USING ({keys}) WHERE {' OR '.join(differ)}"
            )
        query = f"SELECT {KEY}, list(move ORDER BY move) AS moves FROM ({' UNION ALL '.join(parts)}) GROUP BY {KEY}"
        self.database.execute(f"CREATE TEMP TABLE {target} AS {query}")
        for scope in self.scopes():
            self.database.execute(f"DROP TABLE {after}_{scope or DEALS}")

    def kinds(self) -> dict[str, int]:
        """Return how many deals change in their step, readiness, findings and actions."""
        tests = {"step": ("step.",), "readiness": ("met.", "open."), "findings": ("find.", "given.find."),
                 "actions": ("do.", "given.do.")}
        columns = ", ".join(
            "count(*) FILTER (WHERE len(list_filter(moves, lambda move: "
            + " OR ".join(f"starts_with(move[2:], '{start}')" for start in starts) + ")) > 0)"
            for starts in tests.values()
        )
        return dict(zip(tests, self.database.execute(f"SELECT {columns} FROM moved").fetchone() or (), strict=True))

    def blame(self, edits: Sequence[RuleEdit]) -> Iterable[Blamed]:
        """Yield each smallest set of edits that brings about the whole change of some deals.

        Edits are tried together only where each of them changes something of a deal on its own.
        """
        self.database.execute(f"CREATE TEMP TABLE alone ({KEY} VARCHAR, edit INTEGER)")
        for number, edit in enumerate(edits):
            yield from self.blamed_on((edit,), number)
        for chosen in self.together(len(edits)):
            yield from self.blamed_on([edits[number] for number in chosen])
        if self.count("remaining"):
            yield self.summary(edits, "remaining")

    def together(self, edits: int) -> list[tuple[int, ...]]:
        """Return the sets of edits worth trying together, small and frequent ones first."""
        found: dict[tuple[int, ...], int] = {}
        rows = self.database.execute(
            "SELECT edits, count(*) FROM (SELECT list(edit ORDER BY edit) AS edits"
            f" FROM alone SEMI JOIN remaining USING ({KEY}) GROUP BY {KEY}) GROUP BY edits"
        ).fetchall()
        for touching, count in rows:
            for size in range(2, min(MOST_TOGETHER, len(touching)) + 1):
                for chosen in combinations(touching, size):
                    found[chosen] = found.get(chosen, 0) + count
            if MOST_TOGETHER < len(touching) < edits:
                found[tuple(touching)] = found.get(tuple(touching), 0) + count
        return sorted(found, key=lambda chosen: (len(chosen), -found[chosen], chosen))[:MOST_TRIED]

    def blamed_on(self, chosen: Sequence[RuleEdit], alone: int | None = None) -> Iterable[Blamed]:
        """Yield the deals whose whole change some edits bring about; note, if it is one alone, which it touches."""
        base = with_edits(self.old, self.new, chosen)
        if base is None or not self.count("remaining"):
            return
        tables = {}
        for scope in ("", *self.new.vocabulary.collections):
            table = scope or DEALS
            self.database.execute(
                f"CREATE OR REPLACE TEMP TABLE left_{table} AS SELECT * FROM {table} SEMI JOIN remaining USING ({KEY})")
            tables[table] = f"left_{table}"
        self.moves("tried", base, "before", tables)
        if alone is not None:
            self.database.execute(f"INSERT INTO alone SELECT {KEY}, {alone} FROM tried")
        self.database.execute(
            "CREATE TEMP TABLE caused AS SELECT remaining.* FROM remaining JOIN tried"
            f" ON remaining.{KEY} = tried.{KEY} AND remaining.moves = tried.moves"
        )
        if self.count("caused"):
            yield self.summary(chosen, "caused")
            self.database.execute(
                f"CREATE OR REPLACE TEMP TABLE remaining AS SELECT * FROM remaining ANTI JOIN caused USING ({KEY})")
        self.database.execute("DROP TABLE caused; DROP TABLE tried")

    def summary(self, edits: Sequence[RuleEdit], table: str) -> Blamed:
        """Return how some edits change the deals of a table."""
        often = self.database.execute(
            f"SELECT split_part(move, '@', 1) AS what, count(DISTINCT {KEY})"
            f" FROM (SELECT {KEY}, unnest(moves) AS move FROM {table})"
            " GROUP BY what ORDER BY 2 DESC, 1 LIMIT 10"
        ).fetchall()
        examples = self.database.execute(
            f"SELECT min({KEY}), moves FROM {table} GROUP BY moves ORDER BY count(*) DESC, 1 LIMIT {_REPRESENTATIVES}"
        ).fetchall()
        return Blamed(tuple(edits), self.count(table), tuple(often), tuple((deal, tuple(moves)) for deal, moves in examples))
