"""The rules as a CLIPS program, deal by deal through clipspy: a fast engine of the classic kind, to compare with.

Every rule becomes a defrule, its conditions patterns; strata become salience. What CLIPS would have
to multiply out (``any``) or can't count (``count``) goes through helper facts, as one would write by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import clips
from dealready.engine.case import Case, Row
from dealready.facts.tables import AS_OF
from dealready.facts.vocabulary import Vocabulary
from dealready.rules.base import RuleBase
from dealready.rules.language import Absent, All, Condition, FactTest, Holds, Listed, Quantifier, Span
from dealready.rules.language import Any as AnyOf

_MANY = ("set", "list", "refs")


def slot(fact: str) -> str:
    """Return the slot of a fact."""
    return fact.replace(".", "-")


class ClipsProgram:
    """A rule base in a CLIPS environment of its own."""

    def __init__(self, base: RuleBase) -> None:
        self.vocabulary: Vocabulary = base.vocabulary
        self.environment = clips.Environment()
        self.helpers = 0
        self.many = {("", fact.id) for fact in base.vocabulary.facts.values() if fact.type in _MANY}
        self.many |= {(of.id, fact.id) for of in base.vocabulary.collections.values() for fact in of.facts.values()
                      if fact.type in _MANY}
        self.templates: dict[str, Any] = {}
        for scope in ("", *base.vocabulary.collections):
            self.environment.build(self.template(scope))
            self.templates[scope] = self.environment.find_template(scope or "deal")
        levels = len(base.program.strata)
        for level, stratum in enumerate(base.program.strata):
            for rule in stratum:
                salience = 3 * (levels - level)
                subject = f"({rule.scope} (id ?i))" if rule.scope else "(deal)"
                made = " ".join(f"(concl {name} {'?i' if rule.scope else 'nil'})" for name in rule.concludes)
                parts = " ".join(self.patterns(rule.when, rule.scope, "?i" if rule.scope else "nil", salience))
                self.build(f"{subject} {parts} => (assert {made})", salience)

    def template(self, scope: str) -> str:
        """Return the deftemplate of a scope."""
        facts = self.vocabulary.collections[scope].facts if scope else self.vocabulary.facts
        slots = [
            f"(multislot {slot(fact.id)}) (slot {slot(fact.id)}-known (default FALSE))" if fact.type in _MANY
            else f"(slot {slot(fact.id)})" for fact in facts.values() if fact.id != AS_OF
        ]
        own = "(slot id) (multislot listed) (multislot stale) (multislot inferred)"
        return f"(deftemplate {scope or 'deal'} {own} {' '.join(slots)})"

    def build(self, body: str, salience: int) -> None:
        """Add a rule."""
        self.helpers += 1
        self.environment.build(f"(defrule r{self.helpers} (declare (salience {salience})) {body})")

    def fresh(self) -> str:
        """Return a name for a variable that no other pattern uses."""
        self.helpers += 1
        return f"v{self.helpers}"

    def patterns(self, condition: Condition, scope: str, item: str, salience: int) -> Iterator[str]:
        """Yield the patterns of a condition about a row, whose id is ``item``."""
        match condition:
            case FactTest():
                yield self.tested(condition, scope, item)
            case All(parts):
                for part in parts:
                    yield from self.patterns(part, scope, item, salience)
            case AnyOf(parts):
                self.helpers += 1
                name = f"any-{self.helpers}"
                for part in parts:
                    subject = f"({scope} (id ?i))" if scope else "(deal)"
                    inner = " ".join(self.patterns(part, scope, "?i" if scope else "nil", salience))
                    self.build(f"{subject} {inner} => (assert (concl {name} {'?i' if scope else 'nil'}))", salience + 2)
                yield f"(concl {name} {item})"
            case Holds(name, collection):
                yield f"(concl {name} {item if collection else 'nil'})"
            case Absent(name, collection):
                yield f"(not (concl {name} {item if collection else 'nil'}))"
            case Listed(of, wanted):
                listed = f"$?{self.fresh()}"
                there = f"(member$ {of} {listed})"
                yield f"(deal (listed {listed}&:{there if wanted else f'(not {there})'}))"
            case Quantifier():
                yield self.quantified(condition, salience)

    def quantified(self, quantifier: Quantifier, salience: int) -> str:
        """Return the pattern of a quantifier: whether, or how often, there is a hit."""
        of, item = quantifier.of, f"?{self.fresh()}"
        hit = f"hit-{self.helpers}"
        parts = [f"({of} (id {item}))", *self.patterns(quantifier.where, of, item, salience)]
        if quantifier.have is not None:
            have = f"have-{self.helpers}"
            inner = " ".join(self.patterns(quantifier.have, of, "?i", salience))
            self.build(f"({of} (id ?i)) {inner} => (assert (concl {have} ?i))", salience + 2)
            parts.append(f"(not (concl {have} {item}))")
        if quantifier.name == "some":
            return f"(exists {' '.join(parts)})"
        if quantifier.name != "count":
            return f"(not (and {' '.join(parts)}))"
        self.build(f"{' '.join(parts)} => (assert (hit {hit} {item}))", salience + 2)
        count = f"(length$ (find-all-facts ((?h hit)) (eq (nth$ 1 ?h:implied) {hit})))"
        self.build(f"(deal) => (assert (counted {hit} {count}))", salience + 1)
        number = f"?{self.fresh()}"
        return f"(counted {hit} {number}&:{_within(number, quantifier.span)})"

    def tested(self, test: FactTest, scope: str, item: str) -> str:
        """Return the pattern of a test."""
        path = test.path
        owner = "" if path.owner == "deal" else path.collection
        row = f"({owner or 'deal'}" + (f" (id {item})" if owner else "")
        if path.owner == "ref":
            target = f"?{self.fresh()}"
            row = f"({path.collection} (id {target})"
            reach = f"({scope} (id {item}) ({slot(path.through)} {target}&~nil))"
            if path.fact == "id":
                there = f"{reach} {row})"
                return f"(not (and {there}))" if test.kind == "unknown" else f"(exists {there})"
            if test.kind == "unknown":
                return f"(not (and {reach} {row} ({slot(path.fact)} ~nil))))"
            return f"(exists {reach} {row} {self.constraint(test, owner)}))"
        return f"{row} {self.constraint(test, owner)})"

    def constraint(self, test: FactTest, owner: str) -> str:
        """Return the slot of a pattern that a test looks at, with its constraint."""
        name, kind, operand = slot(test.path.fact), test.kind, test.operand
        many = (owner, test.path.fact) in self.many
        one = f"?{self.fresh()}"
        several = f"${one}"
        if kind in ("stale", "inferred"):
            return f"({kind} {several}&:(member$ {test.path.fact} {several}))"
        if kind in ("known", "unknown"):
            return f"({name}-known {'TRUE' if kind == 'known' else 'FALSE'})" if many else (
                f"({name} {'~nil' if kind == 'known' else 'nil'})")
        if isinstance(operand, Span):
            if kind == "size":
                return f"({name}-known TRUE) ({name} {several}&:{_within(f'(length$ {several})', operand)})"
            return f"({name} {one}&:(and (numberp {one}) {_within(one, operand)}))"
        values = [_symbol(value) for value in operand]
        match kind:
            case "in" if all(isinstance(value, int | float) and not isinstance(value, bool) for value in operand):
                return f"({name} {one}&:(and (numberp {one}) (or {' '.join(f'(= {one} {value})' for value in values)} FALSE)))"
            case "in":
                return f"({name} {'|'.join(values)})"
            case "not_in":
                return f"({name} ~nil&{'&'.join(f'~{value}' for value in values)})"
        members = " ".join(f"(member$ {value} {several})" for value in values)
        found = {"has_any": f"(or {members} FALSE)", "has_all": f"(and {members} TRUE)", "lacks": f"(not (or {members} FALSE))"}
        return f"({name}-known TRUE) ({name} {several}&:{found[kind]})"

    def conclude(self, case: Case) -> dict[str, set[str]]:
        """Return what follows from a case: by conclusion, the items."""
        self.environment.reset()
        self.add("", case.deal, case, listed=[clips.Symbol(name) for name in case.items])
        for scope, rows in case.items.items():
            for row in rows:
                self.add(scope, row, case, id=clips.Symbol(row.id))
        self.environment.run()
        found: dict[str, set[str]] = {}
        for fact in self.environment.facts():
            if fact.template.name == "concl":
                found.setdefault(str(fact[0]), set()).add("" if str(fact[1]) == "nil" else str(fact[1]))
        return found

    def conclusions(self, case: Case) -> dict[str, set[str]]:
        """Return what follows from a case without what only helps to find it."""
        return {name: about for name, about in self.conclude(case).items() if not name.startswith(("any-", "have-"))}

    def add(self, scope: str, row: Row, case: Case, **slots: Any) -> None:
        """Assert a row."""
        for fact, value in row.values.items():
            if ("." in fact and scope) or fact == AS_OF:  # laid beside for other engines; CLIPS joins
                continue
            if isinstance(value, tuple):
                slots[slot(fact)] = [clips.Symbol(member) for member in value]
                slots[f"{slot(fact)}-known"] = clips.Symbol("TRUE")
            elif isinstance(value, date):
                slots[slot(fact)] = (case.as_of - value).days
            elif isinstance(value, bool | str):
                slots[slot(fact)] = clips.Symbol(_symbol(value).strip('"'))
            else:
                slots[slot(fact)] = float(value)
        slots["stale"] = [clips.Symbol(name) for name in row.stale]
        slots["inferred"] = [clips.Symbol(name) for name in row.inferred]
        self.templates[scope].assert_fact(**slots)


def _symbol(value: object) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value).replace(" ", "_")


def _within(value: str, span: Span) -> str:
    parts = []
    if span.low is not None:
        parts.append(f"({'>' if span.low_open else '>='} {value} {span.low})")
    if span.high is not None:
        parts.append(f"({'<' if span.high_open else '<='} {value} {span.high})")
    return f"(and {' '.join(parts)} TRUE)"
