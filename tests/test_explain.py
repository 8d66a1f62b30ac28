"""What why and whynot say on screen: names that are found, words instead of rule language, and an end at facts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from dealready.engine.bounds import readiness_bound
from dealready.engine.diagnose import Diagnoser
from dealready.engine.proof import flat_support
from dealready.engine.whynot import Part, why_not
from dealready.facts.deal import load_deal
from dealready.render.conditions import condition_words
from dealready.render.names import Names
from dealready.rules.language import Absent, Holds

from .product import base, run

FOLDER = Path(__file__).parent.parent / "facts" / "examples"
DEALS = sorted(path.name for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json")))
STEEL = str(FOLDER / "steel-rolling-line.yaml")
RULE_LANGUAGE = re.compile(r"\b(is_not|one_of|at_least|at_most|has_all|has_any|lacks|known: true|some of|every of)\b|\$\w+")


# Names


@pytest.mark.parametrize("asked", ["do.propose_the_close@deng", "veto_standing@deng", "step.service@x"])
@pytest.mark.parametrize("command", ["why", "whynot"])
def test_an_item_of_what_is_about_the_whole_deal_is_refused(command: str, asked: str) -> None:
    result = run(command, STEEL, asked)
    assert result.exit_code == 2
    assert "about the whole deal" in result.output or "does not hold" in result.output


REFUSED = {
    ("whynot", "veto_raised@nobody"): "'nobody' is not on file among the stakeholders (known: cheng",
    ("whynot", "veto_raised@dengg"): "did you mean 'deng'?",
    ("whynot", "readiness.high"): "dealready why shows what it counts",
    ("why", ""): "CONCLUSION is empty", ("why", "@deng"): "say which conclusion", ("why", "do."): "say which conclusion",
    ("why", "readiness"): "may mean: readiness.high, readiness.low",
    ("why", "readiness.lo@deng"): "about the whole deal",
    ("why", "propose"): "may mean: do.propose_next_order, do.propose_the_close",
    ("why", "champion_found"): "dealready whynot shows what is in the way",
    ("why", "The sale stands on one persn"): "did you mean",
}


@pytest.mark.parametrize("asked", REFUSED, ids=" ".join)
def test_a_name_that_leads_nowhere_is_told_with_the_way_on(asked: tuple[str, str]) -> None:
    command, name = asked
    result = run(command, STEEL, name)
    assert result.exit_code == 2
    assert REFUSED[asked] in result.output


@pytest.mark.parametrize("asked", ["VETO_RAISED", "Veto_Raised@deng", "need is EXPLICIT", "需求已经说明", "readiness.lo"])
def test_a_name_is_found_in_any_case_and_a_criterion_in_any_state(asked: str) -> None:
    assert run("why", STEEL, asked).exit_code == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whynot_leaves_no_gap_where_nobody_is_named(language: str) -> None:
    result = run("whynot", STEEL, "champion_found", language=language)
    assert re.match(r"(Not concluded: …|未得出：…)", result.output)


# Down to facts


def leaves(part: Part) -> list[Part]:
    """Return the parts in the way below which nothing more is told."""
    below = [*part.parts, *part.items, *(miss.part for miss in part.rules)]
    found = [leaf for inner in below if inner.state != "holds" or part.items for leaf in leaves(inner)]
    return found or [part]


@pytest.mark.parametrize("conclusion", ["do.propose_the_close", "step.service", "find.champion_found", "met.needs.explicit"])
def test_what_is_in_the_way_is_told_down_to_facts_or_to_the_rules_that_fired(conclusion: str) -> None:
    case, outcome = Diagnoser(base()).outcome(load_deal(STEEL, base().vocabulary))
    for miss in why_not(base().program, case, outcome, conclusion):
        for leaf in leaves(miss.part):
            assert not isinstance(leaf.condition, Holds)
            assert not isinstance(leaf.condition, Absent) or leaf.fired


def test_the_nearest_rule_is_told_by_what_lies_at_the_end_of_its_chain() -> None:
    case, outcome = Diagnoser(base()).outcome(load_deal(STEEL, base().vocabulary))
    (first, *_) = why_not(base().program, case, outcome, "find.champion_found", "ye")
    assert first.distance == 1  # the influence of Ye Lan, two rules further down, and nothing else
    for miss in why_not(base().program, case, outcome, "do.propose_the_close"):
        assert miss.distance > 2


@pytest.mark.parametrize(("language", "told"), [
    ("en", "Brought into the open: no (wanted: yes)"), ("zh", "已显性化：否（要求：是）"),
])
def test_an_unmet_criterion_names_the_item_that_breaks_it(language: str, told: str) -> None:
    for command in ("why", "whynot"):
        shown = re.sub(r"[│├└─\s]+", " ", run(command, STEEL, "needs.explicit", language=language).output)
        assert "The old drives will be out of support" in shown
        assert told in shown
    assert "p3" in run("why", STEEL, "needs.explicit", "--format", "json").output
    assert "wanted" in run("why", STEEL, "needs.explicit", "--format", "mermaid").output


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("conclusion", ["propose_the_close", "step.service", "champion_found", "needs.explicit"])
def test_whynot_speaks_words_and_no_rule_language(conclusion: str, language: str) -> None:
    shown = run("whynot", STEEL, conclusion, "--all", language=language).output
    explained = "\n".join(line for line in shown.splitlines() if not line.startswith("  dealready"))
    assert not RULE_LANGUAGE.search(explained), RULE_LANGUAGE.search(explained)
    assert "step.needs.done" not in explained


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_condition_of_every_rule_has_words(language: str) -> None:
    names = Names(base(), load_deal(STEEL, base().vocabulary), language)  # type: ignore[arg-type]
    for rule in base().rules.values():
        words = condition_words(rule.when, names, "deng")
        assert words or not rule.when
        assert not RULE_LANGUAGE.search(words), rule.id
        assert not re.search(r"\{\w+\}", words), rule.id


def test_conditions_that_must_hold_together_stay_together_among_ways_of_which_one_is_enough() -> None:
    shown = run("whynot", str(FOLDER / "harbour-crane-lead.json"), "buyer_quiet").output.splitlines()
    at = next(number for number, line in enumerate(shown) if "these together" in line)
    assert "Proven step: Investigation & analysis" in shown[at + 1]
    assert "Customer last responded" in shown[at + 2]
    assert len(shown) < 60


# What must not be so


SILENT = """\
as_of: 2026-05-04
contact: {last_seller_touch: 2026-04-01, last_customer_response: 2026-02-01}
"""


@pytest.mark.parametrize(("language", "in_the_way", "as_wanted", "wanted"), [
    ("en", "✕ must not be so: The customer has been silent far too long but it is",
     "● must not be so: The deal is lost and it is not", "● The customer has not answered for a while holds"),
    ("zh", "✕ 须不成立：客户沉默太久 但目前成立", "● 须不成立：单子丢了 目前确实不成立", "● 客户有一阵没回音 成立"),
])
def test_what_must_not_be_so_is_told_apart_from_what_must(
    language: str, in_the_way: str, as_wanted: str, wanted: str, tmp_path: Path
) -> None:
    (tmp_path / "silent.yaml").write_text(SILENT)

    def told(conclusion: str) -> str:
        shown = run("whynot", str(tmp_path / "silent.yaml"), conclusion, "--all", language=language).output
        return re.sub(r"[│├└─\s]+", " ", shown)

    assert in_the_way in told("ask_plainly_if_still_on")
    assert wanted in told("ask_plainly_if_still_on")
    assert as_wanted in told("end_the_pause")


def test_a_conclusion_of_several_rules_bears_the_name_of_the_one_that_says_no_more() -> None:
    names = Names(base(), load_deal(STEEL, base().vocabulary), "en")
    assert names.conclusion("buyer_quiet") == "The customer has not answered for a while"
    assert names.conclusion("key_account") == "A key account"


# Bounds of readiness


@pytest.mark.parametrize("name", DEALS)
def test_a_bound_is_the_share_of_the_criteria_that_it_counts(name: str) -> None:
    deal = load_deal(str(FOLDER / name), base().vocabulary)
    diagnoser = Diagnoser(base())
    prover, readiness = diagnoser.prover(deal), diagnoser.diagnose(deal).readiness
    for end, percent in (("low", readiness.low), ("high", readiness.high)):
        bound = readiness_bound(f"readiness.{end}", base().steps, prover.outcome)
        assert bound.percent == percent
        assert abs(100 * len(bound.counted) / bound.of - percent) < 1
        for counted in bound.counted:
            (proof,) = prover.prove(counted)
            assert proof.judged is not None or flat_support(proof.support) or counted.startswith("met.")


@pytest.mark.parametrize(("language", "told"), [
    ("en", "Readiness at least {low}%: {met} of {all}"), ("zh", "就绪度至少 {low}%：{all} 项标准中已达成 {met} 项"),
])
def test_a_bound_is_one_tree_with_the_number_at_its_root(language: str, told: str) -> None:
    diagnosis = Diagnoser(base()).diagnose(load_deal(STEEL, base().vocabulary))
    states = [criterion.state for step in diagnosis.steps[:-1] for criterion in step.criteria]
    low, met = diagnosis.readiness.low, states.count("met")
    shown = run("why", STEEL, "readiness.low", language=language).output
    assert shown.startswith(told.format(low=low, met=met, all=len(states)))
    assert sum(not line.startswith(("│", "├", "└", " ")) for line in shown.splitlines()) == 2  # the root and the rule base
    graph = run("why", STEEL, "readiness.low", "--format", "mermaid", language=language).output
    edges = re.findall(r"(n\d+) --> (n\d+)", graph)
    assert {above for above, _ in edges} - {below for _, below in edges} == {"n0"}
    assert "criterion." not in graph
    data = json.loads(run("why", STEEL, "readiness.low", "--format", "json", language=language).output)
    assert (data["percent"], data["counted"], data["of"], len(data["proofs"])) == (low, met, len(states), met)
