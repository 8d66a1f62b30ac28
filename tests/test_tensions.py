"""Each tension of the article shows its order on a deal."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dealready.engine.diagnosis import Diagnosis
from dealready.facts.deal import read_deal

from .product import diagnoser

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "facts" / "examples"
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "tensions.yaml").read_text("utf-8"))["cases"]
LISTS = ("actions", "no_actions", "withheld", "findings", "no_findings", "before")


def raw_deal(case: dict[str, Any]) -> dict[str, Any]:
    if "deal" in case:
        return dict(case["deal"])
    deal: dict[str, Any] = yaml.safe_load((EXAMPLES / case["example"]).read_text("utf-8"))
    for path, value in case.get("change", {}).items():
        topic, _, fact = path.partition(".")
        if not fact:
            deal[topic] = value
        else:
            deal.setdefault(topic, {})[fact] = value
    return {name: value for name, value in deal.items() if value != "unknown"}


@functools.cache
def diagnosis(number: int) -> Diagnosis:
    text = yaml.safe_dump(raw_deal(CASES[number]), allow_unicode=True)
    return diagnoser().diagnose(read_deal(text.encode(), "case.yaml", diagnoser().base.vocabulary))


def named(id: str, item: str) -> str:
    return f"{id}@{item}" if item else id


def lines() -> Iterator[Any]:
    for number, case in enumerate(CASES):
        for kind in LISTS:
            for line in case.get(kind, ()):
                shown = " before ".join(line) if kind == "before" else line
                yield pytest.param(number, kind, line, id=f"{case['tension']}-{case['story']['en']}-{kind}-{shown}")


@pytest.mark.parametrize(("number", "kind", "line"), list(lines()))
def test_the_order_of_a_tension_shows(number: int, kind: str, line: Any) -> None:
    found = diagnosis(number)
    actions = [named(action.id, action.with_) for action in found.actions]
    match kind:
        case "before":
            first, second = line
            assert actions.index(first) < actions.index(second)
        case "withheld":
            assert line in [named(action.id, action.with_) for action in found.withheld]
        case "actions" | "no_actions":
            assert (line in actions) is (kind == "actions")
        case _:
            assert (line in [named(finding.id, finding.about) for finding in found.findings]) is (kind == "findings")


def test_every_tension_has_a_case_a_basis_and_a_rule() -> None:
    base = diagnoser().base
    cited = {source for rule in base.program.rules for source in rule.because}
    assert {case["tension"] for case in CASES} == set(base.tensions)
    assert {tension.basis for tension in base.tensions.values()} == {"article", "reading"}
    assert set(base.tensions) <= cited


def test_a_case_names_what_exists() -> None:
    base = diagnoser().base
    for case in CASES:
        for kind in LISTS:
            for line in case.get(kind, ()):
                for name in line if isinstance(line, list) else [line]:
                    catalogue = base.findings if kind.endswith("findings") else base.actions
                    assert name.partition("@")[0] in catalogue, name
