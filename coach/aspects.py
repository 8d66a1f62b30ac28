"""What two diagnoses of a deal are compared in: its step, statuses, criteria, readiness, findings and actions.

Each aspect has one of a few values, the same that scoring writes, so that SQL can handle them by their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from ..engine.expressions import Cases, all_hold, number_if, percent, sum_of, whole
from ..rules.base import RuleBase
from ..rules.catalogue import DEAL, Step
from ..rules.language import Condition, FactTest, Holds, Quantifier, Rule, any_of, reads, walk
from ..rules.program import Program

KINDS = ("step", "status", "criteria", "readiness", "findings", "actions")
_POWER = "has_power"  # of two actions that are equal otherwise, the one with somebody who has power comes first
Key = tuple[str, str]


@dataclass(frozen=True)
class Aspect:
    """One thing that a diagnosis tells of a deal, or of each item of ``scope``.

    Its value is that of the first of ``cases`` whose conclusions all hold, or ``otherwise``; an empty one
    tells nothing. Readiness is the share, of ``total``, of the ``counted`` conclusions that hold, in percent.
    """

    kind: str
    id: str
    scope: str = ""
    cases: tuple[tuple[tuple[str, ...], str], ...] = ()
    otherwise: str = ""
    counted: tuple[str, ...] = ()
    total: int = 0

    @property
    def values(self) -> tuple[str, ...]:
        """The values that there may be."""
        if self.total:
            return tuple(str(number) for number in range(101))
        return (*(value for _, value in self.cases), self.otherwise)

    @property
    def reads(self) -> frozenset[str]:
        """The conclusions that it rests on."""
        return frozenset((*self.counted, *(name for names, _ in self.cases for name in names)))

    def number(self, values: Sequence[str], holds: Callable[[str], exp.Expr]) -> exp.Expr:
        """Return the SQL for the place of the value among ``values``; ``holds`` is that for a conclusion."""
        if self.total:
            count = sum_of([number_if(holds(name), 1) for name in self.counted])
            share = percent(count, self.total, self.total - 1 if self.id == "high" else 0)
            return exp.Add(this=share, expression=whole(values.index("0")))
        cases = Cases()
        for names, value in self.cases:
            cases = cases.when(all_hold([holds(name) for name in names]), whole(values.index(value)))
        return cases.otherwise(whole(values.index(self.otherwise)))


@dataclass(frozen=True)
class Told:
    """What a rule base tells of a deal: the aspects, and the program with the rules that only they need."""

    base: RuleBase
    program: Program
    aspects: Mapping[Key, Aspect]


def told(base: RuleBase) -> Told:
    """Return what a rule base tells of a deal."""
    helpers = tuple(rule for step in base.steps for rule in _helpers(base, step))
    scopes = base.program.scopes | {name: rule.scope for rule in helpers for name in rule.concludes}
    aspects = {(aspect.kind, aspect.id): aspect for aspect in _aspects(base)}
    return Told(base, Program((*base.program.strata, helpers), scopes), aspects)


def _helpers(base: RuleBase, step: Step) -> Iterator[Rule]:
    """Yield the rules that tell whether something blocks a step, and whether anything of it is met."""
    blocking = [_found(base, finding.id, finding.about) for finding in base.findings.values() if step.id in finding.blocks]
    yield Rule(_blocked(step.id), "", any_of(*blocking), (_blocked(step.id),))
    met = [Holds(f"met.{criterion.id}") for criterion in step.criteria]
    yield Rule(_begun(step.id), "", any_of(*met), (_begun(step.id),))


def _found(base: RuleBase, finding: str, about: str) -> Condition:
    name = base.program.given(f"find.{finding}")
    return Holds(name) if about == DEAL else Quantifier("some", about, Holds(name, about))


def _blocked(step: str) -> str:
    return f"told.blocked.{step}"


def _begun(step: str) -> str:
    return f"told.begun.{step}"


def _aspects(base: RuleBase) -> Iterator[Aspect]:
    yield Aspect("step", "", cases=tuple(((f"step.{step.id}",), step.id) for step in base.steps))
    for step in base.steps:
        states = ((f"done.{step.id}", "complete"), (_blocked(step.id), "blocked"), (_begun(step.id), "in_progress"))
        yield Aspect("status", step.id, cases=tuple(((name,), value) for name, value in states), otherwise="not_started")
        for criterion in step.criteria:
            cases = (((f"met.{criterion.id}",), "met"), ((f"open.{criterion.id}",), "unknown"))
            yield Aspect("criteria", criterion.id, cases=cases, otherwise="unmet")
    counted = [criterion.id for step in base.steps[:-1] for criterion in step.criteria]
    met, still_open = (tuple(f"{state}.{name}" for name in counted) for state in ("met", "open"))
    yield Aspect("readiness", "low", counted=met, total=len(counted))
    yield Aspect("readiness", "high", counted=(*met, *still_open), total=len(counted))
    given = base.program.given
    for finding in base.findings.values():
        value = f"{finding.kind} {finding.severity}"
        yield Aspect("findings", finding.id, _scope(finding.about), (((given(f"find.{finding.id}"),), value),))
    for action in base.actions.values():
        name, value, scope = given(f"do.{action.id}"), f"{action.priority} {action.within_days}", _scope(action.about)
        powerful = (((name, _POWER), f"{value} power"),) if scope and base.program.scopes.get(_POWER) == scope else ()
        yield Aspect("actions", action.id, scope, (*powerful, ((name,), value)))


def _scope(about: str) -> str:
    return "" if about == DEAL else about


def differing(old: Told, new: Told, *around: Told) -> list[Key]:
    """Return the aspects that may have another value by one rule base than by another; see :func:`affected`.

    A criterion that only one of them has shows in the status of its step and in readiness.
    """
    touched = affected(old, new, *around)
    keys = dict.fromkeys((*old.aspects, *new.aspects))
    return [
        key for key in keys if not (key[0] == "criteria" and (key not in old.aspects or key not in new.aspects))
        and (old.aspects.get(key) != new.aspects.get(key) or not touched.isdisjoint(new.aspects[key].reads))
    ]


def affected(old: Told, new: Told, *around: Told) -> frozenset[str]:
    """Return every conclusion that an edit can touch, whatever else is edited as long as it is in ``around``.

    Those are the conclusions of rules that differ or that test a fact whose observations now live longer or
    shorter, and of rules that read such conclusions.
    """
    lives = {name for name, days in _lives(new.base).items() if _lives(old.base).get(name, days) != days}
    before, after = ({rule.id: rule for rule in side.program.rules} for side in (old, new))
    waiting: list[str] = []
    for name in {*before, *after}:
        one, other = before.get(name), after.get(name)
        if one is other and not lives:
            continue
        if one is None or other is None or _meaning(one) != _meaning(other) or _tests(other, lives):
            waiting += [made for rule in (one, other) if rule is not None for made in rule.concludes]
    return downstream(waiting, readers(*(side.program for side in (old, new, *around))))


def readers(*programs: Program) -> dict[str, set[str]]:
    """Return for each conclusion what is concluded by rules that read it."""
    found: dict[str, set[str]] = {}
    for program in programs:
        for rule in program.rules:
            for read, _ in reads(rule.when):
                found.setdefault(read, set()).update(rule.concludes)
    return found


def downstream(names: Iterable[str], above: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return some conclusions with all that rests on them; ``above`` is what :func:`readers` returns."""
    waiting = list(names)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += above.get(name, ())
    return frozenset(found)


def _meaning(rule: Rule) -> tuple[object, ...]:
    return rule.when, rule.concludes, rule.scope


def _lives(base: RuleBase) -> dict[Key, int | None]:
    """Return the days after which an observation of a fact counts as unknown."""
    limits = base.stale_limits
    return {(fact.collection, fact.id): limits.get(fact.stale_after) for fact in base.vocabulary.all_facts()}


def _tests(rule: Rule, facts: Iterable[Key]) -> bool:
    return bool(facts) and any(
        isinstance(part, FactTest) and (part.path.collection, part.path.fact) in facts for part in walk(rule.when))


def needed(program: Program, conclusions: Iterable[str]) -> Program:
    """Return the part of a program on which some conclusions rest."""
    makers: dict[str, list[Rule]] = {}
    for rule in program.rules:
        for name in rule.concludes:
            makers.setdefault(name, []).append(rule)
    kept: set[str] = set()
    waiting = [rule for name in conclusions for rule in makers.get(name, ())]
    while waiting:
        found = waiting.pop()
        if found.id not in kept:
            kept.add(found.id)
            waiting += [maker for name, _ in reads(found.when) for maker in makers.get(name, ())]
    strata = (tuple(rule for rule in stratum if rule.id in kept) for stratum in program.strata)
    return Program(tuple(stratum for stratum in strata if stratum), program.scopes)
