"""Whatever an example does not reach, whynot tells what is in the way, and what it names makes the rule fire."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dealready.engine.case import build_case
from dealready.engine.diagnose import Diagnoser
from dealready.engine.outcome import Outcome
from dealready.engine.reference import conclude
from dealready.engine.remedy import difference, remedy_for
from dealready.engine.whynot import Part, why_not
from dealready.facts.consistency import contradictions
from dealready.facts.deal import Deal, load_deal, read_deal
from dealready.facts.edits import Edit, read_edit, spelled, without
from dealready.rules.language import Holds, Rule, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from .product import base, run
from .strategies import deals as any_deals

FOLDER = Path(__file__).parent.parent / "facts" / "examples"
DEALS = sorted(path.name for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json")))
EARLY = "as_of: 2026-05-04\naccount: {name: Kestrel}\nstakeholders: [{id: olu, name: Olu, layer: management}]\n"
EVERY = int(os.environ.get("DEALREADY_EVERY", "48"))  # of the conclusions that a deal does not reach


def example(name: str) -> Deal:
    return load_deal(str(FOLDER / name), base().vocabulary)


def read(text: str) -> Deal:
    return read_deal(text.encode(), "x.yaml", base().vocabulary)


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


def finds_conflict(rule: Rule) -> bool:
    """Tell whether a rule, or one that it waits for, is there to find a contradiction."""
    found = {f"find.{finding.id}" for finding in base().findings.values() if finding.kind == "conflict"}
    waited_for = [part.name for part in walk(rule.when) if isinstance(part, Holds)]
    makers = [rule, *(maker for name in waited_for for maker in base().program.concluding(name))]
    return any(not found.isdisjoint(maker.concludes) for maker in makers)


def astray(deal: Deal) -> set[str]:
    """Return where a deal contradicts itself by its facts alone."""
    return {str(spot) for spot, _ in contradictions(deal, base().vocabulary)}


def disagreements_of(deal: Deal) -> set[str]:
    """Return where a deal contradicts itself, by its facts alone and by what is found in them."""
    outcome = outcome_of(deal)
    found = {f"find.{finding.id}" for finding in base().findings.values() if finding.kind == "conflict"}
    return astray(deal) | {name for name in found if outcome.about(name)}


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
            remedy = remedy_for(base(), deal, conclusion, miss.rule, miss.about or "")
            if remedy is not None:
                changed = as_written(remedy.edit, deal).applied(deal)
                assert miss.rule.id in {firing.rule for firing in outcome_of(changed).fired}, conclusion
                assert finds_conflict(miss.rule) or disagreements_of(changed) <= disagreements_of(deal), conclusion
                break
        else:
            pytest.fail(f"{conclusion}: nothing found that would make a rule fire")


@given(any_deals(base().vocabulary), st.sampled_from(sorted(base().program.scopes)))
def test_what_would_make_a_rule_fire_contradicts_nothing_on_file(deal: Deal, conclusion: str) -> None:
    case = build_case(deal, base().vocabulary, base().stale_limits)
    for miss in why_not(base().program, case, outcome_of(deal), conclusion)[:1]:
        remedy = remedy_for(base(), deal, conclusion, miss.rule, miss.about or "")
        if remedy is not None:
            changed = remedy.edit.applied(deal)
            assert miss.rule.id in {firing.rule for firing in outcome_of(changed).fired}
            assert finds_conflict(miss.rule) or astray(changed) <= astray(deal)


def test_a_remedy_fills_gaps_before_it_changes_what_is_known_and_leaves_out_what_is_not_needed() -> None:
    deal = read(EARLY)
    for conclusion in ("step.closing", "do.propose_the_close", "find.champion_found"):
        (miss, *_) = why_not(base().program, build_case(deal, base().vocabulary, {}), outcome_of(deal), conclusion)
        remedy = remedy_for(base(), deal, conclusion, miss.rule, miss.about or "")
        assert remedy is not None
        assert all(change.before is None for change in remedy.changes)
        for change in remedy.changes:
            name = ".".join(filter(None, (change.collection, change.fact))) + (f"@{change.about}" if change.about else "")
            less = without(remedy.edit.applied(deal), [name])
            assert miss.rule.id not in {firing.rule for firing in outcome_of(less).fired}, name


def test_a_deal_is_not_won_or_lost_by_the_way() -> None:
    deal = read("as_of: 2026-05-04\ncontact: {last_seller_touch: 2026-04-01, last_customer_response: 2026-02-01}\n")
    remedy = remedy_for(base(), deal, "do.ask_plainly_if_still_on", base().rules["health.unanswered"])
    assert remedy is not None
    assert {change.fact for change in remedy.changes} == {"contact.last_seller_touch", "contact.last_customer_response"}


def test_a_fact_that_undoes_what_must_hold_beside_it_is_not_the_nearest_way() -> None:
    deal = read(EARLY)
    case = build_case(deal, base().vocabulary, {})
    (push,) = why_not(base().program, case, outcome_of(deal), "push_close")
    reached = next(part for part in push.part.parts if part.condition == Holds("reached.proposal"))
    (nearest, *_) = sorted(reached.rules[0].part.parts, key=lambda way: way.distance)
    assert nearest.condition == Holds("step.proposal")  # a signature would be a shorter way, but then nothing is to be closed


@pytest.mark.parametrize(("language", "told"), [("en", "is far off: "), ("zh", "还远：需要变动")])
def test_what_would_take_very_many_changes_is_told_by_the_first_few(language: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "early.yaml").write_text(EARLY)
    far = run("whynot", str(tmp_path / "early.yaml"), "propose_the_close", language=language).output
    assert told in far
    assert "dealready whatif" not in far
    whole = run("whynot", str(tmp_path / "early.yaml"), "propose_the_close", "--all", language=language).output
    assert "dealready whatif" in whole
    assert "note" not in whole.partition("dealready whatif")[2]  # what is to be filled in is no word of either language


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
