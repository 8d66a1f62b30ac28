"""What a coach judges otherwise is checked like everything else, and stands beside the answer of the rules."""

from __future__ import annotations

import pytest
from dealready.engine.diagnosis import OverrideView
from dealready.engine.overrides import check_overrides
from dealready.facts.deal import Deal, read_deal
from dealready.facts.problems import Rejected
from dealready.render.names import Names
from dealready.render.terminal import print_diagnosis
from rich.console import Console

from .product import diagnoser

SIGNED = "author: Kim, date: 2026-05-01, reason: I know them"


def deal(override: str) -> Deal:
    ann = "stakeholders: [{id: ann, name: Ann, layer: decision, veto: raised}]"
    text = f"as_of: 2026-05-10\n{ann}\noverrides: [{{id: o, {override}}}]\n"
    return read_deal(text.encode(), "x.yaml", diagnoser().base.vocabulary)


def view(override: str) -> OverrideView:
    read = deal(override)
    check_overrides(read, diagnoser().base)
    return diagnoser().diagnose(read).overrides[0]


@pytest.mark.parametrize(("override", "expected"), [
    (f"about: stepp, says: closing, {SIGNED}", "'stepp' is neither 'step' nor the id of a finding, action or criterion"),
    (f"about: step, says: closin, {SIGNED}", "'closin' is not a value of Claimed step; did you mean 'closing'?"),
    (f"about: closing.signed, says: maybe, {SIGNED}", "'maybe' is neither yes nor no"),
    (f"about: resolve_veto, says: yes, {SIGNED}", "say which stakeholder it is about: resolve_veto@ID"),
    (f"about: resolve_veto@anna, says: yes, {SIGNED}", "'anna' is not an item of this deal; did you mean 'ann'?"),
    ("about: step, says: closing, date: 2026-05-01, reason: r", "x.yaml:3:13: overrides.author@o: this field is missing"),
    ("about: step, says: closing, author: Kim, reason: r", "x.yaml:3:13: overrides.date@o: this field is missing"),
    ("about: step, says: closing, author: Kim, date: 2026-05-01", "x.yaml:3:13: overrides.reason@o: this field is missing"),
])
def test_an_override_that_says_nothing_sensible_is_refused(override: str, expected: str) -> None:
    with pytest.raises(Rejected) as caught:
        view(override)
    assert len(caught.value.problems) == 1
    assert expected in caught.value.problems[0].message()


def test_labels_in_either_language_are_answers() -> None:
    assert view(f"about: step, says: 挖掘需求, {SIGNED}").says == "needs"
    assert view(f"about: closing.signed, says: 否, {SIGNED}").says == "no"


@pytest.mark.parametrize(("about", "expected"), [
    ("investigation.target-locked", "unknown"),
    ("investigation.three-layers", "no"),
    ("resolve_veto@ann", "yes"),
    ("step", "investigation"),
])
def test_the_rules_do_not_say_no_to_what_nobody_knows(about: str, expected: str) -> None:
    says = "closing" if about == "step" else "yes"
    assert view(f"about: {about}, says: {says}, {SIGNED}").rules_say == expected


@pytest.mark.parametrize(("dates", "expected"), [
    ("date: 2027-05-01", "holds only from 2027-05-01 on"),
    ("date: 2026-05-01, until: 2026-05-09", "ended 2026-05-09"),
])
def test_the_screen_says_why_an_override_does_not_hold(dates: str, expected: str) -> None:
    read = deal(f"about: resolve_veto@ann, says: no, author: Kim, reason: r, {dates}")
    console = Console(width=200)
    with console.capture() as shown:
        print_diagnosis(console, diagnoser().diagnose(read), Names(diagnoser().base, read, "en"))
    line = next(line for line in shown.get().splitlines() if "rules say" in line)
    assert line.strip() == f"Resolve Ann's veto: rules say yes, Kim says no · reason: r · {expected}"
