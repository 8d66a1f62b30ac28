"""Changes typed after whatif, or written in a case: what they name, and what is said of those that name nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from dealready.coach.cases import load_cases
from dealready.facts.deal import Deal, load_deal
from dealready.facts.edits import read_edit
from dealready.facts.vocabulary import load_vocabulary
from dealready.rules.base import load_rule_base

from .product import run

STEEL = Path(__file__).parent.parent / "facts" / "examples" / "steel-rolling-line.yaml"


def changed(*options: str) -> Deal:
    """Return the example after ``--set``, ``--add`` and ``--drop``."""
    vocabulary = load_vocabulary()
    deal = load_deal(str(STEEL), vocabulary)
    given = {flag: [value for name, value in zip(options[::2], options[1::2], strict=True) if name == flag]
             for flag in ("--set", "--add", "--drop")}
    return read_edit(*given.values(), deal, vocabulary).applied(deal)


REFUSED = {
    "the day": (["--drop", "as_of"], "the day that this file describes cannot be unknown"),
    "the day, set to unknown": (["--set", "as_of=unknown"], "the day that this file describes cannot be unknown"),
    "a slip in a fact": (["--set", "budget.statu=approved"], "did you mean 'budget.status'?"),
    "a slip in a label": (["--set", "Budget statsu=approved"], "did you mean 'Budget status'?"),
    "a fact of nobody": (["--set", "stakeholders.attitude=support"], "such as stakeholders.attitude@lu (on file: lu, cheng"),
    "a fact of nobody taken away": (["--drop", "stakeholders.attitude"], "such as stakeholders.attitude@lu"),
    "an item that is there": (["--add", "stakeholder:id=deng,name=Zhou"], "--set stakeholders.FACT@deng=VALUE"),
    "an item added twice": (["--add", "stakeholder:id=x,layer=decision", "--add", "stakeholder:id=x,attitude=support"],
                            "'x' is on file already"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_that_cannot_be_made_is_refused_with_the_way_out(name: str) -> None:
    options, told = REFUSED[name]
    result = run("whatif", str(STEEL), *options)
    assert result.exit_code == 2
    assert told in result.output


def test_what_is_gone_already_may_be_taken_away_again() -> None:
    assert "stakeholders" not in changed("--drop", "stakeholders", "--drop", "stakeholders@deng").items


@pytest.mark.parametrize("written", ["预算状态", "Budget status", "budget STATUS"])
def test_a_fact_may_be_named_by_its_label(written: str) -> None:
    assert changed("--set", f"{written}=approved").get("budget.status") == "approved"


@pytest.mark.parametrize("written", ["Approved", "APPROVED", "approved"])
def test_a_value_may_be_written_in_capitals(written: str) -> None:
    assert changed("--set", f"budget.status={written}").get("budget.status") == "approved"


def test_items_and_their_facts_may_be_named_by_their_labels() -> None:
    deal = changed("--set", "关键人.态度@deng=支持", "--add", "关键人:id=zhou,姓名=周总", "--drop", "stakeholders.层级@cheng")
    deng, zhou, cheng = (deal.item("stakeholders", name) for name in ("deng", "zhou", "cheng"))
    assert deng
    assert zhou
    assert cheng
    assert (deng.facts["attitude"].value, zhou.facts["name"].value) == ("support", "周总")
    assert "layer" not in cheng.facts


def test_an_item_that_goes_is_told_in_one_line() -> None:
    told = run("whatif", str(STEEL), "--drop", "stakeholders@deng").output
    facts = told.partition("Diagnosis")[0].splitlines()
    assert len(facts) == 2


@pytest.mark.parametrize("drop", ["[as_of]", "[stakeholders, stakeholders@deng]", "[budget.statsu]", "[stakeholders@dengg]"])
def test_a_case_takes_away_what_whatif_takes_away(drop: str, tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(f"deal: {STEEL}\nstep: investigation\ndrop: {drop}\n", "utf-8")
    result = run("test", str(case))
    names = drop.strip("[]").split(", ")
    refused = run("whatif", str(STEEL), *(word for name in names for word in ("--drop", name)))
    assert result.exit_code in (refused.exit_code, 1)
    assert (result.exit_code == 2) == (refused.exit_code == 2)
    if result.exit_code == 2:
        assert f"{case}:3:" in result.output


UNKNOWN = {  # what a case calls unknown, and what it would have to drop instead
    "a fact": ("{purchase.plan: unknown}", "purchase.plan"),
    "a fact under its topic": ("{budget: {status: '?'}}", "budget.status"),
    "a fact with who said so": ("{budget.status: {value: unknown, by: deng}}", "budget.status"),
    "a topic": ("{budget: unknown}", "budget.status, budget.amount"),
    "a fact of an item": ("{stakeholders: [{id: deng, attitude: null}]}", "stakeholders.attitude@deng"),
    "a collection": ("{stakeholders: 未知}", "stakeholders"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_a_case_calls_unknown_nobody_knows_any_more(name: str, tmp_path: Path) -> None:
    change, drops = UNKNOWN[name]
    base = load_rule_base()
    (tmp_path / "steel.yaml").write_text(STEEL.read_text("utf-8"), "utf-8")
    case = tmp_path / "cases.yaml"
    parts = [f"change: {change}", f"drop: [{drops}]"]
    case.write_text("cases:\n" + "".join(f"- {{deal: steel.yaml, {part}, step: service}}\n" for part in parts), "utf-8")
    called, dropped = (of.deal for of in load_cases([str(case)], base))
    before = load_deal(str(STEEL), base.vocabulary)
    assert (called.facts, called.items) == (dropped.facts, dropped.items)
    assert (called.facts, called.items) != (before.facts, before.items)


def test_a_fact_set_to_a_value_that_is_unknown_is_known_no_more() -> None:
    assert changed("--set", "purchase.plan={value: unknown, by: deng}").get("purchase.plan") is None


@pytest.mark.parametrize("conclusion", ["find.no_champion", "do.propose_the_close"])
def test_the_command_that_whynot_ends_with_runs_as_it_is(conclusion: str, tmp_path: Path) -> None:
    deal = tmp_path / "o'neil & co.yaml"
    deal.write_text(STEEL.read_text("utf-8").replace("id: deng", 'id: "o\'neil"').replace("by: deng", 'by: "o\'neil"'), "utf-8")
    told = run("whynot", str(deal), conclusion, "--all")
    assert told.exit_code == 0, told.output
    (line,) = [line for line in told.output.splitlines() if line.startswith("  dealready whatif ")]
    words = shlex.split(line)
    assert words[2] == str(deal)
    assert run(*words[1:]).exit_code == 0
    piped = run("whynot", "-", conclusion, "--all", text=deal.read_text("utf-8"))
    assert "  dealready whatif - --" in piped.output
