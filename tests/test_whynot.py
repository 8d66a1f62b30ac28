"""Whatever an example does not reach, whynot tells what is in the way, and what it names makes the rule fire."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dealready.engine.case import build_case
from dealready.engine.diagnose import Diagnoser
from dealready.engine.outcome import Outcome
from dealready.engine.reference import conclude
from dealready.engine.repair import difference, edit_to
from dealready.engine.whynot import Part, why_not
from dealready.facts.deal import Deal, load_deal
from dealready.facts.edits import Edit, read_edit, spelled
from hypothesis import given, settings

from .product import base
from .strategies import deals as any_deals

FOLDER = Path(__file__).parent.parent / "facts" / "examples"
DEALS = sorted(path.name for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json")))
EVERY = int(os.environ.get("DEALREADY_EVERY", "24"))  # of the conclusions that a deal does not reach


def example(name: str) -> Deal:
    return load_deal(str(FOLDER / name), base().vocabulary)


def outcome_of(deal: Deal) -> Outcome:
    return conclude(base().program, build_case(deal, base().vocabulary, base().stale_limits))


def in_the_way(part: Part) -> list[Part]:
    inner = [found for below in part.parts for found in in_the_way(below)]
    return inner or ([part] if part.state != "holds" else [])


def as_written(edit: Edit, deal: Deal) -> Edit:
    """Return a change as a person would type it after whatif."""
    options: dict[str, list[str]] = {"--set": [], "--add": [], "--drop": []}
    for flag, value in spelled(edit, deal, base().vocabulary):
        options[flag].append(value)
    return read_edit(options["--set"], options["--add"], options["--drop"], deal, base().vocabulary)


def may_be_asked(conclusion: str, outcome: Outcome) -> bool:
    """Tell whether whynot may be asked of a conclusion; what was proposed and withheld is asked of what gives it."""
    if outcome.about(conclusion) or not base().program.concluding(conclusion):
        return False
    verb, _, rest = conclusion.partition(".")
    return verb not in ("open", "unmet") and (verb != "given" or bool(outcome.about(rest)))


@pytest.mark.parametrize("name", DEALS)
def test_what_whynot_names_makes_the_rule_fire(name: str) -> None:
    deal = example(name)
    case = build_case(deal, base().vocabulary, base().stale_limits)
    outcome = conclude(base().program, case)
    missing = [conclusion for conclusion in sorted(base().program.scopes) if may_be_asked(conclusion, outcome)]
    for conclusion in missing[DEALS.index(name) % EVERY :: EVERY]:
        misses = why_not(base().program, case, outcome, conclusion)
        assert misses, conclusion
        assert all(in_the_way(miss.part) or miss.about is None for miss in misses), conclusion
        for miss in misses:
            edit = edit_to(base(), deal, miss.rule, miss.about or "")
            if edit is not None:
                changed = as_written(edit, deal).applied(deal)
                assert miss.rule.id in {firing.rule for firing in outcome_of(changed).fired}, conclusion
                break
        else:
            pytest.fail(f"{conclusion}: nothing found that would make a rule fire")


def test_the_nearest_miss_comes_first() -> None:
    deal = example("steel-rolling-line.yaml")
    case, outcome = Diagnoser(base()).outcome(deal)
    misses = why_not(base().program, case, outcome, "do.propose_the_close")
    assert [miss.distance for miss in misses] == sorted(miss.distance for miss in misses)


@settings(deadline=None)
@given(any_deals(base().vocabulary), any_deals(base().vocabulary))
def test_the_difference_of_two_deals_turns_one_into_the_other(old: Deal, new: Deal) -> None:
    made = difference(old, new).applied(old)
    assert made.facts == new.facts
    assert {name: {item.id: item.facts for item in rows} for name, rows in made.items.items()} == {
        name: {item.id: item.facts for item in rows} for name, rows in new.items.items()
    }
