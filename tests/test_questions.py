"""What is asked, and what is not: questions fit the step in which a deal stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dealready.engine.diagnosis import Diagnosis
from dealready.facts.deal import Deal, Observation, load_deal, read_deal
from dealready.facts.vocabulary import Season
from hypothesis import given

from .pipelines import EXAMPLES
from .product import base, diagnoser
from .strategies import deals

BASE = base()
ORDER = [step.id for step in BASE.steps]


def diagnosed(text: str) -> Diagnosis:
    return diagnoser().diagnose(read_deal(text.encode(), "deal.yaml", BASE.vocabulary))


def season(name: str) -> Season:
    """Return when the fact, or the whole collection, of a question is asked."""
    collection, _, fact = name.partition(".")
    if collection not in BASE.vocabulary.collections:
        return BASE.vocabulary.facts[name].asked
    found = BASE.vocabulary.collections[collection]
    return found.facts[fact].asked if fact else found.asked


@given(deals(BASE.vocabulary))
def test_nothing_is_asked_before_its_first_step_or_after_its_last(deal: Deal) -> None:
    diagnosis = diagnoser().diagnose(deal)
    proven = ORDER.index(diagnosis.step.proven)
    reached = max(proven, ORDER.index(diagnosis.step.claimed)) if diagnosis.step.claimed else proven
    for question in diagnosis.questions:
        asked = season(question.fact)
        assert not asked.first or ORDER.index(asked.first) <= reached, question.fact
        assert not asked.last or proven <= ORDER.index(asked.last), question.fact


@given(deals(BASE.vocabulary))
def test_of_a_lost_deal_only_what_is_still_to_be_done_is_asked(deal: Deal) -> None:
    lost = replace(deal, facts={**deal.facts, "deal.outcome": Observation("lost")})
    for question in diagnoser().diagnose(lost).questions:
        assert all(BASE.actions[why].after_loss for why in question.why), question


@given(deals(BASE.vocabulary))
def test_nothing_is_asked_to_find_the_file_at_odds_with_itself(deal: Deal) -> None:
    for question in diagnoser().diagnose(deal).questions:
        assert not any(why in BASE.findings and BASE.findings[why].kind == "conflict" for why in question.why)


def test_service_is_asked_about_once_it_has_begun_or_is_claimed() -> None:
    asked = {
        text: "service.delivered" in {question.fact for question in diagnosed(f"as_of: 2026-03-16\n{text}\n").questions}
        for text in ("deal: {claimed_step: closing}", "deal: {claimed_step: service}", "contract: {status: signed}")
    }
    assert list(asked.values()) == [False, True, True]


def test_a_signed_deal_is_no_longer_asked_how_it_might_be_won() -> None:
    facts = {question.fact for question in diagnosed("as_of: 2026-03-16\ncontract: {status: signed}\n").questions}
    assert not facts & {"purchase.is_tender", "budget.status", "closing.serves_customer", "competitors", "signals"}
    assert facts & {"service.satisfaction", "service.in_place"}


def test_the_reason_of_a_loss_is_asked_for() -> None:
    lost = diagnosed("as_of: 2026-03-16\ndeal: {outcome: lost, claimed_step: closing}\n")
    assert {question.fact for question in lost.questions} == {
        "deal.lost_reason", "competitors", "account.growth_potential"}


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_no_example_that_is_unsigned_is_asked_how_its_service_goes(example: str) -> None:
    diagnosis = diagnoser().diagnose(load_deal(str(EXAMPLES / example), BASE.vocabulary))
    if diagnosis.step.proven != "service":
        asked = {question.fact.partition(".")[0] for question in diagnosis.questions if question.fact != "service.plan_ready"}
        assert not asked & {"service", "loyalty", "care"}


@pytest.mark.parametrize(("limits", "is_asked"), [("", True), ("limits: [time]", True), ("limits: []", False)])
def test_whether_a_limit_is_real_is_asked_unless_the_offer_has_none(limits: str, is_asked: bool) -> None:
    found = diagnosed(f"as_of: 2026-03-16\ndeal: {{claimed_step: closing}}\noffer: {{{limits}}}\n").questions
    assert ("offer.limit_real" in {question.fact for question in found}) is is_asked


def test_whether_others_follow_the_customer_is_asked_after_the_signature() -> None:
    asked = [
        "account.is_influence_center" in {question.fact for question in diagnosed(f"as_of: 2026-03-16\n{text}\n").questions}
        for text in ("deal: {claimed_step: closing}", "contract: {status: signed}")
    ]
    assert asked == [False, True]


def test_a_pause_is_asked_about_until_the_signature() -> None:
    for text, is_asked in (("deal: {claimed_step: closing}", True), ("contract: {status: signed}", False)):
        facts = {question.fact for question in diagnosed(f"as_of: 2026-03-16\n{text}\n").questions}
        assert ("pause.until" in facts) is is_asked
