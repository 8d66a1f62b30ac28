"""What it would take to make a rule fire: a change of the facts that somebody could mean, without what is not needed for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from ..facts.consistency import contradictions
from ..facts.deal import Deal, Item
from ..facts.edits import Edit, laid_over, without
from ..rules.base import RuleBase
from ..rules.language import ALWAYS, Absent, All, Condition, Holds, Quantifier, Rule, Span, all_of, walk
from ..rules.program import LOST, WON
from .case import Case, build_case
from .compare import FactChange, fact_changes
from .outcome import Outcome
from .reference import conclude, holds
from .repair import ITEM_LOST, change_cost, repaired

_CHEAP, _COMPARED = 4, 6  # a change that costs no more is taken as it is; otherwise the best of so many
_TURN = 40


@dataclass(frozen=True)
class Remedy:
    """A change after which a rule fires, and everything that differs then."""

    edit: Edit
    changes: tuple[FactChange, ...]


def remedy_for(base: RuleBase, deal: Deal, conclusion: str, rule: Rule, about: str = "") -> Remedy | None:
    """Return a change after which a rule for a conclusion fires for an item (empty: the deal), or None if none is found.

    It contradicts nothing that is on file, unless to find that is what the rule is there for. Where it can be had,
    nothing withholds the conclusion then, and no more findings than now tell of facts that do not fit together.
    """
    search = _Search(base, deal, rule)
    in_accord = all_of(rule.when, search.in_accord())
    for goal in (all_of(in_accord, search.in_force(conclusion)), in_accord, rule.when):
        new = search.reached(goal, about)
        if new is not None:
            return Remedy(difference(deal, new), tuple(fact_changes(deal, new)))
    return None


class _Search:
    def __init__(self, base: RuleBase, deal: Deal, rule: Rule) -> None:
        self.base = base
        self.deal = deal
        self.rule = rule
        self.now = self.concluded(deal)[1]
        self.astray = {spot for spot, _ in contradictions(deal, base.vocabulary)}
        self.conflicts = [f"find.{finding.id}" for finding in base.findings.values() if finding.kind == "conflict"]
        waited_for = [part.name for part in walk(rule.when) if isinstance(part, Holds)]
        makers = [rule, *(maker for name in waited_for for maker in base.program.concluding(name))]
        self.sound = not any(name in self.conflicts for maker in makers for name in maker.concludes)

    def in_force(self, conclusion: str) -> Condition:
        """Return the condition under which nothing withholds what was found or proposed."""
        given = self.base.program.given(conclusion)
        gates = self.base.program.concluding(given) if given != conclusion else ()
        parts = [part for gate in gates if isinstance(gate.when, All) for part in gate.when.parts]
        return all_of(*(part for part in parts if not isinstance(part, Holds)))

    def in_accord(self) -> Condition:
        """Return the condition that no more findings tell of a conflict than do now."""
        if not self.sound:
            return ALWAYS
        return all_of(*(self.no_more(name, len(self.now.about(name))) for name in self.conflicts))

    def no_more(self, name: str, count: int) -> Condition:
        """Return the condition that something is concluded of so many items at most; of the deal, that it is no news."""
        scope = self.base.program.scopes[name]
        if scope:
            return Quantifier("count", scope, Holds(name, scope), span=Span(high=count))
        return ALWAYS if count else Absent(name)

    def concluded(self, deal: Deal) -> tuple[Case, Outcome]:
        case = build_case(deal, self.base.vocabulary, self.base.stale_limits)
        return case, conclude(self.base.program, case)

    def reached(self, goal: Condition, about: str) -> Deal | None:
        """Return the deal that takes least among some of those in which the goal holds of an item."""
        best: tuple[int, Deal, str] | None = None
        for new, row in islice(repaired(self.base, self.deal, goal, self.rule.scope, about, self.sound), _COMPARED):
            cost = self.cost(new)
            if (best is None or cost < best[0]) and self.keeps(goal, row, new):
                best = (cost, new, row)
            if cost <= _CHEAP:
                break
        return best and closest(self.deal, best[1], lambda new: self.keeps(goal, best[2], new))

    def cost(self, new: Deal) -> int:
        """Return what it costs to make one deal of another; one that is won or lost by the way is hardly what was meant."""
        outcome = self.concluded(new)[1]
        turns = sum(outcome.holds(end) is not self.now.holds(end) for end in (WON, LOST))
        return turns * _TURN + sum(self.cost_of(change) for change in fact_changes(self.deal, new))

    def cost_of(self, change: FactChange) -> int:
        """Return what one change costs: to learn something costs least."""
        if change.before is None:
            return 1
        return change_cost(self.base.vocabulary.find(change.fact, change.collection)) if change.fact else ITEM_LOST

    def keeps(self, goal: Condition, about: str, new: Deal) -> bool:
        """Tell whether the goal holds of an item of a deal that contradicts itself nowhere but where it did before."""
        if self.sound and not self.astray.issuperset(spot for spot, _ in contradictions(new, self.base.vocabulary)):
            return False
        case, outcome = self.concluded(new)
        rows = [row for row in case.rows(self.rule.scope) if row.id == about]
        return any(holds(goal, row, case, outcome.concluded) for row in rows)  # type: ignore[arg-type]


def closest(old: Deal, new: Deal, keeps: Callable[[Deal], bool]) -> Deal:
    """Return a new deal with every change of an old one undone that can be, one after another, while it ``keeps`` something."""
    for change in sorted(fact_changes(old, new), key=lambda change: bool(change.fact)):  # whole items first: it is quicker
        undone = _undone(change, old, new)
        if undone != new and keeps(undone):
            new = undone
    return new


def _undone(change: FactChange, old: Deal, new: Deal) -> Deal:
    """Return a new deal in which one change of an old one has not been made."""
    name = ".".join(part for part in (change.collection, change.fact) if part)
    name += f"@{change.about}" if change.about else ""
    if change.before is None:
        return without(new, [name])
    if not change.collection:
        return laid_over(new, Deal({change.fact: old.facts[change.fact]}, {}))
    rows = [item for item in old.items[change.collection] if change.about in ("", item.id)]
    if change.fact:
        rows = [Item(item.id, {change.fact: item.facts[change.fact]}) for item in rows]
    return laid_over(new, Deal({}, {change.collection: tuple(rows)}))


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
