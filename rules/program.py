"""The program: every rule that an engine runs, in strata.

Authors write rules; this module makes the rules that follow from criteria, steps and catalogues
(a criterion is met, a step is the proven one, an action is given unless something withholds it),
resolves the scope of each conclusion, and orders all of them so that everything a rule reads is
settled before it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..facts.problems import Place, Problems, suggestion
from .catalogue import DEAL, Action, Criterion, Finding, Step
from .language import (
    NEVER,
    Absent,
    All,
    Any,
    Condition,
    Holds,
    Quantifier,
    Rule,
    all_of,
    any_of,
    certain,
    possible,
    reads,
)

WON, LOST = "won", "lost"


@dataclass(frozen=True)
class Program:
    """Rules by stratum, lowest first; inside a stratum by id.

    ``scopes`` gives the scope of each conclusion, ``criteria`` the condition of each criterion as its author wrote it.
    """

    strata: tuple[tuple[Rule, ...], ...]
    scopes: dict[str, str]
    criteria: dict[str, Condition] = field(default_factory=dict)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule in the order in which it may fire."""
        return tuple(rule for stratum in self.strata for rule in stratum)

    def given(self, conclusion: str) -> str:
        """Return the conclusion that tells whether a proposed action or a finding is given after all."""
        name = f"given.{conclusion}"
        return name if name in self.scopes else conclusion

    def concluding(self, name: str) -> tuple[Rule, ...]:
        """Return the rules that conclude ``name``."""
        return tuple(rule for rule in self.rules if name in rule.concludes)


def build_program(
    authored: Iterable[Rule],
    steps: Sequence[Step] = (),
    actions: Mapping[str, Action] | None = None,
    findings: Mapping[str, Finding] | None = None,
    problems: Problems | None = None,
    places: Mapping[str, str] | None = None,
    whole: bool = True,
) -> Program:
    """Return the program of a rule base.

    Raises :class:`~..facts.problems.Rejected` for conclusions that nobody makes or reads, and for
    cycles, unless ``problems`` collects them. If some rule could not be read to its end (``whole`` is
    False), only cycles are told: what nobody seems to make or read may stand in that very rule.
    """
    noted = problems if problems is not None else Problems()
    rules = [*authored, *_of_steps(steps), *_of_actions(actions or {}), *_of_findings(findings or {})]
    scopes = {name: rule.scope for rule in rules for name in rule.concludes}
    for action in (actions or {}).values():
        scopes.setdefault(f"do.{action.id}", "" if action.about == DEAL else action.about)
    for finding in (findings or {}).values():
        scopes.setdefault(f"find.{finding.id}", "" if finding.about == DEAL else finding.about)
    bound = [bind(rule, scopes, noted if whole else Problems()) for rule in rules]
    if problems is not None and whole:
        _check_read(bound, noted)
    strata = _strata(bound, noted)
    if problems is None:
        noted.raise_if_any()
    return Program(strata, scopes, {criterion.id: criterion.when for step in steps for criterion in step.criteria})


def _made(rule_id: str, when: Condition, concludes: str, because: tuple[str, ...] = (), scope: str = "",
          origin: str = "catalogue", place: Place | None = None) -> Rule:
    return Rule(rule_id, scope, when, (concludes,), because, origin=origin, place=place or Place(""))  # type: ignore[arg-type]


def rules_of_criterion(criterion: Criterion) -> Iterable[Rule]:
    """Yield the rules that tell whether a criterion is met, open or unmet, and, if it names one, propose its action."""
    met, open_, unmet = (f"{state}.{criterion.id}" for state in ("met", "open", "unmet"))
    made = [
        (met, certain(criterion.when)),
        (open_, all_of(possible(criterion.when), Absent(met))),
        (unmet, all_of(Absent(met), Absent(open_))),
    ]
    if criterion.do:
        made.append((f"do.{criterion.do}", all_of(Holds(f"step.{criterion.step}"), Holds(unmet))))
    for name, when in made:
        rule_id = f"criterion.{criterion.id}.{name.partition('.')[0]}"
        yield _made(rule_id, when, name, criterion.because, origin="criterion", place=criterion.place)


def _of_steps(steps: Sequence[Step]) -> Iterable[Rule]:
    """A deal stands in the first step that is not done, or in one whose start it has already seen."""
    for number, step in enumerate(steps):
        for criterion in step.criteria:
            yield from rules_of_criterion(criterion)
        done = all_of(*(Holds(f"met.{criterion.id}") for criterion in step.criteria))
        yield _made(f"step.{step.id}.done", done, f"done.{step.id}", origin="step")
        before = all_of(*(Holds(f"done.{earlier.id}") for earlier in steps[:number]))
        started = [Absent(f"started.{later.id}") for later in steps[number + 1 :] if later.starts_when is not None]
        last = number == len(steps) - 1
        walked = before if last else all_of(before, Absent(f"done.{step.id}"))
        if step.starts_when is not None:
            yield _made(f"step.{step.id}.started", step.starts_when, f"started.{step.id}", origin="step")
            walked = any_of(walked, Holds(f"started.{step.id}"))
        yield _made(f"step.{step.id}.proven", all_of(walked, *started), f"step.{step.id}", origin="step")
        reached = any_of(*(Holds(f"step.{later.id}") for later in steps[number:]))
        yield _made(f"step.{step.id}.reached", reached, f"reached.{step.id}", origin="step")


def _of_actions(actions: Mapping[str, Action]) -> Iterable[Rule]:
    """An action is given when it is proposed and nothing withholds it, and no action that overrides it is proposed."""
    overriding: dict[str, list[tuple[Action, str]]] = {}
    for action in actions.values():
        for override in action.overrides if not action.off else ():
            overriding.setdefault(override.action, []).append((action, override.tension))
    for action in actions.values():
        proposed = f"do.{action.id}"
        withheld = action.withheld_when if action.after_loss else (LOST, *action.withheld_when)
        parts: list[Condition] = [Holds(proposed), *(Absent(name) for name in withheld)]
        tensions = []
        for stronger, tension in overriding.get(action.id, ()):
            tensions.append(tension)
            name = f"do.{stronger.id}"
            if stronger.about in (DEAL, action.about):
                parts.append(Absent(name))
            else:
                parts.append(Quantifier("none", stronger.about, Holds(name)))
        scope = "" if action.about == DEAL else action.about
        when = NEVER if action.off else All(tuple(parts))
        yield _made(f"given.{proposed}", when, f"given.{proposed}", tuple(tensions), scope, place=action.place)


def _of_findings(findings: Mapping[str, Finding]) -> Iterable[Rule]:
    for finding in findings.values():
        if not finding.withheld_when and not finding.off:
            continue
        found = f"find.{finding.id}"
        when = NEVER if finding.off else All((Holds(found), *(Absent(name) for name in finding.withheld_when)))
        scope = "" if finding.about == DEAL else finding.about
        yield _made(f"given.{found}", when, f"given.{found}", (), scope, place=finding.place)


def bind(rule: Rule, scopes: Mapping[str, str], problems: Problems) -> Rule:
    """Return the rule with the scope of every conclusion that it reads filled in; note those that it can't read."""
    return replace(rule, when=_bind_condition(rule.when, rule.scope, scopes, rule, problems))


def _bind_condition(
    condition: Condition, scope: str, scopes: Mapping[str, str], rule: Rule, problems: Problems
) -> Condition:
    match condition:
        case Holds(name) | Absent(name):
            at = (condition.place, f"{rule.id}.when") if condition.place.line else (rule.place, rule.id)
            if name not in scopes:
                if not _is_lost_default(rule, name):
                    problems.add(*at, "conclusion-unknown", found=name, hint=suggestion(name, scopes))
                return replace(condition, collection="")
            if scopes[name] not in ("", scope):
                problems.add(*at, "conclusion-out-of-scope", found=name, scope=scopes[name])
            return replace(condition, collection=scopes[name])
        case All(parts):
            return All(tuple(_bind_condition(part, scope, scopes, rule, problems) for part in parts))
        case Any(parts):
            return Any(tuple(_bind_condition(part, scope, scopes, rule, problems) for part in parts))
        case Quantifier(of=of, where=where, have=have):
            return replace(
                condition,
                where=_bind_condition(where, of, scopes, rule, problems),
                have=None if have is None else _bind_condition(have, of, scopes, rule, problems),
            )
        case _:
            return condition


def _is_lost_default(rule: Rule, name: str) -> bool:
    """A rule base may have no notion of a lost deal; then nothing is withheld for it."""
    return name == LOST and rule.origin == "catalogue"


def _check_read(rules: Sequence[Rule], problems: Problems) -> None:
    read = {name for rule in rules for name, _ in reads(rule.when)}
    for rule in rules:
        for name in rule.concludes if rule.origin == "rule" else ():
            if "." not in name and name not in read:
                problems.add(rule.place, rule.id, "conclusion-unread", found=name)


def _strata(rules: Sequence[Rule], problems: Problems) -> tuple[tuple[Rule, ...], ...]:
    """Return the rules by level: one above the highest level of anything they read."""
    makers: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in rule.concludes:
            makers.setdefault(name, []).append(rule)
    level: dict[str, int] = {}
    path: list[str] = []

    def visit(rule: Rule) -> int:
        if rule.id in level:
            return level[rule.id]
        if rule.id in path:
            cycle = [*path[path.index(rule.id) :], rule.id]
            problems.add(rule.place, rule.id, "cycle", path=" → ".join(reversed(cycle)))
            return 0
        path.append(rule.id)
        below = [visit(maker) for name, _ in sorted(reads(rule.when)) for maker in makers.get(name, ())]
        path.pop()
        level[rule.id] = 1 + max(below, default=-1)
        return level[rule.id]

    for rule in sorted(rules, key=lambda rule: rule.id):
        visit(rule)
    height = max(level.values(), default=-1) + 1
    ordered = sorted(rules, key=lambda rule: rule.id)
    return tuple(tuple(rule for rule in ordered if level[rule.id] == number) for number in range(height))
