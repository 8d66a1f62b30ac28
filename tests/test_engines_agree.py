"""The meaning of rules: experta and the reference conclude the same, whatever the rules and the deal."""

from __future__ import annotations

from dealready.engine.case import Case, Row
from dealready.engine.forward import ForwardEngine
from dealready.engine.pending import judge
from dealready.engine.reference import conclude, holds
from dealready.rules.language import Condition, certain, possible
from dealready.rules.program import Program
from hypothesis import given
from hypothesis import strategies as st

from .strategies import cases, conditions, programs


@given(programs(), st.lists(cases(), min_size=1, max_size=3))
def test_experta_concludes_what_the_meaning_says(program: Program, deals: list[Case]) -> None:
    engine = ForwardEngine(program)
    for deal in deals:
        expected = conclude(program, deal)
        found = engine.conclude(deal)
        assert found.concluded == expected.concluded
        assert found.fired == expected.fired


@given(conditions(about_knowledge=False), cases())
def test_certain_implies_the_condition_and_the_condition_implies_possible(condition: Condition, deal: Case) -> None:
    surely, maybe = (holds(form(condition), deal.deal, deal, {}) for form in (certain, possible))
    now = holds(condition, deal.deal, deal, {})
    assert surely <= maybe
    assert surely <= now


@given(conditions(about_knowledge=False), cases())
def test_the_open_judgement_is_what_is_possible_but_not_certain(condition: Condition, deal: Case) -> None:
    surely, maybe = (holds(form(condition), deal.deal, deal, {}) for form in (certain, possible))
    judgement = judge(condition, deal.deal, deal, conclude_nothing())
    assert judgement.truth is (True if surely else None if maybe else False)
    assert bool(judgement.waiting) == (judgement.truth is None)


@given(conditions(about_knowledge=False), cases(), st.data())
def test_learning_a_fact_never_unsettles_what_was_certain(condition: Condition, deal: Case, data: st.DataObject) -> None:
    surely, maybe = (holds(form(condition), deal.deal, deal, {}) for form in (certain, possible))
    judgement = judge(condition, deal.deal, deal, conclude_nothing())
    learnable = [unknown for unknown in judgement.unknown if unknown.fact and not unknown.collection]
    if not learnable:
        return
    unknown = data.draw(st.sampled_from(sorted(learnable)))
    from .strategies import _VALUES, FACTS

    value = data.draw(_VALUES[FACTS[""][unknown.fact]])
    known = Row("", {**deal.deal.values, unknown.fact: value}, deal.deal.stale - {unknown.fact}, deal.deal.inferred)
    learned = Case(deal.as_of, known, deal.items)
    assert surely <= holds(certain(condition), known, learned, {})
    assert holds(possible(condition), known, learned, {}) <= maybe


def conclude_nothing():  # type: ignore[no-untyped-def]
    from dealready.engine.outcome import Outcome

    return Outcome({}, ())
