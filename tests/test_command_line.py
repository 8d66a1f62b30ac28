"""The command line, used as a person would: exit codes, languages, pipes, answers written back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from dealready.cli import cli

EXAMPLES = Path(__file__).parent.parent / "facts" / "examples"
DEAL = """\
# how it began
as_of: 2026-03-16
account:
  name: 示例钢铁   # fictional
stakeholders:
  - id: wang
    name: 王工
    layer: management
    attitude: doubt   # since the pilot
"""


def run(*arguments: str, input: str | None = None, language: str = "en") -> Result:
    """Run the command line as a process of its own would, with an environment of its own."""
    environment = {"LC_ALL": "zh_CN.UTF-8" if language == "zh" else "C.UTF-8", "LANG": "", "LANGUAGE": ""}
    return CliRunner(env=environment).invoke(cli, list(arguments), input=input)


@pytest.fixture
def deal(tmp_path: Path) -> Path:
    path = tmp_path / "deal.yaml"
    path.write_text(DEAL, "utf-8")
    return path


def test_next_prints_a_diagnosis_in_either_language(deal: Path) -> None:
    english, chinese = run("next", str(deal)), run("next", "--lang", "zh", str(deal))
    assert english.exit_code == chinese.exit_code == 0
    assert "Do next" in english.output
    assert "下一步行动" in chinese.output
    assert "Do next" not in chinese.output


def test_the_environment_chooses_the_language(deal: Path) -> None:
    assert "下一步行动" in run("next", str(deal), language="zh").output


def test_json_and_yaml_say_the_same_and_fit_the_published_schema(deal: Path) -> None:
    as_json = json.loads(run("next", "--format", "json", str(deal)).output)
    assert yaml.safe_load(run("next", "--format", "yaml", str(deal)).output) == as_json
    schema = json.loads(run("schema", "diagnosis").output)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(as_json, schema)


def test_standard_input_is_read_as_a_file_is(deal: Path) -> None:
    piped = json.loads(run("next", "--format", "json", "-", input=DEAL).output)
    filed = json.loads(run("next", "--format", "json", str(deal)).output)
    assert piped["deal"].pop("file") == "<stdin>"
    filed["deal"].pop("file")
    assert piped == filed


def test_several_deals_come_as_a_list(deal: Path) -> None:
    assert len(json.loads(run("next", "--format", "json", str(deal), str(deal)).output)) == 2


def test_one_bad_file_among_good_ones_stops_before_anything_is_printed(deal: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("as_of: soon\n", "utf-8")
    result = run("next", str(deal), str(bad))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"{bad}:1:8: as_of: 'soon' is not a date (2026-03-16, 2026/3/16 or 2026年3月16日)\n"


def test_piped_output_has_no_colour_and_fits_80_columns(deal: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dealready.cli", "next", "--all", str(deal)], capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": "80", "LC_ALL": "C.UTF-8"},
    )
    assert "\x1b" not in done.stdout
    from rich.cells import cell_len

    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80


def test_why_shows_the_chain_down_to_a_source(deal: Path) -> None:
    result = run("why", str(deal), "investigation")
    assert result.exit_code == 0
    assert "Proven step: Investigation" in result.output
    assert "? An opportunity exists" in result.output


@pytest.mark.parametrize(("name", "expected"), [
    ("investigatoin", "did you mean 'investigation'?"),
    ("closing", "does not hold"),
])
def test_why_says_what_is_wrong_with_a_name(deal: Path, name: str, expected: str) -> None:
    result = run("why", str(deal), name)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_check_tells_contradictions_apart_from_bad_input(deal: Path, tmp_path: Path) -> None:
    assert run("check", str(deal)).exit_code == 0
    torn = tmp_path / "torn.yaml"
    torn.write_text("as_of: 2026-03-16\ncontract: {status: signed, signed_on: 2026-05-01}\n", "utf-8")
    result = run("check", str(torn))
    assert result.exit_code == 1
    assert "disagrees with itself" in result.output


def test_a_sitting_without_an_answer_changes_nothing(deal: Path) -> None:
    first = json.loads(run("next", "--format", "json", str(deal)).output)["questions"][0]
    result = run("ask", str(deal), input="\n?\n\nq\n")
    assert result.exit_code == 0
    assert first["text"] in " ".join(result.output.split())
    assert deal.read_text("utf-8") == DEAL


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("command", [[], ["next"], ["why"], ["check"], ["ask"], ["schema"], ["facts"], ["rules"],
                                     ["facts", "show"], ["rules", "sources"]])
def test_every_command_has_help_in_both_languages(command: list[str], language: str) -> None:
    result = run(*command, "--help", language=language)
    assert result.exit_code == 0
    assert ("用法" in result.output) == (language == "zh")
    assert "help." not in result.output


def test_a_usage_error_speaks_chinese_to_chinese_readers() -> None:
    result = run("next", language="zh")
    assert result.exit_code == 2
    assert "缺少参数" in result.stderr


def test_browsing_finds_facts_and_rules_in_either_language() -> None:
    assert "stakeholders.veto" in run("facts", "search", "否决").output
    assert "budget.status" in run("facts", "search", "budget").output
    assert "stakeholders.attitude" in run("facts", "show", "stakeholders.attitude").output
    assert run("rules", "show", "T01").exit_code == 0
    assert "did you mean" in run("facts", "show", "stakeholders.atitude").stderr


def test_the_schema_of_a_deal_accepts_every_example_and_refuses_a_misspelling() -> None:
    schema = json.loads(run("schema", "deal").output)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in sorted(EXAMPLES.glob("*.yaml")):
        document = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
        assert not [error.message for error in validator.iter_errors(_typed(document))], path
    assert not validator.is_valid({"as_of": "2026-03-16", "budget": {"status": "aproved"}})


def _typed(value: object) -> object:
    """Return scalars as an editor sees them: numbers and booleans typed, dates as text."""
    if isinstance(value, dict):
        return {key: _typed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_typed(child) for child in value]
    try:
        typed = json.loads(str(value))
    except ValueError:
        return value
    return typed if isinstance(typed, int | float | bool) or typed is None else value
