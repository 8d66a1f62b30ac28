"""Reads the files of a rule folder into records; what each file may hold is told by its top-level keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..facts.nodes import Mapping, Node, Scalar, Sequence
from ..facts.problems import Place, Problems, nearest
from ..facts.reader import Record, both_languages, describe
from ..facts.texts import FILLED, FILLED_OF_ITEM, Text
from ..facts.vocabulary import EFFORT, Vocabulary
from .catalogue import (
    DEAL,
    DOERS,
    HIGHEST_PRIORITY,
    KINDS_OF_ACTION,
    KINDS_OF_FINDING,
    SEVERITIES,
    Action,
    Criterion,
    Finding,
    Override,
    Parameter,
    Source,
    Step,
    Talk,
    Tension,
)
from .conditions import ConditionReader
from .language import ALWAYS, Absent, Condition, FactTest, Holds, Rule, walk
from .mentions import check_mentions

BASES = ("article", "reading", "convention")
NATURES = ("definition", "classification", "fact", "precondition", "heuristic", "action", "principle", "caution", "indicator")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RULE_ID = re.compile(r"[a-z][a-z0-9_]*(?:[.-][a-z0-9_]+)*")
_MOST = {"share": 1, "percent": 100}  # of a parameter, by its unit
_SWITCHED = ("actions", "findings", "talks")  # besides rules and criteria
_STEP_ORDER = ("investigation", "visits", "needs", "proposal", "closing", "service")


class Loader:
    """Collects the records of all files; :meth:`finish` checks what can only be known at the end.

    ``whole`` tells whether every rule and step is there with all that it asks for and concludes.
    """

    def __init__(self, vocabulary: Vocabulary, problems: Problems) -> None:
        self.vocabulary = vocabulary
        self.problems = problems
        self.parameters: dict[str, Parameter] = {}
        self.sources: dict[str, Source] = {}
        self.tensions: dict[str, Tension] = {}
        self.actions: dict[str, Action] = {}
        self.findings: dict[str, Finding] = {}
        self.talks: dict[str, Talk] = {}
        self.steps: tuple[Step, ...] = ()
        self.rules: dict[str, Rule] = {}
        self.declared_scopes: dict[str, str] = {}
        self._conditions = ConditionReader(vocabulary, {}, problems)
        self._late: list[Callable[[], None]] = []
        self._cited: list[tuple[str, Place, str]] = []
        self._overridden: list[tuple[str, Place, str]] = []
        self._steps: dict[str, Step] = {}
        self._ids: dict[tuple[str, str], Place] = {}
        self.off: dict[str, Rule] = {}
        self.whole = True

    @property
    def used_parameters(self) -> set[str]:
        """The parameters that conditions name."""
        return self._conditions.used_parameters

    def read(self, node: Mapping) -> None:
        """Read the records of all files. Conditions wait until every parameter is known."""
        top = Record(node, "", self.problems, node.place)
        top.text("version")
        self._table(top, "parameters", self._parameter, self.parameters)
        self._table(top, "heuristics", self._heuristic, self.sources)
        self._table(top, "supplements", self._supplement, self.sources)
        self._table(top, "tensions", self._tension, self.tensions)
        self._table(top, "actions", self._action, self.actions)
        self._table(top, "findings", self._finding, self.findings)
        self._table(top, "talks", self._talk, self.talks)
        for key, read in (("rules", self._rule), ("steps", self._step)):
            if top.has(key):
                top.records(key, read)
        top.close()

    def _table(self, top: Record, key: str, read: Callable[[Record], Any], table: dict[str, Any]) -> None:
        if not top.has(key):
            return
        kind = "sources" if table is self.sources else key

        def once(record: Record) -> Any:
            self._once(record, kind)
            if kind not in _SWITCHED and record.has("off"):
                self.problems.add(record.where("off"), record.path("off"), "off-unfit")
            return read(record)

        table.update((entry.id, entry) for entry in top.records(key, once))

    def finish(self) -> None:
        """Read the conditions, then check every name that one file uses and another defines."""
        self._conditions.parameters = {name: parameter.value for name, parameter in self.parameters.items()}
        with self._watched():
            for late in self._late:
                late()
        self.steps = tuple(sorted(self._steps.values(), key=lambda step: _STEP_ORDER.index(step.id)))
        for source_id, place, field in self._cited:
            if source_id not in self.sources and source_id not in self.tensions:
                self.problems.unknown(place, field, "source-unknown", source_id, [*self.sources, *self.tensions])
        for missing in (step for step in _STEP_ORDER if step not in self._steps):
            self.problems.add(Place("steps"), missing, "step-missing", found=missing)
            self.whole = False
        self._check_overrides()
        check_mentions(self.vocabulary, _STEP_ORDER, (*self.sources, *self.tensions), self.parameters, self.problems)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Watch over the reading of something that conclusions come from: if it fails, the rules are not whole."""
        before = len(self.problems)
        yield
        self.whole = self.whole and len(self.problems) == before

    def _because(self, record: Record, required: bool = True) -> tuple[str, ...]:
        sources = record.scalars("because")
        if required and not sources and record.valid:
            code = "expected-one-value" if record.has("because") else "missing"
            self.problems.add(record.where("because"), record.path("because"), code, found=describe(record.node("because")))
        self._cited += [(source.text, source.place, record.path("because")) for source in sources]
        return tuple(source.text for source in sources)

    def _id(self, record: Record, pattern: re.Pattern[str]) -> str:
        value = record.text("id", required=True)
        if value and not pattern.fullmatch(value):
            self.problems.add(record.where("id"), record.path("id"), "bad-name", found=value)
        return value

    def _once(self, record: Record, kind: str) -> None:
        """Note an id that another record of its kind has already."""
        name, place = record.text("id"), record.where("id")
        first = self._ids.setdefault((kind, name), place)
        if name and first is not place:
            self.problems.add(place, record.path("id"), "defined-twice", found=name, other=first)

    def _parameter(self, record: Record) -> Parameter:
        unit = record.text("unit", required=True)
        return Parameter(
            id=self._id(record, _NAME), value=self._amount(record, unit), unit=unit,
            label=record.bilingual("label"), about=record.bilingual("about"),
            basis=record.choice("basis", BASES), because=self._because(record), place=record.place,
        )

    def _amount(self, record: Record, unit: str) -> int | Decimal:
        """Return the value of a parameter: never negative, and no more than all of it."""
        value = record.decimal("value", required=True) or Decimal(0)
        place, field, most = record.where("value"), record.path("value"), _MOST.get(unit)
        if value < 0:
            self.problems.add(place, field, "below-minimum", found=value, limit=0)
        elif most is not None and value > most:
            self.problems.add(place, field, "above-maximum", found=value, limit=most)
        return int(value) if value == value.to_integral_value() else value

    def _heuristic(self, record: Record) -> Source:
        return Source(
            id=record.text("id", required=True), kind="article", text=both_languages(record),
            nature=record.choice("kind", NATURES), at=record.text("at", required=True),
            uncarried=record.bilingual("uncarried") if record.has("uncarried") else None, place=record.place,
        )

    def _supplement(self, record: Record) -> Source:
        return Source(
            id=record.text("id", required=True),
            kind=record.choice("kind", ("supplement", "reading")),  # type: ignore[arg-type]
            text=both_languages(record), origin=record.text("source"), grade=record.text("grade"),
            fills=record.bilingual("fills") if record.has("fills") else None, place=record.place,
        )

    def _tension(self, record: Record) -> Tension:
        sides = record.node("sides", required=True)
        read: tuple[tuple[str, ...], ...] = ()
        if isinstance(sides, Sequence):
            read = tuple(
                tuple(child.text for child in side.items if isinstance(child, Scalar))
                for side in sides.items if isinstance(side, Sequence)
            )
        self._cited += [(source, record.where("sides"), record.path("sides")) for side in read for source in side]
        return Tension(
            id=record.text("id", required=True), label=record.bilingual("label"), sides=read,
            first=record.bilingual("first"), why=record.bilingual("why"), basis=record.choice("basis", BASES[:2]),
            because=self._because(record),
        )

    def _about(self, record: Record) -> str:
        return record.choice("about", (DEAL, *self.vocabulary.collections))

    def _text(self, record: Record, name: str, about: str) -> Text:
        """Return a text whose placeholders exist where it is shown."""
        return record.bilingual(name, fills=FILLED if about == DEAL else FILLED_OF_ITEM)

    def _action(self, record: Record) -> Action:
        about = self._about(record)
        return Action(
            id=self._id(record, _NAME), about=about, kind=record.choice("kind", KINDS_OF_ACTION),
            priority=record.number("priority", 1, HIGHEST_PRIORITY), effort=record.choice("effort", EFFORT),
            within_days=record.number("within_days", 0, 3650), who=record.choice("who", DOERS),
            label=self._text(record, "label", about), how=self._text(record, "how", about),
            words=self._text(record, "words", about) if record.has("words") else None,
            why=self._text(record, "why", about), done_when=self._text(record, "done_when", about),
            off=record.flag("off"), after_loss=record.flag("after_loss"), withheld_when=record.texts("withheld_when"),
            overrides=record.records("overrides", self._override), place=record.place,
        )

    def _override(self, record: Record) -> Override:
        override = Override(record.text("action", required=True), record.text("tension", required=True))
        self._overridden.append((override.action, record.where("action"), record.path("action")))
        if override.tension:
            self._cited.append((override.tension, record.where("tension"), record.path("tension")))
        return override

    def _finding(self, record: Record) -> Finding:
        about = self._about(record)
        blocks = record.texts("blocks")
        for step in blocks:
            if step not in _STEP_ORDER:
                self.problems.unknown(record.where("blocks"), record.path("blocks"), "step-unknown", step, _STEP_ORDER)
        return Finding(
            id=self._id(record, _NAME), about=about, kind=record.choice("kind", KINDS_OF_FINDING),
            severity=record.choice("severity", SEVERITIES), label=self._text(record, "label", about),
            meaning=self._text(record, "meaning", about), blocks=blocks, off=record.flag("off"),
            withheld_when=record.texts("withheld_when"), place=record.place,
        )

    def _talk(self, record: Record) -> Talk:
        parts = {name: self._text(record, name, "stakeholders")
                 for name in ("label", "opening", "proof", "question", "objection", "answer", "commitment")}
        return Talk(id=self._id(record, _NAME), concern=record.text("concern", required=True), off=record.flag("off"),
                    place=record.place, **parts)

    def _step(self, record: Record) -> None:
        record.choice("id", _STEP_ORDER)
        step_id = record.text("id")
        label, aim = record.bilingual("label"), record.bilingual("aim")
        starts = record.node("starts_when")
        drafts = record.records("criteria", lambda criterion: self._criterion(criterion, step_id), required=True)
        self._once(record, "steps")
        if record.has("off"):
            self.problems.add(record.where("off"), record.path("off"), "off-unfit")
        if step_id not in _STEP_ORDER:
            return
        self._check_step_label(record, step_id, label)

        def finish() -> None:
            criteria = tuple(draft() for draft in drafts)
            condition = None if starts is None else self._facts_only(starts, f"{step_id}.starts_when")
            self._steps[step_id] = Step(step_id, label, aim, criteria, condition)

        self._late.append(finish)

    def _check_step_label(self, record: Record, step_id: str, label: Text) -> None:
        """Note a step that goes by another name where a deal claims it: what the screen shows can be written in a file."""
        claimed = self.vocabulary.facts.get("deal.claimed_step")
        written = claimed.label_of(step_id) if claimed is not None and step_id in claimed.order else label
        if written != label:
            self.problems.add(record.where("label"), record.path("label"), "step-label", found=label, other=written)

    def _criterion(self, record: Record, step_id: str) -> Callable[[], Criterion] | None:
        with self._watched():
            criterion_id = self._id(record, _RULE_ID)
            self._once(record, "criteria")
            if not criterion_id.startswith(f"{step_id}."):
                self.problems.add(record.where("id"), record.path("id"), "criterion-prefix", found=criterion_id,
                                  prefix=f"{step_id}.")
        texts = {name: record.bilingual(name) for name in ("label", "why", "recognise", "misread")}
        when = record.node("when", required=True)
        basis, do, because = record.choice("basis", BASES[:2]), record.text("do"), self._because(record)
        place, field, do_place = record.place, record.path("do"), record.where("do")
        off = record.flag("off")

        def finish() -> Criterion:
            condition = ALWAYS if when is None else self._facts_only(when, f"{criterion_id}.when")
            if do:
                self._check_catalogue("do", do, "", do_place, field)
            return Criterion(id=criterion_id, step=step_id, when=condition, basis=basis, do=do, because=because,
                             place=place, **texts)

        if off:
            self.off[criterion_id] = Rule(criterion_id, "", ALWAYS, (f"do.{do}",) if do else (), because, texts["label"],
                                          "criterion", place)
        return None if off else finish

    def _facts_only(self, node: Node, field: str) -> Condition:
        """Read a condition that may ask about facts only, so that learning a fact can only settle it."""
        condition = self._conditions.read(node, "", field)
        for part in walk(condition):
            if isinstance(part, Holds | Absent) or (
                isinstance(part, FactTest) and part.kind in ("unknown", "stale", "inferred")
            ):
                self.problems.add(node.place, field, "facts-only")
        return condition

    def _rule(self, record: Record) -> None:
        rule_id, label = self._id(record, _RULE_ID), record.bilingual("label")
        with self._watched():
            self._once(record, "rules")
            scope = record.text("for_each")
            if scope and scope not in self.vocabulary.collections:
                place, known = record.where("for_each"), self.vocabulary.collections
                self.problems.unknown(place, record.path("for_each"), "collection-unknown", scope, known)
                scope = nearest(scope, known)
            when, then = record.node("when", required=True), record.node("then", required=True)
        because = self._because(record)
        place, off = record.place, record.flag("off")
        if off:
            self._late.append(lambda: self._switched_off(Rule(rule_id, scope, ALWAYS, (), because, label, place=place), then))
            return
        self.rules[rule_id] = Rule(rule_id, scope, ALWAYS, (), because, label, place=place)

        def finish() -> None:
            condition = ALWAYS if when is None else self._conditions.read(when, scope, f"{rule_id}.when")
            concludes = () if then is None else self._then(then, scope, f"{rule_id}.then")
            self.rules[rule_id] = Rule(rule_id, scope, condition, concludes, because, label, place=place)

        self._late.append(finish)

    def _switched_off(self, rule: Rule, then: Node | None) -> None:
        """Keep what a rule that is switched off would have concluded, to tell what is idle because of it."""
        concludes = () if then is None else self._then(then, rule.scope, f"{rule.id}.then")
        self.off[rule.id] = replace(rule, concludes=concludes)

    def _then(self, node: Node, scope: str, field: str) -> tuple[str, ...]:
        record = Record(node, field, self.problems, node.place)
        names: list[str] = []
        for name in record.texts("conclude"):
            if not _NAME.fullmatch(name):
                self.problems.add(record.where("conclude"), record.path("conclude"), "bad-name", found=name)
            elif self.declared_scopes.setdefault(name, scope) != scope:
                self.problems.add(record.where("conclude"), record.path("conclude"), "two-scopes", found=name,
                                  scope=_scope_word(scope), other=_scope_word(self.declared_scopes[name]))
            names.append(name)
        for verb in ("find", "do", "say"):
            for target in record.texts(verb):
                self._check_catalogue(verb, target, scope, record.where(verb), record.path(verb))
                names.append(f"{verb}.{target}")
        record.close()
        if not names and record.valid:
            self.problems.add(record.place, field, "concludes-nothing")
        return tuple(names)

    def _check_catalogue(self, verb: str, target: str, scope: str, place: Place, field: str) -> None:
        tables: dict[str, dict[str, Any]] = {"find": self.findings, "do": self.actions, "say": self.talks}
        table = tables[verb]
        if target not in table:
            self.problems.unknown(place, field, f"{verb}-unknown", target, table)
            return
        about = "stakeholders" if verb == "say" else table[target].about
        if (scope or DEAL) != about:
            self.problems.add(place, field, "wrong-scope", found=target, scope=_scope_word(scope), about=_scope_word(about))

    def _check_overrides(self) -> None:
        for name, place, field in self._overridden:
            if name and name not in self.actions:
                self.problems.unknown(place, field, "do-unknown", name, self.actions)
        for action in self.actions.values():
            path = self._override_circle(action.id)
            if path and action.id == min(path):
                self.problems.add(action.place, f"{action.id}.overrides", "overrides-circle", path=" → ".join(path))

    def _override_circle(self, start: str) -> list[str]:
        """Return the shortest chain of overriding actions from ``start`` back to itself, or an empty list."""
        chains = [[start]]
        seen = {start}
        for chain in chains:
            last = self.actions.get(chain[-1])
            for override in last.overrides if last else ():
                if override.action == start:
                    return [*chain, start]
                if override.action not in seen:
                    seen.add(override.action)
                    chains.append([*chain, override.action])
        return []


def _scope_word(scope: str) -> Text | str:
    return Text("the deal", "整个商机") if scope in ("", DEAL) else scope
