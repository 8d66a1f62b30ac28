"""The example deals say what their story says: steps, findings, actions and questions, line by line."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dealready.engine.diagnosis import Diagnosis
from dealready.facts.deal import Deal, load_deal

from .product import diagnoser

FOLDER = Path(__file__).parent.parent / "facts" / "examples"
EXPECTED = sorted((FOLDER / "expected").glob("*.yaml"))
DEALS = sorted((*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json")))
STEPS = {"investigation", "visits", "needs", "proposal", "closing", "service"}
LISTS = ("findings", "no_findings", "actions", "no_actions", "first_actions", "withheld", "questions")
FIRST_ACTIONS = 5
FIRST_QUESTIONS = 10


def expected(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded | {"deal": Path(loaded["deal"]).name}


@functools.cache
def deal(name: str) -> Deal:
    return load_deal(str(FOLDER / name), diagnoser().base.vocabulary)


@functools.cache
def diagnosis(name: str) -> Diagnosis:
    return diagnoser().diagnose(deal(name))


def named(id: str, item: str) -> str:
    return f"{id}@{item}" if item else id


def given(name: str, kind: str) -> list[str]:
    """Return what the diagnosis gives that a list of the expectation speaks of, in its order."""
    found = diagnosis(name)
    match kind:
        case "findings" | "no_findings":
            return [named(finding.id, finding.about) for finding in found.findings]
        case "actions" | "no_actions":
            return [named(action.id, action.with_) for action in found.actions]
        case "first_actions":
            return given(name, "actions")[:FIRST_ACTIONS]
        case "withheld":
            return [named(action.id, action.with_) for action in found.withheld]
        case _:
            return [named(question.fact, question.about) for question in found.questions[:FIRST_QUESTIONS]]


def lines() -> list[Any]:
    """Return every line of every expectation, so that each stands or falls alone."""
    return [
        pytest.param(told["deal"], kind, line, id=f"{path.stem}-{kind}-{line}")
        for path in EXPECTED
        for told in [expected(path)]
        for kind in LISTS
        for line in told.get(kind, ())
    ]


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.stem)
def test_the_step_is_the_expected_one(path: Path) -> None:
    told = expected(path)
    answer = diagnosis(told["deal"]).step
    assert (answer.proven, answer.claimed) == (told["step"], told.get("claimed"))


@pytest.mark.parametrize(("name", "kind", "line"), lines())
def test_every_line_of_the_expectation_holds(name: str, kind: str, line: str) -> None:
    assert (line in given(name, kind)) is (not kind.startswith("no_"))


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.stem)
def test_an_expectation_names_what_exists(path: Path) -> None:
    told = expected(path)
    assert set(told) <= {"deal", "story", "step", "claimed", *LISTS}
    assert set(told["story"]) == {"en", "zh"}
    base, facts = diagnoser().base, deal(told["deal"])
    for kind in LISTS:
        for line in told.get(kind, ()):
            id, _, item = line.partition("@")
            if kind == "questions":
                collection, _, fact = id.partition(".")
                known = base.vocabulary.collections.get(collection)
                assert fact in known.facts or not fact if known else id in base.vocabulary.facts, line
            else:
                entry = base.findings[id] if kind.endswith("findings") else base.actions[id]
                collection = entry.about
                assert (collection != "deal") is bool(item), line
            assert not item or facts.item(collection, item), line


def test_every_example_has_an_expectation_and_a_name_of_its_own() -> None:
    assert sorted(expected(path)["deal"] for path in EXPECTED) == [path.name for path in DEALS]
    assert [path.stem for path in EXPECTED] == [path.stem for path in DEALS]


def test_the_examples_visit_all_six_steps() -> None:
    assert {diagnosis(path.name).step.proven for path in DEALS} == STEPS


def test_at_least_half_of_the_examples_are_chinese() -> None:
    chinese = [path for path in DEALS if re.search("[\u4e00-\u9fff]", str(deal(path.name).get("account.name")))]
    assert 2 * len(chinese) >= len(DEALS)
