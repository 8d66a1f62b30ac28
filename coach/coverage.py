"""What some deals exercise of the rules, and what of it decides anything.

A rule *decides* about a deal if the diagnosis would be another without it; a condition, if it would be
another with that condition turned round. Rules that fire often and never decide are worth a look. What
fires and holds is counted over all deals by SQL; what decides is tried deal by deal, of a portfolio on a
sample.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from ..engine.case import Case, build_case
from ..engine.outcome import Outcome
from ..engine.reference import conclude
from ..facts.deal import Deal
from ..rules.base import RuleBase
from ..rules.language import NEVER, Rule
from ..rules.program import Program
from ..rules.spelling import spell_in_line
from .aspects import downstream, readers, told
from .mutants import Path, Subject, changed, fires_otherwise, parts_of, rules_with, subjects, with_rules
from .tally import Question, Tally, criterion_question, tested_values


@dataclass
class PartCoverage:
    """How often a condition was asked, held, and decided."""

    text: str
    asked: int = 0
    held: int = 0
    decided: int = 0


@dataclass
class RuleCoverage:
    """How often a rule or criterion was asked, fired (was met) and decided, with the parts of its condition by path."""

    id: str
    kind: str  # rules, criteria
    asked: int = 0
    fired: int = 0
    decided: int = 0
    parts: dict[Path, PartCoverage] = field(default_factory=dict)


@dataclass
class Coverage:
    """The coverage of every authored rule and criterion over ``deals`` deals, and of every value that some rule tests.

    What decides was tried on ``sampled`` of the deals.
    """

    deals: int
    sampled: int
    rules: dict[str, RuleCoverage]
    values: dict[str, int]

    @property
    def never_fired(self) -> list[str]:
        """Rules that never fired."""
        return [rule.id for rule in self.rules.values() if not rule.fired]

    @property
    def always_fired(self) -> list[str]:
        """Rules that fired whenever they were asked."""
        return [rule.id for rule in self.rules.values() if rule.fired and rule.fired == rule.asked]

    @property
    def never_decided(self) -> list[str]:
        """Rules that fired and never decided anything."""
        return [rule.id for rule in self.rules.values() if rule.fired and not rule.decided]


def cover(base: RuleBase, deals: Sequence[Deal], sources: Sequence[str] = (), jobs: int | None = None) -> Coverage:
    """Return what some deals exercise, and the deals of some sources, which may be large.

    Raises :class:`~..batch.refusal.BadSource` if a source can't be used.
    """
    chosen = list(subjects(base))
    scopes = [subject.scope if isinstance(subject, Rule) else "" for subject in chosen]
    values = tested_values(base)
    questions = list(values.values())
    for subject, scope in zip(chosen, scopes, strict=True):
        questions.append(Question(scope, subject.when) if isinstance(subject, Rule) else criterion_question(subject))
        questions += [Question(of, part) for _, of, part in parts_of(subject.when, scope)]
    tally = Tally(base, questions)
    tally.add_deals(deals)
    sample = [*deals, *(deal for source in sources for deal in tally.add_source(source))]
    found = Coverage(tally.rows[""], len(sample), {}, {name: tally.counts[question] for name, question in values.items()})
    for subject, scope in zip(chosen, scopes, strict=True):
        fired = Question(scope, subject.when) if isinstance(subject, Rule) else criterion_question(subject)
        parts = {
            path: PartCoverage(spell_in_line(part), tally.rows[of], tally.counts[Question(of, part)])
            for path, of, part in parts_of(subject.when, scope)
        }
        kind = "rules" if isinstance(subject, Rule) else "criteria"
        found.rules[subject.id] = RuleCoverage(subject.id, kind, tally.rows[scope], tally.counts[fired], 0, parts)
    for name, path in _decisions(base, sample, jobs):
        if path is None:
            found.rules[name].decided += 1
        elif path in found.rules[name].parts:
            found.rules[name].parts[path].decided += 1
    return found


Decision = tuple[str, Path | None]  # a rule or criterion, or a part of its condition, that decided about a deal


def _decisions(base: RuleBase, deals: Sequence[Deal], jobs: int | None) -> list[Decision]:
    """Return a decision for each deal about which something decides; in parallel."""
    most = min(jobs or os.cpu_count() or 1, max(1, len(deals) // 4))
    if most == 1:
        return _decided(base, deals)
    with ProcessPoolExecutor(most) as pool:
        parts = pool.map(_decided, [base] * most, [deals[number::most] for number in range(most)])
        return [decision for part in parts for decision in part]


def _decided(base: RuleBase, deals: Sequence[Deal]) -> list[Decision]:
    judge = _Judge(base)
    return [decision for deal in deals for decision in judge.decisions(deal)]


class _Judge:
    """Tells what decides about a deal: only what a rule can touch is concluded anew with the rule changed."""

    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self.rules = {rule.id: rule for rule in base.program.rules}
        self.shown = {name for aspect in told(base).aspects.values() for name in aspect.reads}
        self.shown |= {f"say.{name}" for name in base.talks}
        reading = readers(base.program)
        self.above = {subject.id: self.touched(rules_with(subject, subject.when), reading) for subject in subjects(base)}

    def touched(self, rules: Sequence[Rule], reading: Mapping[str, Iterable[str]]) -> tuple[frozenset[str], Program]:
        """Return what some rules can touch, and the part of the program that concludes it; ``reading`` tells who reads what."""
        program = self.base.program
        names = downstream([name for rule in rules for name in rule.concludes], reading)
        strata = (tuple(rule for rule in stratum if not names.isdisjoint(rule.concludes)) for stratum in program.strata)
        return names, Program(tuple(stratum for stratum in strata if stratum), program.scopes)

    def decisions(self, deal: Deal) -> list[Decision]:
        """Return what decides about a deal."""
        seen = build_case(deal, self.base.vocabulary, self.base.stale_limits)
        outcome = conclude(self.base.program, seen)
        found: list[Decision] = []
        for subject in subjects(self.base):
            met = isinstance(subject, Rule) or outcome.holds(f"met.{subject.id}")
            if met and self.decides(subject, rules_with(subject, NEVER), seen, outcome):
                found.append((subject.id, None))
            found += [
                (subject.id, path) for path, kind, _, when in changed(subject.when)
                if kind == "flipped" and self.decides(subject, rules_with(subject, when), seen, outcome)
            ]
        return found

    def decides(self, subject: Subject, rules: tuple[Rule, ...], seen: Case, outcome: Outcome) -> bool:
        """Tell whether what the diagnosis is made of would be another with other rules for a rule or criterion."""
        if not fires_otherwise(rules, self.rules, seen, outcome.concluded):
            return False
        names, program = self.above[subject.id]
        settled = {name: about for name, about in outcome.concluded.items() if name not in names}
        other = conclude(with_rules(program, rules), seen, settled)
        return any(outcome.concluded.get(name) != other.concluded.get(name) for name in names & self.shown)
