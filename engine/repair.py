"""Finds changes to a deal that would make a rule fire, or keep it from firing: the answer to "what would it take".

It walks down the rule's condition and changes one fact for every test in the way, through the rules
that conclude what the condition reads; then everything is concluded anew, until the rule does as it
should. What it returns has been checked that way; it need not be the smallest change there is.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from ..facts.deal import Deal, Item, Observation
from ..facts.edits import Edit
from ..facts.values import FactValue, in_order
from ..facts.vocabulary import Fact
from ..rules.base import RuleBase
from ..rules.language import ALWAYS, Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Rule, Span
from .case import Case, Row, build_case, owner_row, value_satisfies
from .outcome import Outcome
from .reference import conclude, holds

_TRIES, _ROUNDS, _DEEPEST = 18, 12, 14


def edit_to(base: RuleBase, deal: Deal, rule: Rule, about: str, goal: Condition | None = None) -> Edit | None:
    """Return a change after which ``rule`` fires for an item (empty: the deal), or None if none was found.

    ``goal`` asks for another condition than the rule's own, over rows of the same scope.
    """
    for seed in range(_TRIES):
        repair = _Repair(base, deal, random.Random(seed), boldness=seed // 3)
        if repair.reaches(goal or rule.when, rule.scope, about):
            return difference(deal, repair.deal)
    return None


def difference(old: Deal, new: Deal) -> Edit:
    """Return the change that makes one deal out of another."""
    facts = {name: seen for name, seen in new.facts.items() if old.facts.get(name) != seen}
    dropped = [name for name in old.facts if name not in new.facts]
    items: dict[str, tuple[Item, ...]] = {}
    for name, rows in new.items.items():
        before = {item.id: item for item in old.items.get(name, ())}
        changed = []
        for item in rows:
            was = before.get(item.id, Item(item.id, {}))
            given = {fact: seen for fact, seen in item.facts.items() if was.facts.get(fact) != seen}
            dropped += [f"{name}.{fact}@{item.id}" for fact in was.facts if fact not in item.facts]
            if given or item.id not in before:
                changed.append(Item(item.id, given))
        dropped += [f"{name}@{gone}" for gone in before if gone not in {item.id for item in rows}]
        if changed or name not in old.items:
            items[name] = tuple(changed)
    dropped += [name for name in old.items if name not in new.items]
    return Edit(Deal(facts, items), tuple(dropped))


class _Repair:
    def __init__(self, base: RuleBase, deal: Deal, chance: random.Random, boldness: int) -> None:
        self.base = base
        self.boldness = boldness  # how far it strays from what seems easiest
        self.deal = deal
        self.chance = chance
        self.makers: dict[str, list[Rule]] = {}
        for rule in base.program.rules:
            for name in rule.concludes:
                self.makers.setdefault(name, []).append(rule)
        self.case: Case
        self.outcome: Outcome

    def reaches(self, goal: Condition, scope: str, about: str) -> bool:
        """Change the deal until the goal holds of a row; tell whether it does."""
        if scope and not about:
            about = self.new_item(scope)
        for _ in range(_ROUNDS):
            self.case = build_case(self.deal, self.base.vocabulary, self.base.stale_limits)
            self.outcome = conclude(self.base.program, self.case)
            row = self.row(scope, about)
            if self.holds(goal, row):
                return True
            self.want(goal, scope, row, True, 0)
        return False

    def holds(self, condition: Condition, row: Row) -> bool:
        return holds(condition, row, self.case, self.outcome.concluded)  # type: ignore[arg-type]

    def row(self, scope: str, about: str) -> Row:
        """Return a row of the case; an item that was added since has nothing known of it."""
        return next((row for row in self.case.rows(scope) if row.id == about), Row(about, {}))

    def want(self, condition: Condition, scope: str, row: Row, truth: bool, depth: int) -> None:
        """Change facts so that a condition holds of a row, or does not."""
        if self.holds(condition, row) is truth or depth > _DEEPEST:
            return
        match condition:
            case FactTest():
                self.want_fact(condition, scope, row, truth)
            case All(parts) | Any(parts):
                if isinstance(condition, All) is truth:
                    for part in parts:
                        self.want(part, scope, row, truth, depth + 1)
                elif parts:
                    self.want(self.choose(parts, row, truth), scope, row, truth, depth + 1)
            case Holds(name, collection):
                self.want_conclusion(name, collection, row, truth, depth)
            case Absent(name, collection):
                self.want_conclusion(name, collection, row, not truth, depth)
            case Listed(of, wanted):
                self.list_items(of, wanted is truth)
            case Quantifier():
                self.want_count(condition, truth, depth)

    def choose(self, parts: Sequence[Condition], row: Row, truth: bool) -> Condition:
        """Return the part that seems easiest; chance decides among those that are alike."""
        return min(parts, key=lambda part: self.cost(part, row, truth) + self.chance.random() * (1 + self.boldness))

    def cost(self, condition: Condition, row: Row, truth: bool) -> float:
        if self.holds(condition, row) is truth:
            return 0
        match condition:
            case All(parts) | Any(parts):
                costs = [self.cost(part, row, truth) for part in parts]
                return sum(costs) if isinstance(condition, All) is truth else min(costs, default=50)
            case Holds() | Absent():
                return 3
            case Quantifier():
                return 2
            case _:
                return 1

    def want_conclusion(self, name: str, collection: str, row: Row, truth: bool, depth: int) -> None:
        about = row if collection else self.case.deal
        makers = self.makers.get(name, [])
        if truth and makers:
            maker = min(makers, key=lambda rule: self.cost(rule.when, about, True) + self.chance.random() * 2)
            self.want(maker.when, collection, about, True, depth + 1)
        for maker in () if truth else makers:
            self.want(maker.when, collection, about, False, depth + 1)

    def list_items(self, of: str, listed: bool) -> None:
        items = {name: rows for name, rows in self.deal.items.items() if name != of or listed}
        if listed:
            items.setdefault(of, ())
        self.deal = replace(self.deal, items=items)

    def new_item(self, of: str) -> str:
        taken = {item.id for item in self.deal.items.get(of, ())}
        new = next(f"new{number}" for number in range(1, len(taken) + 2) if f"new{number}" not in taken)
        self.deal = replace(self.deal, items={**self.deal.items, of: (*self.deal.items.get(of, ()), Item(new, {}))})
        return new

    def want_count(self, quantifier: Quantifier, truth: bool, depth: int) -> None:
        """Make more or fewer items count."""
        of = quantifier.of
        span = {"some": Span(low=1), "none": Span(high=0), "every": Span(high=0)}.get(quantifier.name, quantifier.span)
        counted = [row for row in self.case.rows(of) if self.counts(quantifier, row)]
        others = [row for row in self.case.rows(of) if not self.counts(quantifier, row)]
        targets = [number for number in range(len(counted) + 40) if span.holds(number) is truth]
        if not targets:
            return
        wanted = min(targets, key=lambda number: abs(number - len(counted)))
        for row in counted[wanted:]:
            self.count(quantifier, row, False, depth)
        others.sort(key=lambda row: self.cost(quantifier.where, row, True) + self.chance.random())
        for number in range(wanted - len(counted)):
            known = number < len(others) and self.chance.random() < 0.7
            row = others[number] if known else Row(self.new_item(of), {})
            self.count(quantifier, row, True, depth)

    def counts(self, quantifier: Quantifier, row: Row) -> bool:
        return self.holds(quantifier.where, row) and not (quantifier.have is not None and self.holds(quantifier.have, row))

    def count(self, quantifier: Quantifier, row: Row, truth: bool, depth: int) -> None:
        have = quantifier.have
        if truth:
            self.want(quantifier.where, quantifier.of, row, True, depth + 1)
            if have is not None:
                self.want(have, quantifier.of, row, False, depth + 1)
        elif have is not None:
            self.want(have, quantifier.of, row, True, depth + 1)
        elif quantifier.where == ALWAYS or self.chance.random() < 0.25:
            kept = tuple(item for item in self.deal.items.get(quantifier.of, ()) if item.id != row.id)
            self.deal = replace(self.deal, items={**self.deal.items, quantifier.of: kept})
        else:
            self.want(quantifier.where, quantifier.of, row, False, depth + 1)

    def want_fact(self, test: FactTest, scope: str, row: Row, truth: bool) -> None:
        path = test.path
        if path.owner == "deal":
            self.put("", "", self.base.vocabulary.facts[path.fact], test, self.case.deal, truth)
        elif path.owner == "item":
            self.put(scope, row.id, self.base.vocabulary.collections[scope].facts[path.fact], test, row, truth)
        else:
            self.want_reference(test, scope, row, truth)

    def want_reference(self, test: FactTest, scope: str, row: Row, truth: bool) -> None:
        path = test.path
        through = self.base.vocabulary.collections[scope].facts[path.through]
        if path.fact == "id" and (test.kind == "unknown") is truth:
            self.observe(scope, row.id, through, Observation("nobody"))
            return
        target = row.values.get(path.through)
        present = {item.id for item in self.deal.items.get(path.collection, ())}
        if not isinstance(target, str) or target not in present:
            if not truth:
                return
            target = self.chance.choice(sorted(present)) if present else self.new_item(path.collection)
            self.observe(scope, row.id, through, Observation(target))
        if path.fact != "id":
            fact = self.base.vocabulary.collections[path.collection].facts[path.fact]
            self.put(path.collection, target, fact, test, owner_row(path, row, self.case), truth)

    def put(self, collection: str, about: str, fact: Fact, test: FactTest, row: Row, truth: bool) -> None:
        """Give a fact a value with which a test holds, or does not."""
        name = str(test.path)
        kind = test.kind
        if kind in ("known", "unknown"):
            if (kind == "known") is truth:
                self.observe(collection, about, fact, Observation(self.any_value(fact)))
            else:
                self.observe(collection, about, fact, None)
            return
        if kind in ("stale", "inferred"):
            value = row.values.get(name, self.any_value(fact))
            seen = None
            if kind == "stale" and truth and fact.stale_after:
                seen = self.case.as_of - timedelta(days=self.base.stale_limits[fact.stale_after] + 1)
            confirmed = not (kind == "inferred" and truth)
            self.observe(collection, about, fact, Observation(value, seen=seen, confirmed=confirmed))
            return
        fitting = [value for value in self.candidates(fact, test) if value_satisfies(test, value, self.case.as_of) is truth]
        if fitting:
            value = self.chance.choice(fitting[:3])
            self.observe(collection, about, fact, Observation(value))
            self.bring_about(collection, about, fact.since.get(str(value), ""))
        elif not truth:
            self.observe(collection, about, fact, None)

    def bring_about(self, collection: str, about: str, since: str) -> None:
        """Let the day from which a value is true not lie ahead."""
        told = self.deal.observation(collection, about, since)
        if told is not None and isinstance(told.value, date) and told.value > self.case.as_of:
            facts = self.base.vocabulary.collections[collection].facts if collection else self.base.vocabulary.facts
            self.observe(collection, about, facts[since], Observation(self.case.as_of))

    def observe(self, collection: str, about: str, fact: Fact, observation: Observation | None) -> None:
        """Write an observation into the deal, or take it out."""
        if not collection:
            facts = {name: seen for name, seen in self.deal.facts.items() if name != fact.id}
            self.deal = replace(self.deal, facts=facts if observation is None else {**facts, fact.id: observation})
            return
        rows = []
        for item in self.deal.items.get(collection, ()):
            if item.id == about:
                kept = {name: seen for name, seen in item.facts.items() if name != fact.id}
                item = replace(item, facts=kept if observation is None else {**kept, fact.id: observation})  # noqa: PLW2901
            rows.append(item)
        self.deal = replace(self.deal, items={**self.deal.items, collection: tuple(rows)})

    def any_value(self, fact: Fact) -> FactValue:
        return self.candidates(fact, None)[0]

    def candidates(self, fact: Fact, test: FactTest | None) -> list[FactValue]:
        """Return values of a fact among which there is one on either side of a test."""
        operand = test.operand if test is not None else ()
        match fact.type:
            case "bool":
                return [True, False]
            case "enum" | "ordinal":
                return [value.id for value in fact.values]
            case "date":
                days = [Decimal(0), Decimal(1), Decimal(-1), *_around(operand)]
                return [self.case.as_of - timedelta(days=int(day)) for day in days if abs(day) < 4000]
            case "int" | "decimal" | "money":
                low, high = fact.minimum or Decimal(0), fact.maximum
                ends = [low, low + 1, *([high] if high is not None else [])]
                numbers = [Decimal(number) for number in (*ends[:2], *_around(operand), *ends[2:])]
                fit = [number for number in numbers if number >= low and (high is None or number <= high)]
                return [int(number) for number in fit] if fact.type == "int" else list(fit)
            case "set":
                every = [value.id for value in fact.values]
                tested = [str(member) for member in operand] if isinstance(operand, tuple) else []
                rest = [member for member in every if member not in tested]
                sets = [tested, rest, every, [], *([member] for member in tested), every[:1], every[:2], every[:3], every[:4]]
                return [in_order(fact, members) for members in sets]
            case "list":
                return [tuple(f"note {number}" for number in range(size)) for size in (1, 0, 2, 3, 4, 5, 6)]
            case "ref" | "refs":
                known = [item.id for item in self.deal.items.get(fact.to, ())]
                if not known:
                    known = [self.new_item(fact.to)]
                return [(known[0],), ()] if fact.type == "refs" else list(known)
            case _:
                return ["noted"]


def _around(operand: object) -> list[Decimal]:
    """Return the numbers at, above and below the bounds of a test."""
    bounds: list[object] = []
    if isinstance(operand, Span):
        bounds = [bound for bound in (operand.low, operand.high) if bound is not None]
    elif isinstance(operand, tuple):
        bounds = [bound for bound in operand if isinstance(bound, int | Decimal)]
    numbers = [Decimal(str(bound)) for bound in bounds]
    if len(numbers) == 2:
        numbers.append((numbers[0] + numbers[1]) // 2)
    return [near for number in numbers for near in (number, number + 1, number - 1)]
