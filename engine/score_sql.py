"""The diagnosis of a whole pipeline as tables: SQL statements that follow one another.

The strata of :mod:`.sql` become temporary tables where more than one statement reads them, with
only the columns that are still needed. Conclusions that end in an output are packed as soon as
they are settled, 62 to a number; the outputs unpack them against small catalogues.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, column_name
from ..rules.base import RuleBase
from ..rules.catalogue import DEAL
from .case_sql import case_strata, known
from .diagnose import KIND_ORDER, SEVERITY_ORDER
from .sql import Compiled, Stratum, compile_program, with_strata
from .sql_tests import col, number_if, sum_of, whole

_WORD = 62


@dataclass(frozen=True)
class Statement:
    """A temporary table and the query that fills it."""

    name: str
    select: exp.Select


@dataclass(frozen=True)
class Scoring:
    """The statements to run in order, and the query of each output table."""

    statements: tuple[Statement, ...]
    outputs: Mapping[str, exp.Query]


@dataclass
class _Packed:
    """One kind of conclusion of one scope: which bit of which column says what."""

    scope: str
    kind: str
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)

    def add(self, entries: Sequence[tuple[str, str]]) -> list[exp.Expr]:
        """Give each (id, column) a bit of a new column; return those columns."""
        made = []
        for start in range(0, len(entries), _WORD):
            name = f"{self.kind}_{len(self.columns)}"
            self.columns.append(name)
            chunk = entries[start : start + _WORD]
            self.places.update({entry: (name, 1 << bit) for bit, (entry, _) in enumerate(chunk)})
            made.append(exp.alias_(sum_of([number_if(col(column), 1 << bit) for bit, (_, column) in enumerate(chunk)]), name))
        return made

    def true(self, entry: str) -> exp.Expr:
        """Return the test that an entry holds."""
        column, bit = self.places[entry]
        return _has(col(column), whole(bit))


def compile_scoring(base: RuleBase, tables: Mapping[str, str] | None = None) -> Scoring:
    """Return the statements that score the plain tables ``deals``, ``stakeholders`` … (or as ``tables`` names them)."""
    return _Scoring(base, tables).scoring()


class _Scoring:
    def __init__(self, base: RuleBase, tables: Mapping[str, str] | None) -> None:
        self.base = base
        self.scopes = ("", *base.vocabulary.collections)
        self.compiled: Compiled = compile_program(base.program, {scope: known(scope) for scope in self.scopes})
        self.strata = (*case_strata(base.program, base.vocabulary, base.stale_limits, tables), *self.compiled.strata)
        self.deals = (tables or {}).get(DEALS, DEALS)
        self.packed: dict[tuple[str, str], _Packed] = {}
        self.statements: list[Statement] = []

    def scoring(self) -> Scoring:
        wanted = {scope: self.wanted(scope) for scope in self.scopes}
        self.materialise(wanted)
        outputs: dict[str, exp.Query] = {
            "criteria": self.criteria(), "findings": self.findings(), "actions": self.actions(), "fired": self.fired(),
        }
        for name in ("findings", "actions"):
            self.statements.append(Statement(f"scored_{name}", exp.select("*").from_(outputs[name].subquery("found"))))
            outputs[name] = exp.select("*").from_(f"scored_{name}")
        outputs["deals"] = self.summary()
        return Scoring(tuple(self.statements), outputs)

    def wanted(self, scope: str) -> dict[str, list[tuple[str, str]]]:
        """Return, by kind, what the outputs want to know of a scope: an id and the column that tells it."""
        about = scope or DEAL
        given, columns = self.base.program.given, self.compiled.columns
        found: dict[str, list[tuple[str, str]]] = {
            "finding": [(entry.id, columns[given(f"find.{entry.id}")]) for entry in self.base.findings.values() if entry.about == about],
            "action": [(entry.id, columns[given(f"do.{entry.id}")]) for entry in self.base.actions.values() if entry.about == about],
            "rule": [(rule.id, self.compiled.fired[rule.id]) for rule in self.base.program.rules if rule.scope == scope],
        }
        if not scope:
            criteria = [criterion.id for step in self.base.steps for criterion in step.criteria]
            found["met"] = [(criterion, columns[f"met.{criterion}"]) for criterion in criteria]
            found["open"] = [(criterion, columns[f"open.{criterion}"]) for criterion in criteria]
            found["step"] = [(f"{verb}.{step.id}", columns[f"{verb}.{step.id}"]) for verb in ("step", "done") for step in self.base.steps]
        if scope == "stakeholders" and "has_power" in columns:
            found["mark"] = [("has_power", columns["has_power"])]
        return found

    def materialise(self, wanted: Mapping[str, dict[str, list[tuple[str, str]]]]) -> None:
        """Turn every stratum with several readers, and the last of each scope, into a statement."""
        last = self.compiled.last
        made: dict[str, set[str]] = {}  # columns of each stratum seen so far
        shared = self.shared_strata(set(last.values()))
        done: set[str] = set()
        for number, stratum in enumerate(self.strata):
            made[stratum.name] = _columns(stratum.select, made)
            if stratum.name not in shared:
                continue
            later = [other for other in self.strata[number + 1 :] if other.name not in done]
            read = {column.name for other in later for column in other.select.find_all(exp.Column)}
            keep = sorted(made[stratum.name] & read)
            packs: list[exp.Expr] = []
            for kind, entries in wanted[stratum.scope].items():
                settled = [entry for entry in entries if entry[1] in made[stratum.name]]
                if settled:
                    pack = self.packed.setdefault((stratum.scope, kind), _Packed(stratum.scope, kind))
                    packs += pack.add(settled)
                    wanted[stratum.scope][kind] = [entry for entry in entries if entry not in settled]
            packed = [name for (scope, _), pack in self.packed.items() if scope == stratum.scope for name in pack.columns]
            keep += [name for name in packed if name in made[stratum.name]]
            keys = [KEY, *([ITEM_KEY] if stratum.scope else [])]
            names = [*keys, *(name for name in keep if name not in keys)]
            select = exp.select(*(col(name) for name in names), *packs).from_(f"{stratum.name}_all")
            inner = Stratum(f"{stratum.name}_all", stratum.scope, stratum.select)
            before = [other for other in self.strata[:number] if other.name not in done]
            self.statements.append(Statement(stratum.name, with_strata((*before, inner), select)))
            made[stratum.name] = {*names, *(pack.alias for pack in packs)}
            done.add(stratum.name)

    def shared_strata(self, last: set[str]) -> set[str]:
        readers: dict[str, int] = {}
        for stratum in self.strata:
            for name in {table.name for table in stratum.select.find_all(exp.Table)}:
                readers[name] = readers.get(name, 0) + 1
        cheap = {stratum.name for stratum in self.strata if stratum.name.endswith(("_known", "_known_plain"))}
        return {name for name, count in readers.items() if count > 1 and name not in cheap} | last

    def last(self, scope: str) -> str:
        return self.compiled.last[scope]

    def unpacked(self, kind: str, columns: Mapping[str, Sequence[object]], names: Sequence[str]) -> exp.Query:
        """Return a row for each entry of a kind that holds, over all scopes, with what the catalogue says of it.

        ``columns`` gives the values for ``names`` of each entry.
        """
        parts = [
            self.unpacked_word(pack, word, names, columns)
            for (_, of), pack in self.packed.items() if of == kind for word in pack.columns
        ]
        query: exp.Query = parts[0]
        for part in parts[1:]:
            query = exp.union(query, part, distinct=False, copy=False)
        return query

    def unpacked_word(
        self, pack: _Packed, word: str, names: Sequence[str], columns: Mapping[str, Sequence[object]]
    ) -> exp.Select:
        rows = [(bit, entry, *columns[entry]) for entry, (column, bit) in pack.places.items() if column == word]
        catalogue = exp.values([tuple(exp.convert(cell) for cell in row) for row in rows], alias="catalogue",
                               columns=["bit", pack.kind, *names])
        source = self.last(pack.scope)
        about = col(ITEM_KEY, source) if pack.scope else exp.Literal.string("")
        power = self.packed[pack.scope, "mark"].true("has_power") if (pack.scope, "mark") in self.packed else exp.false()
        query = exp.select(col(KEY, source), exp.alias_(exp.Literal.string(pack.scope), "collection"),
                           exp.alias_(about, "about"), *(col(name, "catalogue") for name in (pack.kind, *names)))
        if pack.kind == "action":
            query = query.select(exp.alias_(power, "with_power"), copy=False)
        return query.from_(source).join(catalogue, join_type="cross", copy=False).where(
            _has(col(word, source), col("bit", "catalogue")), copy=False)

    def findings(self) -> exp.Query:
        columns = {
            entry.id: (entry.kind, entry.severity, KIND_ORDER.index(entry.kind) * 10 + SEVERITY_ORDER.index(entry.severity))
            for entry in self.base.findings.values()
        }
        return self.unpacked("finding", columns, ("kind", "severity", "place"))

    def actions(self) -> exp.Query:
        ranked = sorted(self.base.actions.values(), key=lambda entry: (-entry.priority, entry.id))
        columns = {entry.id: (entry.priority, place, entry.within_days) for place, entry in enumerate(ranked)}
        found = self.unpacked("action", columns, ("priority", "place", "within_days"))
        order = [exp.Ordered(this=col("priority"), desc=True), exp.Ordered(this=exp.Case().when(col("with_power"), whole(0)).else_(whole(1))),
                 exp.Ordered(this=col("place")), exp.Ordered(this=col("about"))]
        rank = exp.Window(this=exp.RowNumber(), partition_by=[col(KEY)], order=exp.Order(expressions=order))
        return exp.select(KEY, "collection", "about", "action", "within_days", exp.alias_(rank, "rank")).from_(found.subquery("given"))

    def fired(self) -> exp.Query:
        return self.unpacked("rule", {rule.id: () for rule in self.base.program.rules}, ())

    def criteria(self) -> exp.Query:
        """Return the state of every criterion of every deal."""
        met, open_ = self.packed["", "met"], self.packed["", "open"]
        source = self.last("")
        rows = []
        for step in self.base.steps:
            for place, criterion in enumerate(step.criteria):
                (met_word, met_bit), (open_word, open_bit) = met.places[criterion.id], open_.places[criterion.id]
                rows.append((step.id, place, criterion.id, met.columns.index(met_word), met_bit, open_.columns.index(open_word), open_bit))
        catalogue = exp.values([tuple(exp.convert(cell) for cell in row) for row in rows], alias="catalogue",
                               columns=["step", "place", "criterion", "met_word", "met_bit", "open_word", "open_bit"])

        def bit_of(pack: _Packed) -> exp.Expr:
            words = exp.Case()
            for number, name in enumerate(pack.columns):
                words = words.when(exp.EQ(this=col(f"{pack.kind}_word", "catalogue"), expression=whole(number)), col(name, source))
            return _has(words, col(f"{pack.kind}_bit", "catalogue"))

        state = exp.Case().when(bit_of(met), exp.Literal.string("met")).when(
            bit_of(open_), exp.Literal.string("unknown")).else_(exp.Literal.string("unmet"))
        return exp.select(col(KEY, source), col("step", "catalogue"), col("place", "catalogue"), col("criterion", "catalogue"),
                          exp.alias_(state, "state")).from_(source).join(catalogue, join_type="cross")

    def summary(self) -> exp.Query:
        """Return a row a deal: step, readiness, the status of each step, counts."""
        met, open_, step = (self.packed["", kind] for kind in ("met", "open", "step"))
        source = self.last("")
        proven = exp.Case()
        for entry in self.base.steps:
            proven = proven.when(step.true(f"step.{entry.id}"), exp.Literal.string(entry.id))
        counted = [criterion.id for entry in self.base.steps[:-1] for criterion in entry.criteria]
        total = len(counted)
        low = sum_of([_one(met.true(criterion)) for criterion in counted])
        high = exp.Add(this=low.copy(), expression=sum_of([_one(open_.true(criterion)) for criterion in counted]))
        every = [criterion.id for entry in self.base.steps for criterion in entry.criteria]
        query = exp.select(
            col(KEY, source),
            exp.alias_(proven, "step"),
            exp.alias_(_percent(low, total, 0), "readiness_low"),
            exp.alias_(_percent(exp.paren(high), total, total - 1), "readiness_high"),
            *(exp.alias_(self.status(entry.id, met, step), f"status_{entry.id}") for entry in self.base.steps),
            exp.alias_(sum_of([_one(met.true(criterion)) for criterion in every]), "criteria_met"),
            exp.alias_(sum_of([_one(open_.true(criterion)) for criterion in every]), "criteria_unknown"),
        ).from_(source)
        counts = exp.select(col(KEY)).from_("scored_findings").group_by(KEY)
        for kind in KIND_ORDER:
            same = exp.EQ(this=col("kind"), expression=exp.Literal.string(kind))
            counts = counts.select(exp.alias_(exp.Sum(this=_one(same)), f"{kind}_count"), copy=False)
        for entry in self.base.steps:
            blocking = [finding.id for finding in self.base.findings.values() if entry.id in finding.blocks]
            if blocking:
                among = exp.In(this=col("finding"), expressions=[exp.Literal.string(finding) for finding in blocking])
                counts = counts.select(exp.alias_(exp.Max(this=_one(among)), f"blocked_{entry.id}"), copy=False)
        actions = exp.select(col(KEY), exp.alias_(exp.Count(this=exp.Star()), "action_count")).from_("scored_actions").group_by(KEY)
        first = exp.select(col(KEY), exp.alias_(col("action"), "top_action"), exp.alias_(col("about"), "top_action_about")).from_(
            "scored_actions").where(exp.EQ(this=col("rank"), expression=whole(1)))
        for name, joined in (("finding_counts", counts), ("action_counts", actions), ("first_action", first)):
            on = exp.EQ(this=col(KEY, source), expression=col(KEY, name))
            query = query.join(joined.subquery(name), on=on, join_type="left", copy=False)
        zero = [whole(0)]
        for name in [*(f"{kind}_count" for kind in KIND_ORDER), "action_count"]:
            query = query.select(exp.alias_(exp.Coalesce(this=col(name), expressions=[*zero]), name), copy=False)
        return query.select(col("top_action"), col("top_action_about"), copy=False)

    def status(self, step_id: str, met: _Packed, step: _Packed) -> exp.Expr:
        entry = self.base.step(step_id)
        status = exp.Case().when(step.true(f"done.{step_id}"), exp.Literal.string("complete"))
        if any(step_id in finding.blocks for finding in self.base.findings.values()):
            blocked = exp.EQ(this=col(f"blocked_{step_id}"), expression=whole(1))
            status = status.when(blocked, exp.Literal.string("blocked"))
        some = exp.or_(*(met.true(criterion.id) for criterion in entry.criteria))
        return status.when(some, exp.Literal.string("in_progress")).else_(exp.Literal.string("not_started"))


def _columns(select: exp.Select, made: Mapping[str, set[str]]) -> set[str]:
    """Return the names of a select's columns, stars written out."""
    names: set[str] = set()
    source = select.args["from_"].this.name
    for part in select.selects:
        if part.is_star:
            names |= made.get(source, set())
        else:
            names.add(part.alias_or_name)
    return names


def _has(word: exp.Expr, bit: exp.Expr) -> exp.Expr:
    return exp.NEQ(this=exp.paren(exp.BitwiseAnd(this=word, expression=bit)), expression=whole(0))


def _one(condition: exp.Expr) -> exp.Expr:
    return number_if(condition, 1)


def _percent(count: exp.Expr, total: int, extra: int) -> exp.Expr:
    """Return whole percents, rounded down, or up where ``extra`` makes good for it."""
    hundred = exp.Mul(this=exp.paren(count.copy()), expression=whole(100))
    numerator = exp.Add(this=hundred, expression=whole(extra)) if extra else hundred
    return exp.IntDiv(this=exp.paren(numerator), expression=whole(total))


def tables_read(tables: Iterable[str]) -> tuple[str, ...]:
    """Return the names of plain tables in a fixed order, the deals first."""
    return tuple(sorted(tables, key=lambda name: (name != DEALS, name)))
