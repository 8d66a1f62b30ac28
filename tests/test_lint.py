"""What the linter sees of two conditions, of claims and of what is switched off, and where it points."""

from __future__ import annotations

import functools
import json
from itertools import permutations
from pathlib import Path

import pytest
from dealready.coach.lint import lint
from dealready.coach.relations import excludes, implies, shape
from dealready.engine.case import build_case
from dealready.engine.reference import holds
from dealready.facts.deal import Deal
from dealready.facts.problems import Problem
from dealready.rules.base import load_rule_base
from dealready.rules.language import Absent, Condition, FactTest, Holds, Quantifier, walk
from dealready.rules.layers import OURS, layer_of
from hypothesis import given

from .product import base, run
from .strategies import deals as any_deals

RULE = "  - {{id: {name}, label: {{en: {label}, zh: 甲}}, when: {when}, then: {{find: no_champion}}, because: [X-CHAMPION]}}\n"


def layer(folder: Path, text: str) -> Path:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "x.yaml").write_text(text, "utf-8")
    return folder


def found_in(folder: Path, text: str) -> list[Problem]:
    return lint(load_rule_base((OURS, layer_of(layer(folder, text)))))


WHEN = {
    "counts that exclude each other": (
        "{all: [{count: {of: signals, at_least: 5}}, {count: {of: signals, at_most: 2}}]}", "lint-contradiction"),
    "some and none of the same": ("{some: {of: signals}, none: {of: signals}}", "lint-contradiction"),
    "some of a kind and none of a wider one": (
        "{some: {of: signals, where: {kind: guarantee_demand, by: {known: true}}}, "
        "none: {of: signals, where: {kind: guarantee_demand}}}",
        "lint-contradiction"),
    "a number and a range without it": (
        "{all: [{deal.amount: {is: 5}}, {deal.amount: {at_least: 10}}]}", "lint-contradiction"),
    "a threshold that another implies": (
        "{all: [{deal.amount: {at_least: 100}}, {deal.amount: {at_least: 50}}]}", "lint-implied"),
    "a choice of which one is enough": (
        "{any: [{deal.amount: {at_least: 100}}, {deal.amount: {at_least: 50}}]}", "lint-implied"),
    "known beside a value": ("{budget.status: {known: true, is: approved}}", "lint-implied"),
    "a value said twice in another order": (
        "{all: [{any: [{budget.status: none}, {deal.amount: 5}]}, {any: [{deal.amount: 5}, {budget.status: none}]}]}",
        "lint-part-twice"),
    "every alone": ("{every: {of: visits, have: {state: done}}}", "lint-every-alone"),
}


@pytest.mark.parametrize("name", WHEN)
def test_lint_finds_a_slip_in_a_condition_and_points_at_it(name: str, tmp_path: Path) -> None:
    when, code = WHEN[name]
    text = "rules:\n" + RULE.format(name="x.one", label="A", when=when)
    (found,) = found_in(tmp_path, text)
    assert found.code == code
    assert found.place.line == 2
    assert found.place.column > text.splitlines()[1].index("when")


FINE = {
    "ranges that overlap": "{all: [{deal.amount: {at_least: 10}}, {deal.amount: {at_most: 20}}]}",
    "some of one kind and none of another": "{some: {of: signals, where: {kind: guarantee_demand}}, "
                                            "none: {of: signals, where: {kind: price_pressure}}}",
    "every beside some": "{some: {of: visits}, every: {of: visits, have: {state: done}}}",
    "every beside enough of them": "{count: {of: visits, at_least: 2}, every: {of: visits, have: {state: done}}}",
}


@pytest.mark.parametrize("name", FINE)
def test_lint_is_silent_about_what_makes_sense(name: str, tmp_path: Path) -> None:
    assert found_in(tmp_path, "rules:\n" + RULE.format(name="x.one", label="A", when=FINE[name])) == []


def test_two_rules_with_one_condition_are_found_in_any_order(tmp_path: Path) -> None:
    one, other = "{budget.status: none, deal.amount: 5}", "{deal.amount: 5, budget.status: none}"
    text = "rules:\n" + RULE.format(name="x.one", label="A", when=one) + RULE.format(name="x.two", label="A", when=other)
    (found,) = found_in(tmp_path, text)
    assert (found.code, found.place.line) == ("lint-same-condition", 3)


@functools.cache
def conditions() -> tuple[Condition, ...]:
    """Return parts of our own rules that can be asked of a deal, each once."""
    parts = [part for rule in list(base().rules.values())[::9] if not rule.scope for part in walk(rule.when)]
    return tuple({shape(part): part for part in parts if isinstance(part, Quantifier | FactTest) and asks_facts(part)}.values())


def asks_facts(part: Condition) -> bool:
    below = list(walk(part))
    outside = isinstance(part, FactTest) and part.path.owner != "deal"
    return not outside and not any(isinstance(inner, Holds | Absent) for inner in below)


@functools.cache
def related() -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs of these conditions that exclude each other, and those of which one implies the other."""
    pairs = list(permutations(range(len(conditions())), 2))
    excluded = [(one, other) for one, other in pairs if excludes(conditions()[one], conditions()[other])]
    return excluded, [(one, other) for one, other in pairs if implies(conditions()[one], conditions()[other])]


@given(any_deals(base().vocabulary))
def test_what_lint_says_of_two_conditions_is_so_of_every_deal(deal: Deal) -> None:
    case = build_case(deal, base().vocabulary, base().stale_limits)
    truth = [holds(part, case.deal, case, {}) for part in conditions()]
    excluded, implied = related()
    assert excluded
    assert implied
    assert not [pair for pair in excluded if truth[pair[0]] and truth[pair[1]]]
    assert not [pair for pair in implied if truth[pair[0]] and not truth[pair[1]]]


@pytest.mark.parametrize("label", ["The article teaches this", "the author warns of it"])
def test_a_supplement_that_speaks_for_the_article_is_found(label: str, tmp_path: Path) -> None:
    text = "rules:\n" + RULE.format(name="x.one", label=label, when="{deal.amount: 5}")
    (found,) = found_in(tmp_path, text)
    assert found.code == "lint-claims-article"


def test_what_idles_because_of_a_layer_is_told_at_the_layer(tmp_path: Path) -> None:
    found = found_in(tmp_path, "rules:\n  - {id: signals.price, off: true}\n")
    assert {(entry.code, entry.place.line, Path(entry.place.file).name) for entry in found} == {("lint-off-idle", 2, "x.yaml")}
    more = "actions:\n  - {id: trade_concessions, off: true}\n"
    assert found_in(tmp_path, "rules:\n  - {id: signals.price, off: true}\n" + more) == []


UNLOADABLE = {
    "a dead conclusion": "rules:\n  - {id: x.dead, label: {en: A, zh: 甲}, when: {deal.amount: 5}, then: {conclude: dead},"
                         " because: [X-CHAMPION]}\n",
    "a label without Chinese": "rules:\n  - {id: x.one, label: {en: A}, when: {deal.amount: 5}, then: {find: no_champion},"
                               " because: [X-CHAMPION]}\n",
}


@pytest.mark.parametrize("name", UNLOADABLE)
def test_what_keeps_the_rules_from_loading_is_a_finding_like_any_other(name: str, tmp_path: Path) -> None:
    folder = layer(tmp_path, UNLOADABLE[name])
    log = run("rules", "lint", "--format", "sarif", "--rules", str(folder))
    (result,) = json.loads(log.stdout)["runs"][0]["results"]
    assert (log.exit_code, result["level"]) == (2, "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    data = json.loads(run("rules", "lint", "--format", "json", "--rules", str(folder)).stdout)
    assert [entry["level"] for entry in data["findings"]] == ["error"]
    assert "x.yaml:2:" in run("rules", "lint", "--rules", str(folder)).stdout


def test_a_place_in_sarif_is_an_address(tmp_path: Path) -> None:
    (tmp_path / "our rules").mkdir()
    folder = layer(tmp_path / "our rules", UNLOADABLE["a dead conclusion"])
    log = json.loads(run("rules", "lint", "--format", "sarif", "--rules", str(folder)).stdout)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert "our%20rules/rules/x.yaml" in place["artifactLocation"]["uri"]


def test_the_linter_names_the_rules_that_it_read() -> None:
    assert base().hash[:12] in run("rules", "lint").output
    log = json.loads(run("rules", "lint", "--format", "sarif").output)
    assert log["runs"][0]["properties"]["rule_base"] == {"version": base().version, "hash": base().hash}
