"""Finds changes to a deal that would make a condition hold, through the rules that conclude what it reads.

It walks down the condition and changes one fact for every test in the way; then everything is concluded
anew, until the condition holds. What it finds has been checked that way; it may change more than it must.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from ..facts.consistency import Spot, disagreements
from ..facts.deal import Deal, Item, Observation
from ..facts.values import FactValue, in_order, shifted
from ..facts.vocabulary import Fact
from ..rules.base import RuleBase
from ..rules.language import ALWAYS, Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Rule, Span
from .case import Case, Row, build_case, owner_row, value_satisfies
from .outcome import Outcome
from .reference import conclude, holds

_TRIES, _ROUNDS, _DEEPEST = 18, 12, 14
_FORESEEN = 3  # rules through which a cost is reckoned
_AGAIN = 12  # what it costs to change once again what has been changed: it keeps a search from going in circles
ITEM_LOST = 10
_BLANK = "…"  # for words that the reader fills in, whatever the language


def change_cost(fact: Fact | None) -> int:
    """Return what it costs to change a known fact, where to learn an unknown one costs 1."""
    return 10 if fact is not None and fact.influence == "none" else 3


def repaired(
    base: RuleBase, deal: Deal, goal: Condition, scope: str, about: str, sound: bool = False
) -> Iterator[tuple[Deal, str]]:
    """Yield deals in which a condition holds of an item (empty: the deal, or an item to be added), with that item.

    In a ``sound`` one nothing that was changed contradicts the rest of the facts.
    """
    for seed in range(_TRIES):
        repair = _Repair(base, deal, random.Random(seed), seed // 3, sound)
        reached = repair.reaches(goal, scope, about)
        if reached is not None:
            yield repair.deal, reached


class _Repair:
    def __init__(self, base: RuleBase, deal: Deal, chance: random.Random, boldness: int, sound: bool) -> None:
        self.base = base
        self.boldness = boldness  # how far it strays from what seems easiest
        self.sound = sound
        self.changed: Counter[tuple[str, str, str]] = Counter()
        self.deal = deal
        self.chance = chance
        self.makers: dict[str, list[Rule]] = {}
        for rule in base.program.rules:
            for name in rule.concludes:
                self.makers.setdefault(name, []).append(rule)
        self.case: Case
        self.outcome: Outcome

    def reaches(self, goal: Condition, scope: str, about: str) -> str | None:
        """Change the deal until the goal holds of a row; return which that is, or None if it never does."""
        if scope and not about:
            about = self.new_item(scope)
        for _ in range(_ROUNDS):
            self.case = build_case(self.deal, self.base.vocabulary, self.base.stale_limits)
            self.outcome = conclude(self.base.program, self.case)
            row = self.row(scope, about)
            if self.holds(goal, row):
                return about
            self.want(goal, scope, row, True, 0)
        return None

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
        return min(parts, key=lambda part: self.blurred(self.cost(part, row, truth)))

    def blurred(self, cost: float) -> float:
        """Return a cost made greater by chance, the more so the bolder."""
        return (1 + cost) * (1 + self.chance.random() * (0.2 + self.boldness))

    def cost(self, condition: Condition, row: Row, truth: bool, depth: int = 0) -> float:
        if self.holds(condition, row) is truth:
            return 0
        match condition:
            case All(parts) | Any(parts):
                costs = [self.cost(part, row, truth, depth) for part in parts]
                return sum(costs) if isinstance(condition, All) is truth else min(costs, default=50)
            case Holds(name, collection) | Absent(name, collection):
                if isinstance(condition, Absent) is truth or depth > _FORESEEN:
                    return 3
                about = row if collection else self.case.deal
                return 1 + min((self.cost(rule.when, about, True, depth + 1) for rule in self.makers.get(name, ())), default=50)
            case Quantifier():
                return 2
            case FactTest(path=path):
                owner = owner_row(path, row, self.case)
                known = str(path) in owner.values
                cost = change_cost(self.base.vocabulary.find(path.fact, path.collection)) if known else 1
                return cost + _AGAIN * self.changed[path.collection, owner.id, path.fact] ** 2
            case Listed(of):
                return 1 + ITEM_LOST * len(self.case.rows(of))

    def want_conclusion(self, name: str, collection: str, row: Row, truth: bool, depth: int) -> None:
        about = row if collection else self.case.deal
        makers = self.makers.get(name, [])
        if truth and makers:
            maker = min(makers, key=lambda rule: self.blurred(self.cost(rule.when, about, True)))
            self.want(maker.when, collection, about, True, depth + 1)
        for maker in () if truth else makers:
            self.want(maker.when, collection, about, False, depth + 1)

    def list_items(self, of: str, listed: bool) -> None:
        for item in () if listed else self.deal.items.get(of, ()):
            self.drop_item(of, item.id)
        items = {name: rows for name, rows in self.deal.items.items() if name != of}
        if listed:
            items[of] = self.deal.items.get(of, ())
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
        blank = self.blurred(1 + self.cost(quantifier.where, Row("", {}), True))
        costs = {row.id: self.blurred(self.cost(quantifier.where, row, True)) for row in others}
        near = sorted((row for row in others if costs[row.id] <= blank), key=lambda row: costs[row.id])
        for number in range(wanted - len(counted)):
            row = near[number] if number < len(near) else Row(self.new_item(of), {})
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
            self.drop_item(quantifier.of, row.id)
        else:
            self.want(quantifier.where, quantifier.of, row, False, depth + 1)

    def drop_item(self, of: str, item_id: str) -> None:
        """Take an item out of the deal, and out of what refers to it."""
        kept = tuple(item for item in self.deal.items.get(of, ()) if item.id != item_id)
        self.deal = replace(self.deal, items={**self.deal.items, of: kept})
        for collection in self.base.vocabulary.collections.values():
            for fact in (fact for fact in collection.facts.values() if fact.to == of):
                for item in self.deal.items.get(collection.id, ()):
                    seen = item.facts.get(fact.id)
                    if seen is not None and seen.value == item_id:
                        self.observe(collection.id, item.id, fact, None)
                    elif seen is not None and isinstance(seen.value, tuple) and item_id in seen.value:
                        others = tuple(target for target in seen.value if target != item_id)
                        self.observe(collection.id, item.id, fact, replace(seen, value=others))

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
            self.observe(scope, row.id, through, None if self.sound else Observation("nobody"))
            return
        target = row.values.get(path.through)
        present = {item.id for item in self.deal.items.get(path.collection, ())}
        if not isinstance(target, str) or target not in present:
            if not truth and test.kind != "unknown":
                return
            others = sorted(present - {row.id} if path.collection == scope else present)
            target = self.chance.choice(others) if others else self.new_item(path.collection)
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
                self.observe(collection, about, fact, Observation(self.any_value(collection, about, fact)))
            else:
                self.observe(collection, about, fact, None)
            return
        if kind in ("stale", "inferred"):
            value = row.values.get(name, self.any_value(collection, about, fact))
            seen = None
            if kind == "stale" and truth and fact.stale_after:
                seen = shifted(self.case.as_of, -self.base.stale_limits[fact.stale_after] - 1)
            confirmed = not (kind == "inferred" and truth)
            self.observe(collection, about, fact, Observation(value, seen=seen, confirmed=confirmed))
            return
        values = self.candidates(collection, about, fact, test)
        fitting = [value for value in values if value_satisfies(test, value, self.case.as_of) is truth]
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
        self.changed[collection, about, fact.id] += 1
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

    def any_value(self, collection: str, about: str, fact: Fact) -> FactValue:
        return self.candidates(collection, about, fact, None)[0]

    def candidates(self, collection: str, about: str, fact: Fact, test: FactTest | None) -> list[FactValue]:
        """Return values of a fact among which there is one on either side of a test, if such a value may be given."""
        values = self.values(collection, about, fact, test)
        if not self.sound:
            return values
        spot = Spot(collection, about, fact.id)
        return [value for value in values
                if not any(disagreements(fact, Observation(value), spot, self.deal, self.base.vocabulary))]

    def values(self, collection: str, about: str, fact: Fact, test: FactTest | None) -> list[FactValue]:
        """Return values of a fact, those first that say least."""
        operand = test.operand if test is not None else ()
        match fact.type:
            case "bool":
                return [True, False]
            case "enum" | "ordinal":
                return [value.id for value in fact.values]
            case "date":
                days = [Decimal(0), Decimal(1), Decimal(-1), *_around(operand)]
                return [shifted(self.case.as_of, -int(day)) for day in days if abs(day) < 4000]
            case "int" | "decimal" | "money":
                low, high = fact.minimum or Decimal(0), fact.maximum
                ends = [low + 1, low, *([high] if high is not None else [])]  # nothing is seldom what is meant
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
                blanks = (_BLANK, *(f"{_BLANK} {number}" for number in range(2, 7)))
                return [blanks[:size] for size in (1, 0, 2, 3, 4, 5, 6)]
            case "ref" | "refs":
                others = [item.id for item in self.deal.items.get(fact.to, ()) if (fact.to, item.id) != (collection, about)]
                known = others or [self.new_item(fact.to)]
                return [(known[0],), ()] if fact.type == "refs" else list(known)
            case _:
                return [_BLANK]


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
