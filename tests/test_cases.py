"""Case files: written from a diagnosis wherever they go, and what is told when one does not hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .product import run

STEEL = Path(__file__).parent.parent / "facts" / "examples" / "steel-rolling-line.yaml"
FAILING = f"""\
deal: {STEEL}
step: closing
criteria: {{needs.explicit: met}}
findings: [single_threaded,
  champion_found@ye]
no_findings: [veto_raised]
fires: [health.paused]
before: [propose_the_close < resolve_veto]
"""


# Written from a diagnosis


def test_a_case_written_to_a_file_finds_its_deal_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "deal.yaml").write_text(STEEL.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("test", "--new", "deal.yaml", "-o", "cases/deal.yaml").exit_code == 0
    assert "deal: ../deal.yaml" in (tmp_path / "cases" / "deal.yaml").read_text("utf-8")
    assert run("test", "cases").exit_code == 0
    again = run("test", "--new", "deal.yaml", "-o", "cases/deal.yaml")
    assert (again.exit_code, "exists already" in again.output) == (2, True)
    assert run("test", "--new", "deal.yaml", "-o", "nowhere/deal.yaml").exit_code == 2


def test_a_case_written_to_standard_output_holds_wherever_it_is_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "deal.yaml").write_text(STEEL.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    for name, source in (("file", "deal.yaml"), ("stdin", "-")):
        case = tmp_path / "cases" / f"{name}.yaml"
        case.write_text(run("test", "--new", source, text=STEEL.read_text("utf-8")).output, "utf-8")
        assert run("test", str(case)).exit_code == 0


# Told when it does not hold


@pytest.mark.parametrize(("language", "told"), [
    ("en", {"2:7: expected step: Negotiation and closing [closing]": "found: Needs discovery [needs]",
            "3:28: expected criterion": "found: not met", "4:12: expected finding": "found: nothing of the kind",
            "5:3: expected finding: Ye Lan is a champion": "in the way of",
            "6:15: expected no such finding": "[veto_raised@deng]",
            "7:9: expected rule that fires": "in the way of 'The deal is paused until a date'"}),
    ("zh", {"2:7：期望步骤：谈判与成交": "实际：挖掘需求", "3:28：期望标准": "实际：未达成", "7:9：期望触发的规则": "受阻于"}),
])
def test_each_line_that_does_not_hold_has_its_place_its_label_and_a_reason(
    language: str, told: dict[str, str], tmp_path: Path
) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(FAILING.replace("criteria: {", "criteria: {    "), "utf-8")
    shown = run("test", str(case), language=language).output.replace("\n", " ")
    for wanted, found in told.items():
        place, _, words = wanted.partition(" " if language == "en" else "：")
        assert words in shown, wanted
        assert found in shown, wanted
        assert f"{case}:{place.split(':')[0]}:" in shown.replace("\n", ""), wanted


def test_pytest_says_the_same_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "case.yaml").write_text(FAILING, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path, env=environment)
    assert "期望步骤：谈判与成交 [closing]" in done.stdout.decode()


WRONG = {
    "a deal that is not there": ("deal: steal.yaml\nstep: needs\n", "case.yaml:1:7: deal: there is no deal file 'steal.yaml'"),
    "an order of one": (f"deal: {STEEL}\nbefore: [resolve_veto]\n", "case.yaml:2:10: before: 'resolve_veto' is no order"),
    "the second of two names": (f"deal: {STEEL}\nactions: [resolve_veto,\n  resolve_vetoo]\n", "case.yaml:3:3:"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_at_its_own_line_of_the_case(name: str, tmp_path: Path) -> None:
    text, told = WRONG[name]
    (tmp_path / "steel.yaml").write_text(STEEL.read_text("utf-8"), "utf-8")
    (tmp_path / "case.yaml").write_text(text, "utf-8")
    result = run("test", str(tmp_path / "case.yaml"))
    assert result.exit_code == 2
    assert told in result.output


def test_every_answer_as_data_names_the_rules_that_gave_it(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(f"deal: {STEEL}\nstep: needs\n", "utf-8")
    answers = [
        ("test", str(case), "--json"), ("why", str(STEEL), "needs", "--format", "json"), ("rules", "lint", "--format", "json"),
        ("whynot", str(STEEL), "champion_found", "--format", "json"), ("diff", str(STEEL), str(STEEL), "--format", "json"),
        ("whatif", str(STEEL), "--drop", "signals", "--format", "json"),
    ]
    named = [json.loads(run(*answer).output)["rule_base"] for answer in answers]
    assert all(entry == named[0] and len(entry["hash"]) == 64 for entry in named)
