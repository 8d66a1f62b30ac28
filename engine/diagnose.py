"""Puts the diagnosis together from what an engine concluded."""

from __future__ import annotations

from datetime import date

from ..facts.deal import Deal, Item
from ..facts.values import shifted
from ..rules.base import RuleBase
from ..rules.catalogue import DEAL, KINDS_OF_FINDING, SEVERITIES, Action, Step
from ..rules.language import All, FactTest
from .case import Case, Row, build_case, is_stale
from .diagnosis import (
    Closing,
    CriterionState,
    Diagnosis,
    FoundFinding,
    GivenAction,
    Interval,
    Known,
    Question,
    Reason,
    SignalState,
    StakeholderView,
    State,
    Status,
    StepAnswer,
    StepState,
    Traced,
    WithheldAction,
)
from .forward import ForwardEngine
from .outcome import Outcome
from .overrides import Overrides
from .pending import Waiting, judge
from .proof import Prover
from .questions import CLAIMED_STEP, rank_questions

_MARKS = ("can_stop", "has_power", "champion", "friendly_insider", "hard_to_reach")
_CLASSES = ("class_economic", "class_important", "class_group", "class_strategic")


class Diagnoser:
    """Diagnoses one deal after another with one engine.

    >>> Diagnoser(load_rule_base()).diagnose(deal).step.proven      # doctest: +SKIP
    'needs'
    """

    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self._engine = ForwardEngine(base.program)

    def case(self, deal: Deal) -> Case:
        """Return what the engine sees of a deal."""
        return build_case(deal, self.base.vocabulary, self.base.stale_limits)

    def outcome(self, deal: Deal) -> tuple[Case, Outcome]:
        """Return the case of a deal and all that the engine concludes from it."""
        case = self.case(deal)
        return case, self._engine.conclude(case)

    def prover(self, deal: Deal) -> Prover:
        """Return a prover that answers why about a deal."""
        return Prover(self.base.program, *self.outcome(deal))

    def diagnose(self, deal: Deal, questions: bool = True) -> Diagnosis:
        """Return the diagnosis of a deal, without its ``questions`` if nobody reads them: ranking them takes a while."""
        case, outcome = self.outcome(deal)
        return diagnose_outcome(self.base, deal, case, outcome, questions)


def diagnose_outcome(base: RuleBase, deal: Deal, case: Case, outcome: Outcome, questions: bool = True) -> Diagnosis:
    """Return the diagnosis that follows from what any engine concluded about a deal; see :meth:`Diagnoser.diagnose`."""
    return _Assembly(base, deal, case, outcome).diagnosis(questions)


class _Assembly:
    def __init__(self, base: RuleBase, deal: Deal, case: Case, outcome: Outcome) -> None:
        self.base = base
        self.deal = deal
        self.case = case
        self.outcome = outcome
        self.prover = Prover(base.program, case, outcome)

    def diagnosis(self, questions: bool) -> Diagnosis:
        findings = self.findings()
        steps = tuple(self.step(step, findings) for step in self.base.steps)
        answer = self.step_answer(steps)
        actions = self.actions()
        return Diagnosis(
            as_of=self.case.as_of,
            step=answer,
            steps=steps,
            readiness=_interval([criterion for step in steps[:-1] for criterion in step.criteria]),
            findings=findings,
            actions=actions,
            withheld=self.withheld(),
            questions=self.questions(steps, answer.proven) if questions else (),
            signals=self.signals(),
            closing=self.closing(findings),
            stakeholders=self.stakeholders(actions),
            overrides=Overrides(self.base, self.case, self.outcome, answer.proven).views(),
            classes=tuple(name.removeprefix("class_") for name in _CLASSES if self.outcome.holds(name)),
            trace=self.trace(),
            rule_base_version=self.base.version,
            rule_base_hash=self.base.hash,
        )

    def criterion_states(self, step: Step) -> tuple[CriterionState, ...]:
        states = []
        for criterion in step.criteria:
            state: State = "met" if self.outcome.holds(f"met.{criterion.id}") else "unmet"
            waiting: frozenset[Waiting] = frozenset()
            if self.outcome.holds(f"open.{criterion.id}"):
                state = "unknown"
                waiting = judge(criterion.when, self.case.deal, self.case, self.outcome).waiting
            states.append(CriterionState(criterion.id, state, waiting))
        return tuple(states)

    def step(self, step: Step, findings: tuple[FoundFinding, ...]) -> StepState:
        criteria = self.criterion_states(step)
        blocked_by = tuple(dict.fromkeys(
            finding.id for finding in findings if step.id in self.base.findings[finding.id].blocks
        ))
        status: Status
        if self.outcome.holds(f"done.{step.id}"):
            status, blocked_by = "complete", ()
        elif blocked_by:
            status = "blocked"
        elif any(criterion.state == "met" for criterion in criteria):
            status = "in_progress"
        else:
            status = "not_started"
        return StepState(step.id, status, _interval(list(criteria)), criteria, blocked_by)

    def step_answer(self, steps: tuple[StepState, ...]) -> StepAnswer:
        order = [step.id for step in steps]
        proven = next(step for step in order if self.outcome.holds(f"step.{step}"))
        claimed = self.deal.get(CLAIMED_STEP)
        if not isinstance(claimed, str) or order.index(claimed) <= order.index(proven):
            return StepAnswer(proven, claimed if isinstance(claimed, str) else None)
        passed = steps[order.index(proven) : order.index(claimed)]
        between = tuple(criterion for step in passed for criterion in step.criteria if criterion.state != "met")
        return StepAnswer(proven, claimed, between)

    def reasons(self, conclusion: str, about: str) -> tuple[Reason, ...]:
        return tuple(
            Reason(firing.rule, firing.about, self.prover.support(firing), self.prover.rule(firing).because)
            for firing in self.prover.makers(conclusion, about)
        )

    def findings(self) -> tuple[FoundFinding, ...]:
        found = [
            FoundFinding(finding.id, finding.kind, finding.severity, about, self.reasons(f"find.{finding.id}", about))
            for finding in self.base.findings.values()
            for about in self.outcome.about(self.base.program.given(f"find.{finding.id}"))
        ]
        return tuple(sorted(found, key=lambda finding: (
            KINDS_OF_FINDING.index(finding.kind), SEVERITIES.index(finding.severity), finding.id, finding.about
        )))

    def actions(self) -> tuple[GivenAction, ...]:
        chosen = [
            (action, about)
            for action in self.base.actions.values()
            for about in self.outcome.about(self.base.program.given(f"do.{action.id}"))
        ]
        chosen.sort(key=lambda pair: (
            -pair[0].priority, not self.has_power(*pair), pair[0].id, pair[1]
        ))
        return tuple(
            GivenAction(action.id, rank, about, shifted(self.case.as_of, action.within_days),
                        self.reasons(f"do.{action.id}", about))
            for rank, (action, about) in enumerate(chosen, 1)
        )

    def has_power(self, action: Action, about: str) -> bool:
        """Tell whether an action is done with somebody who has power: such a one comes first among equals."""
        return action.about == "stakeholders" and self.outcome.holds("has_power", about)

    def withheld(self) -> tuple[WithheldAction, ...]:
        held = [
            (action, about)
            for action in self.base.actions.values()
            for about in self.outcome.about(f"do.{action.id}")
            if not action.off and not self.outcome.holds(self.base.program.given(f"do.{action.id}"), about)
        ]
        held.sort(key=lambda pair: (-pair[0].priority, pair[0].id, pair[1]))
        return tuple(
            WithheldAction(action.id, about, *self.withheld_by(action, about), self.reasons(f"do.{action.id}", about))
            for action, about in held
        )

    def withheld_by(self, action: Action, about: str) -> tuple[str, str]:
        """Return what withholds an action (an action or a conclusion) and the tension that orders them."""
        for stronger in sorted(self.base.actions.values(), key=lambda other: (-other.priority, other.id)):
            for override in stronger.overrides if not stronger.off else ():
                if override.action == action.id and self._proposed(stronger, action, about):
                    return stronger.id, override.tension
        reasons = action.withheld_when if action.after_loss else ("lost", *action.withheld_when)
        scopes = self.base.program.scopes
        return next(name for name in reasons if self.outcome.holds(name, about if scopes.get(name) else "")), ""

    def _proposed(self, stronger: Action, action: Action, about: str) -> bool:
        if stronger.about == action.about != DEAL:
            return self.outcome.holds(f"do.{stronger.id}", about)
        return bool(self.outcome.about(f"do.{stronger.id}"))

    def questions(self, steps: tuple[StepState, ...], proven: str) -> tuple[Question, ...]:
        ranked = rank_questions(self.base, self.case, self.outcome, steps, proven)
        return tuple(self._with_last_value(question) for question in ranked)

    def _with_last_value(self, question: Question) -> Question:
        """Return the question with the value that is too old to count, if there is one."""
        collection, _, name = question.fact.partition(".") if question.about else ("", "", question.fact)
        observation = self.deal.observation(collection, question.about, name)
        if observation is None:
            return question
        return Question(question.fact, question.about, question.points, question.why, observation.value)

    def signals(self) -> tuple[SignalState, ...]:
        views = []
        for row in self.case.rows("signals"):
            seen = row.values.get("date")
            kind, by = row.values.get("kind"), row.values.get("by")
            views.append(SignalState(
                row.id, kind if isinstance(kind, str) else None, by if isinstance(by, str) else None,
                (self.case.as_of - seen).days if isinstance(seen, date) else None,
                self.outcome.holds("genuine_signal", row.id),
            ))
        return tuple(sorted(views, key=lambda view: (view.days_ago is None, view.days_ago or 0, view.id)))

    def closing(self, findings: tuple[FoundFinding, ...]) -> Closing:
        in_the_way = [finding.id for finding in findings if "closing" in self.base.findings[finding.id].blocks]
        return Closing(self.outcome.holds("push_close"), self.outcome.holds("signal_seen"), tuple(dict.fromkeys(in_the_way)))

    def stakeholders(self, actions: tuple[GivenAction, ...]) -> tuple[StakeholderView, ...]:
        return tuple(
            self._stakeholder(item, self.case.row("stakeholders", item.id), actions)
            for item in sorted(self.deal.items.get("stakeholders", ()), key=lambda item: item.id)
        )

    def _stakeholder(self, item: Item, row: Row, actions: tuple[GivenAction, ...]) -> StakeholderView:
        talks = tuple(
            talk.id for talk in self.base.talks.values() if not talk.off and self.outcome.holds(f"say.{talk.id}", item.id)
        )
        stated = row.values.get("concerns")
        catalogue = self.base.actions
        moves = [action.id for action in actions if action.with_ == item.id and catalogue[action.id].about == "stakeholders"]
        roles, name, title = row.values.get("roles"), row.values.get("name"), row.values.get("title")
        return StakeholderView(
            id=item.id,
            name=str(name) if name else item.id,
            title=str(title) if title else None,
            layer=self._known(item, "layer"),
            attitude=self._known(item, "attitude"),
            rung=self._known(item, "rung"),
            roles=roles if isinstance(roles, tuple) else (),
            concerns=tuple(self.base.talks[talk].concern for talk in talks),
            concerns_assumed=bool(talks) and not stated,
            talks=talks,
            next_move=moves[0] if moves else None,
            marks=tuple(mark for mark in _MARKS if self.outcome.holds(mark, item.id)),
            marks_assumed=tuple(mark for mark in _MARKS if self.is_assumed(mark, item.id)),
        )

    def is_assumed(self, name: str, about: str) -> bool:
        """Tell whether something is concluded only by rules that want a fact to be unknown."""
        makers = [self.prover.rule(firing).when for firing in self.prover.makers(name, about)]
        return bool(makers) and all(
            isinstance(when, All) and any(isinstance(part, FactTest) and part.kind == "unknown" for part in when.parts)
            for when in makers
        )

    def _known(self, item: Item, name: str) -> Known:
        observation = item.facts.get(name)
        if observation is None:
            return Known(None)
        fact = self.base.vocabulary.collections["stakeholders"].facts[name]
        stale = is_stale(fact, item.facts, self.case.as_of, self.base.stale_limits)
        return Known(observation.value, not observation.confirmed, stale)

    def trace(self) -> tuple[Traced, ...]:
        return tuple(
            Traced(firing.rule, firing.about, self.prover.support(firing), self.prover.rule(firing).concludes)
            for firing in self.outcome.fired
        )


def _interval(criteria: list[CriterionState]) -> Interval:
    met = sum(criterion.state == "met" for criterion in criteria)
    unknown = sum(criterion.state == "unknown" for criterion in criteria)
    return Interval.of(met, unknown, len(criteria))
