"""Writes cases that notice what the present ones do not: for a mutant, a small deal on which it fires otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from ..engine.case import build_case
from ..engine.reference import conclude, holds
from ..engine.remedy import closest
from ..engine.repair import repaired
from ..facts.deal import AS_OF, Deal, Observation
from ..facts.problems import Place
from ..facts.yaml_text import yaml_text
from ..rules.base import RuleBase
from ..rules.language import Rule, all_of
from ..rules.spelling import spell_in_line
from .cases import CaseFile, Expectation, named
from .mutants import Mutant, fires_otherwise, opposite
from .mutation import Ground, Judged
from .newcase import deal_data

BLANK = Deal({AS_OF: Observation(date(2026, 3, 16))}, {})


def suggest(base: RuleBase, judged: Iterable[Judged], starts: Sequence[Deal] = (BLANK,)) -> Iterator[CaseFile]:
    """Yield cases that notice the mutants that nobody noticed, as far as a deal is found for each.

    ``starts`` are deals to begin from; the smallest change that was found to the first that will do is kept.
    """
    waiting = [entry.mutant for entry in judged if not entry.noticed_by]
    names: set[str] = set()
    while waiting:
        mutant = waiting[0]
        deal = next((found for start in starts if (found := _telling(base, mutant, start)) is not None), None)
        if deal is None:
            waiting.pop(0)
            continue
        ground = Ground(base, [CaseFile("", deal, (), Place(""))])
        _, seen, outcome = ground.cases[0]
        lines: dict[Expectation, None] = {}
        left = []
        for other in waiting:
            reached = fires_otherwise(other.rules, ground.rules, seen, outcome.concluded)
            telling = list(_lines(ground, other)) if reached else []
            lines.update(dict.fromkeys(telling))
            if not telling:
                left.append(other)
        if len(left) == len(waiting):
            waiting.pop(0)
            continue
        waiting = left
        yield CaseFile(_name(mutant, names), deal, tuple(lines), Place(""))


def _name(mutant: Mutant, taken: set[str]) -> str:
    plain = f"{mutant.of}: {spell_in_line(mutant.part)}"[:100]
    number = 1
    name = plain
    while name in taken:
        number += 1
        name = f"{plain} ({number})"
    taken.add(name)
    return name


def _telling(base: RuleBase, mutant: Mutant, start: Deal) -> Deal | None:
    """Return a deal on which a mutant fires otherwise than its rule."""
    rules = {rule.id: rule for rule in base.program.rules}
    for new in mutant.rules:
        old = rules[new.id]
        if old.when == new.when:
            continue
        for goal in (all_of(old.when, opposite(new.when)), all_of(new.when, opposite(old.when))):
            deal, _ = next(repaired(base, start, goal, old.scope, ""), (None, ""))
            if deal is not None and _tells(base, deal, old, new):
                blank = Deal({AS_OF: deal.facts[AS_OF]}, {})
                return closest(blank, deal, lambda part, old=old, new=new: _tells(base, part, old, new))  # type: ignore[misc]
    return None


def _tells(base: RuleBase, deal: Deal, old: Rule, new: Rule) -> bool:
    seen = build_case(deal, base.vocabulary, base.stale_limits)
    concluded = conclude(base.program, seen).concluded
    return any(
        holds(old.when, row, seen, concluded) is not holds(new.when, row, seen, concluded)  # type: ignore[arg-type]
        for row in seen.rows(old.scope)
    )


def _lines(ground: Ground, mutant: Mutant) -> Iterator[Expectation]:
    """Yield a line that holds of the rules as they are and not of a mutant."""
    _, seen, outcome = ground.cases[0]
    for new in mutant.rules:
        old = ground.rules[new.id]
        for row in seen.rows(old.scope) if old.when != new.when else ():
            fires = holds(old.when, row, seen, outcome.concluded)  # type: ignore[arg-type]
            if fires is holds(new.when, row, seen, outcome.concluded):  # type: ignore[arg-type]
                continue
            if new.origin == "criterion":
                state = next(state for state, name in (("met", "met"), ("unknown", "open"), ("unmet", "unmet"))
                             if outcome.holds(f"{name}.{mutant.of}"))
                yield Expectation("criteria", mutant.of, state)
            else:
                yield Expectation("fires" if fires else "does_not_fire", named(new.id, row.id))
            return


def written(cases: Iterable[CaseFile]) -> str:
    """Return cases as a case file."""
    return yaml_text({"cases": [_case(case) for case in cases]})


def _case(case: CaseFile) -> dict[str, Any]:
    told: dict[str, Any] = {"name": case.name, "deal": deal_data(case.deal)}
    for line in case.expected:
        if line.kind == "criteria":
            told.setdefault("criteria", {})[line.name] = line.value
        else:
            told.setdefault(line.kind, []).append(line.name)
    return told
