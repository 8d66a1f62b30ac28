"""What holds of every deal, whatever is known of it."""

from __future__ import annotations

import random
from dataclasses import replace

import jsonschema
from dealready.engine.diagnose import diagnose_outcome
from dealready.engine.diagnosis import Diagnosis
from dealready.engine.proof import FactUsed, ItemsCounted, Proof, flat_support
from dealready.engine.reference import conclude
from dealready.facts.deal import Deal, Item, Observation
from dealready.facts.texts import Language
from dealready.render.document import diagnosis_document
from dealready.render.names import Names
from dealready.render.schema import diagnosis_schema
from hypothesis import given
from hypothesis import strategies as st

from .product import base, diagnoser
from .strategies import deals, observations

BASE = base()
VOCABULARY = BASE.vocabulary
DEALS = deals(VOCABULARY)


def diagnose(deal: Deal) -> Diagnosis:
    return diagnoser().diagnose(deal)


@given(DEALS)
def test_experta_and_the_reference_give_the_same_diagnosis(deal: Deal) -> None:
    case, outcome = diagnoser().outcome(deal)
    expected = conclude(BASE.program, case)
    assert outcome.concluded == expected.concluded
    assert outcome.fired == expected.fired
    assert diagnose_outcome(BASE, deal, case, outcome) == diagnose_outcome(BASE, deal, case, expected)


@given(DEALS, st.randoms(use_true_random=False))
def test_the_order_of_facts_and_items_never_matters(deal: Deal, shuffle: random.Random) -> None:
    facts = list(deal.facts.items())
    shuffle.shuffle(facts)
    items = {}
    for name in shuffle.sample(list(deal.items), len(deal.items)):
        rows = list(deal.items[name])
        shuffle.shuffle(rows)
        items[name] = tuple(rows)
    assert diagnose(Deal(dict(facts), items, deal.file)) == diagnose(deal)


@given(DEALS)
def test_readiness_is_an_interval_and_exactly_one_step_is_proven(deal: Deal) -> None:
    case, outcome = diagnoser().outcome(deal)
    diagnosis = diagnose_outcome(BASE, deal, case, outcome)
    for interval in (diagnosis.readiness, *(step.readiness for step in diagnosis.steps)):
        assert 0 <= interval.low <= interval.high <= 100
    assert sum(outcome.holds(f"step.{step.id}") for step in BASE.steps) == 1


@given(DEALS, st.data())
def test_learning_an_unknown_fact_never_widens_readiness(deal: Deal, data: st.DataObject) -> None:
    before = diagnose(deal).readiness
    unknown = sorted(set(VOCABULARY.facts) - set(deal.facts))
    name = data.draw(st.sampled_from(unknown))
    learned = Observation(data.draw(observations(VOCABULARY.facts[name])).value)
    after = diagnose(replace(deal, facts={**deal.facts, name: learned})).readiness
    assert before.low <= after.low <= after.high <= before.high


@given(DEALS, st.data())
def test_learning_a_fact_about_a_person_never_widens_readiness(deal: Deal, data: st.DataObject) -> None:
    people = deal.items.get("stakeholders", ())
    if not people:
        return
    person = data.draw(st.sampled_from(people))
    facts = VOCABULARY.collections["stakeholders"].facts
    name = data.draw(st.sampled_from(sorted(set(facts) - set(person.facts))))
    before = diagnose(deal).readiness
    learned = Observation(data.draw(observations(facts[name])).value)
    after = diagnose(_with_person(deal, person, name, learned)).readiness
    assert before.low <= after.low <= after.high <= before.high


@given(DEALS, st.data())
def test_a_better_attitude_never_moves_the_deal_back(deal: Deal, data: st.DataObject) -> None:
    people = deal.items.get("stakeholders", ())
    if not people:
        return
    person = data.draw(st.sampled_from(people))
    attitude = VOCABULARY.collections["stakeholders"].facts["attitude"]
    order = [value.id for value in attitude.values]
    worse = data.draw(st.integers(0, len(order) - 2))
    better = data.draw(st.integers(worse + 1, len(order) - 1))
    steps = [step.id for step in BASE.steps]
    before, after = (
        diagnose(_with_person(deal, person, "attitude", Observation(order[rank]))) for rank in (worse, better)
    )
    assert steps.index(before.step.proven) <= steps.index(after.step.proven)
    assert before.readiness.low <= after.readiness.low


def _with_person(deal: Deal, person: Item, name: str, learned: Observation) -> Deal:
    changed = replace(person, facts={**person.facts, name: learned})
    people = tuple(changed if other is person else other for other in deal.items["stakeholders"])
    return replace(deal, items={**deal.items, "stakeholders": people})


@given(DEALS)
def test_every_deal_has_an_action_or_a_question(deal: Deal) -> None:
    diagnosis = diagnose(deal)
    assert diagnosis.actions or diagnosis.questions


@given(DEALS)
def test_two_actions_that_override_each_other_are_never_both_given(deal: Deal) -> None:
    diagnosis = diagnose(deal)
    given_ids = {(action.id, action.with_) for action in diagnosis.actions}
    for action_id, about in given_ids:
        for override in BASE.actions[action_id].overrides:
            weaker = BASE.actions[override.action]
            if weaker.about == BASE.actions[action_id].about:
                assert (weaker.id, about) not in given_ids
            else:
                assert weaker.id not in {other for other, _ in given_ids}


@given(DEALS)
def test_every_finding_and_action_ends_in_facts_or_absences_and_in_a_source(deal: Deal) -> None:
    diagnosis = diagnose(deal)
    prover = diagnoser().prover(deal)
    shown = [(f"find.{finding.id}", finding.about) for finding in diagnosis.findings]
    shown += [(f"do.{action.id}", action.with_) for action in diagnosis.actions]
    for name, about in shown:
        proofs = prover.prove(name, about)
        assert proofs
        for proof in proofs:
            assert any(source[0] in "AXR" for source in proof.sources())
            _check_leaves(proof)


def _check_leaves(proof: Proof) -> None:
    """A rule that no conclusion supports rests on facts, on counted items, or on what nobody concluded."""
    for part in proof.walk():
        leaves = [leaf for leaf in flat_support(part.support) if isinstance(leaf, FactUsed | ItemsCounted)]
        assert leaves or part.premises or part.support or part.rule.origin in ("criterion", "step")


@given(DEALS)
def test_translation_changes_words_only_and_the_schema_fits(deal: Deal) -> None:
    diagnosis = diagnose(deal)
    english, chinese = (diagnosis_document(diagnosis, Names(BASE, deal, language)) for language in _LANGUAGES)
    jsonschema.validate(english, diagnosis_schema())
    assert _without_words(english) == _without_words(chinese)


_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_WORDS = {"label", "meaning", "how", "words", "why_text", "done_when", "text", "opening", "proof", "question", "objection",
          "answer", "commitment"}


def _without_words(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _without_words(child) for key, child in value.items()
            if key not in _WORDS and not (key == "why" and isinstance(child, str))
        }
    return [_without_words(child) for child in value] if isinstance(value, list) else value
