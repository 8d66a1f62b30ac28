"""A deal that disagrees with itself says where; what cannot be true on the day of the file does not count."""

from __future__ import annotations

import pytest
from dealready.facts.consistency import contradictions
from dealready.facts.deal import Deal, read_deal
from dealready.render.contradictions import all_contradictions
from dealready.render.names import Names

from .product import diagnoser


def deal(text: str) -> Deal:
    return read_deal(f"as_of: 2026-05-10\n{text}".encode(), "x.yaml", diagnoser().base.vocabulary)


def told(text: str) -> list[str]:
    """Return what is said of a deal, as lines of place, fact and words."""
    read = deal(text)
    names = Names(diagnoser().base, read, "en")
    return [f"{one.place}: {one.fact}: {one.label}" for one in all_contradictions(diagnoser().diagnose(read), names)]


@pytest.mark.parametrize(("text", "expected"), [
    ("stakeholders: [{id: wang}]\nvisits: [{id: v, with: [wang, wong]}]",
     "x.yaml:3:24: visits.with@v: 'wong' is the id of no stakeholder on file; did you mean 'wang'?"),
    ("stakeholders: [{id: a, reports_to: a}]", "x.yaml:2:36: stakeholders.reports_to@a: 'a' refers to itself"),
    ("competitors: [{id: c, backed_by: [nobody]}]",
     "x.yaml:2:34: competitors.backed_by@c: 'nobody' is the id of no stakeholder on file"),
    ("deal: {claimed_since: 2028-01-01}",
     "x.yaml:2:23: deal.claimed_since: 2028-01-01 lies after the day that the facts describe, 2026-05-10"),
    ("budget: {status: {value: applied, seen: 2026-05-11}}",
     "x.yaml:2:26: budget.status: seen on 2026-05-11, after the day that the facts describe, 2026-05-10"),
])
def test_what_the_facts_alone_contradict_is_told_with_its_place(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_what_a_rule_finds_is_told_once_and_with_its_place() -> None:
    assert told("signals: [{id: s, kind: price_pressure, by: zed, date: 2026-05-09}]") == [
        "x.yaml:2:45: signals.by@s: This signal comes from nobody on file",
    ]
    assert told("deal: {opened: 2027-01-01}") == ["x.yaml:2:16: deal.opened: The deal was opened on a day that has not come"]


def test_days_that_may_lie_ahead_and_references_that_lead_somewhere_are_no_contradiction() -> None:
    text = """\
deal: {expected_close: 2027-01-01}
next_step: {due: 2026-06-01}
pause: {reason: audit, until: 2026-08-01}
stakeholders: [{id: a, reports_to: b}, {id: b, attitude: {value: accept, seen: 2026-05-10}}]
visits: [{id: v, with: [a, b], state: planned, date: 2026-05-20}]
"""
    assert list(contradictions(deal(text), diagnoser().base.vocabulary)) == []


def test_a_signature_that_has_not_come_is_no_signature() -> None:
    signed = "contract: {status: signed, signed_on: %s}"
    assert diagnoser().diagnose(deal(signed % "2026-05-10")).step.proven == "service"
    ahead = diagnoser().diagnose(deal(signed % "2026-06-01"))
    assert ahead.step.proven == "investigation"
    states = {criterion.id: criterion.state for step in ahead.steps for criterion in step.criteria}
    assert states["closing.signed"] == "unknown"
    assert "conflict_signed_in_future" in {finding.id for finding in ahead.findings}


def test_an_attitude_seen_on_a_day_that_has_not_come_is_unknown() -> None:
    seen = "stakeholders: [{id: a, layer: decision, attitude: {value: support, seen: %s}}]"
    now, ahead = (diagnoser().diagnose(deal(seen % day)).stakeholders[0].attitude for day in ("2026-05-10", "2026-05-11"))
    assert not now.stale
    assert ahead.stale
    case = diagnoser().case(deal(seen % "2026-05-11"))
    assert "attitude" not in case.row("stakeholders", "a").values


@pytest.mark.parametrize("against", ["attitude: resist, accepts_us: true", "accepts_us: false"])
def test_trust_that_another_entry_speaks_against_is_told_by_what_is_true_of_every_such_file(against: str) -> None:
    (line,) = told(f"stakeholders: [{{id: a, name: Ann, rung: trusted, {against}}}]")
    assert line.endswith("Ann is noted as trusting us, and another entry speaks against it")
