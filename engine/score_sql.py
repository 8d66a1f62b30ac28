"""The diagnosis of a whole pipeline as tables: SQL statements that follow one another.

The strata of :mod:`.sql` become tables where more than one statement reads them, with
only the columns that are still needed. Conclusions that end in an output are packed as soon as
they are settled, 62 to a number; the outputs unpack them against small catalogues.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from ..facts.tables import ITEM_KEY, KEY
from ..rules.base import RuleBase
from ..rules.catalogue import DEAL, HIGHEST_PRIORITY, KINDS_OF_FINDING, SEVERITIES, Action, Finding
from ..rules.program import LOST
from .case_sql import case_strata, columns_read, known
from .explain_sql import ExplainTables
from .expressions import (
    Cases,
    by_code_points,
    cast,
    col,
    either,
    first_text,
    named,
    negated,
    number_if,
    paren,
    percent,
    selection,
    sum_of,
    whole,
)
from .outputs import CONDITIONS, OUTPUTS
from .packed_sql import Packed, has_bit, masks
from .questions import CLAIMED_STEP, vocabulary_slots
from .questions_sql import QuestionTables
from .roots_sql import roots, stage
from .sql import Compiled, compile_program
from .statements import Statement, laid_down
from .strata import union_all

_CODES = 1000  # more than there are actions
_DIGITS = 7  # of a code
_BEYOND = 10**_DIGITS
_BEYOND_TEXT = "9"  # sorts after the text of any code, which begins with 1, in every language


@dataclass(frozen=True)
class Scoring:
    """The statements to run in order, the query of each output table, and the columns read of each plain table."""

    statements: tuple[Statement, ...]
    outputs: Mapping[str, exp.Query]
    reads: Mapping[str, frozenset[str]]


def compile_scoring(
    base: RuleBase, outputs: Iterable[str] = OUTPUTS, most_questions: int = 10, narrow: bool = False
) -> Scoring:
    """Return the statements that score the plain tables ``deals``, ``stakeholders`` ….

    ``most_questions`` is how many questions a deal gets at most. In a run tables are ``narrow``: columns that are TRUE or
    FALSE share one (see :func:`~.statements.laid_down`), and counts are tables. It is quicker, and harder to read.
    """
    return _Scoring(base).scoring(outputs, most_questions, narrow)


class _Scoring:
    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self.scopes = ("", *base.vocabulary.collections)
        self.compiled: Compiled = compile_program(base.program, {scope: known(scope) for scope in self.scopes}, [LOST])
        cases = case_strata(base.program, base.vocabulary, base.stale_limits, also=[CLAIMED_STEP])
        self.reads = columns_read(cases)
        self.strata = (*cases, *self.compiled.strata)
        by_id = {action: number for number, action in enumerate(sorted(base.actions))}
        assert len(by_id) < _CODES
        self.codes = {
            action.id: ((HIGHEST_PRIORITY - action.priority) * 2 + 1) * _CODES + by_id[action.id]
            for action in base.actions.values()
        }
        self.packed: dict[tuple[str, str], Packed] = {}
        self.statements: list[Statement] = []

    def scoring(self, outputs: Iterable[str], most_questions: int, narrow: bool) -> Scoring:
        asked = set(outputs)
        wanted = {scope: self.wanted(scope) for scope in self.scopes}
        if "fired" not in asked:
            for kinds in wanted.values():
                kinds.pop("rule")
        questions = self.question_tables() if "questions" in asked else None
        explained = ExplainTables(self.compiled, self.base.vocabulary) if CONDITIONS in asked else None
        later: dict[str, set[str]] = {scope: set() for scope in self.scopes}
        for tables in (questions, explained):
            for scope, names in tables.reads().items() if tables else ():
                later[scope] |= names
        ends, flags = set(self.compiled.last.values()), frozenset[str]()
        if narrow:
            ends |= self.compiled.counted  # so that joins are planned by their size
            flags = self.compiled.flags
        self.statements = laid_down(self.strata, ends, later, partial(self.settle, wanted), flags)
        makers = {"deals": self.deals, "criteria": self.criteria, "findings": self.findings, "actions": self.actions,
                  "fired": self.fired}
        made = {name: make() for name, make in makers.items() if name in asked}
        if questions:
            questions.build()
            self.statements += [Statement(name, select) for name, select in questions.statements]
            made["questions"] = questions.query(vocabulary_slots(self.base), most_questions)
        if explained:
            explained.build()
            self.statements += [Statement(name, select) for name, select in explained.statements]
            made[CONDITIONS] = explained.query()
        return Scoring(tuple(self.statements), made, self.reads)

    def question_tables(self) -> QuestionTables:
        found = roots(self.base, self.compiled)
        return QuestionTables(self.compiled, self.scopes[1:], found, stage(self.base, self.compiled))

    def wanted(self, scope: str) -> dict[str, list[tuple[str, str]]]:
        """Return, by kind, what the outputs want to know of a scope: an id and the column that tells it."""
        about = scope or DEAL
        given, columns = self.base.program.given, self.compiled.columns
        found: dict[str, list[tuple[str, str]]] = {
            kind: [(entry.id, columns[given(f"{verb}.{entry.id}")]) for entry in entries.values() if entry.about == about]
            for kind, verb, entries in (("finding", "find", self.base.findings), ("action", "do", self.base.actions))
        }
        found["rule"] = [(rule.id, self.compiled.fired[rule.id]) for rule in self.base.program.rules if rule.scope == scope]
        if not scope:
            criteria = [criterion.id for step in self.base.steps for criterion in step.criteria]
            found["met"] = [(criterion, columns[f"met.{criterion}"]) for criterion in criteria]
            found["open"] = [(criterion, columns[f"open.{criterion}"]) for criterion in criteria]
            answers = [f"{verb}.{step.id}" for verb in ("step", "done") for step in self.base.steps]
            found["step"] = [(answer, columns[answer]) for answer in answers]
        if scope == "stakeholders" and "has_power" in columns:
            found["mark"] = [("has_power", columns["has_power"])]
        return found

    def settle(
        self, wanted: Mapping[str, dict[str, list[tuple[str, str]]]], scope: str, made: Collection[str]
    ) -> list[exp.Expr]:
        """Return the numbers that pack what is wanted of a scope and lies in the columns made by now; it is wanted no more."""
        packs: list[exp.Expr] = []
        for kind, entries in wanted[scope].items():
            settled = [entry for entry in entries if entry[1] in made]
            if settled:
                pack = self.packed.setdefault((scope, kind), Packed(scope, kind))
                if kind == "action":  # so that the lowest bit of a number is its first action
                    settled.sort(key=lambda entry: self.codes[entry[0]])
                packs += pack.add(settled)
                wanted[scope][kind] = [entry for entry in entries if entry not in settled]
        return packs

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
        return union_all(parts)

    def unpacked_word(
        self, pack: Packed, word: str, names: Sequence[str], columns: Mapping[str, Sequence[object]]
    ) -> exp.Select:
        rows = [(bit, entry, *columns[entry]) for entry, (column, bit) in pack.places.items() if column == word]
        catalogue = exp.values([tuple(exp.convert(cell) for cell in row) for row in rows], alias="catalogue",
                               columns=["bit", pack.kind, *names])
        source = self.last(pack.scope)
        about = col(ITEM_KEY, source) if pack.scope else exp.Literal.string("")
        power = self.packed[pack.scope, "mark"].true("has_power") if (pack.scope, "mark") in self.packed else exp.false()
        query = selection(col(KEY, source), named(exp.Literal.string(pack.scope), "collection"),
                           named(about, "about"), *(col(name, "catalogue") for name in (pack.kind, *names)))
        if pack.kind == "action":
            query = query.select(named(power, "with_power"), copy=False)
        return query.from_(source, copy=False).join(catalogue, join_type="cross", copy=False).where(
            has_bit(col(word, source), col("bit", "catalogue")), copy=False)

    def findings(self) -> exp.Query:
        columns = {
            entry.id: (entry.kind, entry.severity, KINDS_OF_FINDING.index(entry.kind) * 10 + SEVERITIES.index(entry.severity))
            for entry in self.base.findings.values()
        }
        return self.unpacked("finding", columns, ("kind", "severity", "place"))

    def actions(self) -> exp.Query:
        ranked = sorted(self.base.actions.values(), key=lambda entry: (-entry.priority, entry.id))
        columns = {entry.id: (entry.priority, place, entry.within_days) for place, entry in enumerate(ranked)}
        found = self.unpacked("action", columns, ("priority", "place", "within_days"))
        without_power = Cases().when(col("with_power"), whole(0)).otherwise(whole(1))
        order = [exp.Ordered(this=col("priority"), desc=True), exp.Ordered(this=without_power),
                 exp.Ordered(this=col("place")), exp.Ordered(this=by_code_points(col("about")))]
        rank = exp.Window(this=exp.RowNumber(), partition_by=[col(KEY)], order=exp.Order(expressions=order))
        names = (KEY, "collection", "about", "action", "within_days")
        return selection(*names, named(cast(rank, "int"), "rank")).from_(found.subquery("given", copy=False), copy=False)

    def fired(self) -> exp.Query:
        return self.unpacked("rule", {rule.id: () for rule in self.base.program.rules}, ())

    def criteria(self) -> exp.Query:
        """Return the state of every criterion of every deal."""
        met, open_ = self.packed["", "met"], self.packed["", "open"]
        source = self.last("")
        rows = [
            (step.id, place, criterion.id, *met.numbered(criterion.id), *open_.numbered(criterion.id))
            for step in self.base.steps for place, criterion in enumerate(step.criteria)
        ]
        catalogue = exp.values([tuple(exp.convert(cell) for cell in row) for row in rows], alias="catalogue",
                               columns=["step", "place", "criterion", "met_word", "met_bit", "open_word", "open_bit"])

        def bit_of(pack: Packed) -> exp.Expr:
            words = Cases()
            for number, name in enumerate(pack.columns):
                same = exp.EQ(this=col(f"{pack.kind}_word", "catalogue"), expression=whole(number))
                words = words.when(same, col(name, source))
            return has_bit(words.end(), col(f"{pack.kind}_bit", "catalogue"))

        state = Cases().when(bit_of(met), exp.Literal.string("met")).when(
            bit_of(open_), exp.Literal.string("unknown")).otherwise(exp.Literal.string("unmet"))
        return selection(col(KEY, source), col("step", "catalogue"), col("place", "catalogue"), col("criterion", "catalogue"),
                          named(state, "state")).from_(source, copy=False).join(catalogue, join_type="cross", copy=False)

    def deals(self) -> exp.Query:
        """Return a row a deal: step, readiness, the status of each step, counts, and the first action."""
        met, open_, step = (self.packed["", kind] for kind in ("met", "open", "step"))
        source = self.last("")
        proven = Cases()
        for entry in self.base.steps:
            proven = proven.when(step.true(f"step.{entry.id}"), exp.Literal.string(entry.id))
        counted = [criterion.id for entry in self.base.steps[:-1] for criterion in entry.criteria]
        every = [criterion.id for entry in self.base.steps for criterion in entry.criteria]
        low = met.count(counted, source)
        high = exp.Add(this=low.copy(), expression=open_.count(counted, source))
        items = [scope for scope in self.scopes if scope and self.kinds_of(scope)]
        self.statements += [self.counted(scope) for scope in items]
        query = selection(
            col(KEY, source),
            named(proven.end(), "step"),
            named(percent(low, len(counted), 0), "readiness_low"),
            named(percent(paren(high), len(counted), len(counted) - 1), "readiness_high"),
            *(named(self.status(entry.id, met, step, items), f"status_{entry.id}") for entry in self.base.steps),
            named(met.count(every, source), "criteria_met"),
            named(open_.count(every, source), "criteria_unknown"),
            *(named(self.count_of(kind, items), f"{kind}_count") for kind in KINDS_OF_FINDING),
            named(self.count_of("action", items), "action_count"),
            named(self.first_action(items), "first_action"),
        ).from_(self.coded(""), copy=False)
        for scope in items:
            on = exp.EQ(this=col(KEY, source), expression=col(KEY, f"{scope}_found"))
            query = query.join(f"{scope}_found", on=on, join_type="left", copy=False)
        return self.with_first_action(query)

    def kinds_of(self, scope: str) -> list[Packed]:
        """Return what is packed of the findings and actions of a scope."""
        return [self.packed[scope, kind] for kind in ("finding", "action") if (scope, kind) in self.packed]

    def entries(self, kind: str, scope: str) -> list[str]:
        """Return the findings of a kind, or the actions, that are about a scope and that some rule concludes."""
        about = scope or DEAL
        return [
            entry.id for entry in (self.base.actions if kind == "action" else self.base.findings).values()
            if entry.about == about and kind in ("action", entry.kind) and self.place(entry) is not None
        ]

    def place(self, entry: Action | Finding) -> tuple[str, int] | None:
        """Return the column and bit of a finding or action, which one has that some rule concludes."""
        scope = "" if entry.about == DEAL else entry.about
        pack = self.packed.get((scope, "action" if isinstance(entry, Action) else "finding"))
        return None if pack is None else pack.places.get(entry.id)

    def counted(self, scope: str) -> Statement:
        """Return the statement that counts, deal by deal, what was found of the items of a collection."""
        query = selection(col(KEY)).from_(self.coded(scope), copy=False).group_by(KEY, copy=False)
        for kind in (*KINDS_OF_FINDING, "action"):
            pack = self.packed.get((scope, "action" if kind == "action" else "finding"))
            entries = self.entries(kind, scope)
            if pack is not None and entries:
                query = query.select(named(exp.Sum(this=pack.count(entries)), f"{scope}_{kind}"), copy=False)
        finding = self.packed.get((scope, "finding"))
        for name in finding.columns if finding is not None else ():
            query = query.select(named(exp.BitwiseOrAgg(this=col(name)), f"{scope}_{name}"), copy=False)
        action = self.packed.get((scope, "action"))
        if action is not None:
            code = self.first_code(action)
            if (scope, "mark") in self.packed:
                power = self.packed[scope, "mark"].true("has_power")
                code = exp.Sub(this=paren(code), expression=number_if(power, _CODES))
            text = exp.Concat(expressions=[_as_text(code), col(ITEM_KEY)], coalesce=False)
            query = query.select(named(first_text(Cases().when(_there(code), text).end()), f"{scope}_first"), copy=False)
        return Statement(f"{scope}_found", query)

    def count_of(self, kind: str, items: Sequence[str]) -> exp.Expr:
        pack = self.packed.get(("", "action" if kind == "action" else "finding"))
        entries = self.entries(kind, "")
        parts: list[exp.Expr] = [pack.count(entries, self.last(""))] if pack is not None and entries else [whole(0)]
        for scope in items:
            if self.entries(kind, scope):
                parts.append(exp.Coalesce(this=col(f"{scope}_{kind}", f"{scope}_found"), expressions=[whole(0)]))
        return cast(sum_of(parts), "int")

    def first_action(self, items: Sequence[str]) -> exp.Expr:
        """Return the rank of a deal's first action, as text, with the item that it is done with behind it."""
        codes = [self.first_code(self.packed["", "action"])] if ("", "action") in self.packed else []
        texts: list[exp.Expr] = [Cases().when(_there(code), _as_text(code)).end() for code in codes]
        texts += [col(f"{scope}_first", f"{scope}_found") for scope in items if (scope, "action") in self.packed]
        return _least(texts, exp.Literal.string(_BEYOND_TEXT)) if texts else exp.null()

    def coded(self, scope: str) -> exp.Expr:
        """Return the last relation of a scope with the codes of the actions that come first, one for each word of them."""
        name = self.last(scope)
        pack = self.packed.get((scope, "action"))
        codes = [named(pack.first(word, self.codes), lead) for word, lead in _leads(pack)] if pack else []
        return selection(exp.Star(), *codes).from_(name, copy=False).subquery(name, copy=False)

    def first_code(self, pack: Packed) -> exp.Expr:
        """Return the code of the action that comes first among those of a row; NULL if it has none."""
        return _least([col(lead, self.last(pack.scope)) for _, lead in _leads(pack)], whole(_BEYOND))

    def with_first_action(self, query: exp.Select) -> exp.Query:
        rows = [(number, action) for number, action in enumerate(sorted(self.base.actions))] or [(0, "")]
        names = exp.values([(exp.convert(number), exp.convert(action)) for number, action in rows], alias="named",
                           columns=["number", "action"])
        code = cast(exp.Substring(this=col("first_action"), start=whole(1), length=whole(_DIGITS)), "int")
        on = exp.EQ(this=exp.Mod(this=code, expression=whole(_CODES)), expression=col("number", "named"))
        kept = [col(part.alias_or_name) for part in query.selects if part.alias_or_name != "first_action"]
        about = exp.Substring(this=col("first_action"), start=whole(_DIGITS + 1))
        return selection(*kept, named(col("action", "named"), "first_action"),
                          named(about, "first_action_about")).from_(query.subquery("judged", copy=False), copy=False).join(
            names, on=on, join_type="left", copy=False)

    def status(self, step_id: str, met: Packed, step: Packed, items: Sequence[str]) -> exp.Expr:
        entry = self.base.step(step_id)
        status = Cases().when(step.true(f"done.{step_id}"), exp.Literal.string("complete"))
        blocking: list[tuple[tuple[str, str], int]] = []
        for finding in self.base.findings.values():
            if step_id in finding.blocks and (place := self.place(finding)) is not None:
                scope = "" if finding.about == DEAL else finding.about
                column, bit = place
                blocking.append(((f"{scope}_{column}", f"{scope}_found") if scope in items else (column, self.last("")), bit))
        if blocking:
            blocked = either(*(has_bit(col(*word), whole(mask)) for word, mask in masks(blocking).items()))
            status = status.when(blocked, exp.Literal.string("blocked"))
        some = masks(met.places[criterion.id] for criterion in entry.criteria)
        begun = either(*(has_bit(col(word), whole(mask)) for word, mask in some.items()))
        return status.when(begun, exp.Literal.string("in_progress")).otherwise(exp.Literal.string("not_started"))


def _leads(pack: Packed) -> list[tuple[str, str]]:
    """Return the words of a pack, each with the column of the code that comes first in it."""
    return [(word, f"{word}_first") for word in pack.columns]


def _there(value: exp.Expr) -> exp.Expr:
    return negated(exp.Is(this=value.copy(), expression=exp.null()))


def _as_text(code: exp.Expr) -> exp.Expr:
    """Return a code as text that sorts as the number does."""
    million = exp.Add(this=paren(code.copy()), expression=whole(10 ** (_DIGITS - 1)))
    return cast(paren(million), "text")


def _least(values: Sequence[exp.Expr], beyond: exp.Expr) -> exp.Expr:
    """Return the least of some values, NULLs left out; ``beyond`` is more than any. Dialects differ on LEAST of NULL."""
    if len(values) == 1:
        return values[0]
    filled = [exp.Coalesce(this=value, expressions=[beyond.copy()]) for value in values]
    return exp.Nullif(this=exp.Least(this=filled[0], expressions=filled[1:]), expression=beyond)
