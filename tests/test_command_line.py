"""The command line, used as a person would: exit codes, languages, pipes, answers written back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pytest
import yaml
from click.testing import CliRunner
from dealready.cli import cli

from .product import run

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


def said(*arguments: str, language: str = "en") -> str:
    """Return what is printed, on one line, so that no text is cut in two."""
    return " ".join(run(*arguments, language=language).output.split())


def test_where_our_own_order_comes_from_is_never_cut_off() -> None:
    steel = str(EXAMPLES / "steel-rolling-line.yaml")
    english, chinese = said("next", steel), said("next", steel, language="zh")
    assert ("[closing.way-first, A36, A77, A82, A164, T01 (our reading), T11 (article), R-close-veto-first (our reading)]"
            in english)
    for label in ("T01（我们的理解）", "T11（文章）"):
        assert label in chinese


def test_of_an_article_only_the_first_items_are_named() -> None:
    screen = said("next", str(EXAMPLES / "forging-press-after-sale.yaml"))
    reasons = screen.partition("[service.repair-first")[2].partition("]")[0]
    assert [name for name in reasons.split(", ") if name.startswith("A")] == ["A31", "A179", "A182", "A184"]
    assert "R-service-first (our reading)" in reasons


def test_an_action_held_back_says_whose_order_that_is() -> None:
    press = str(EXAMPLES / "forging-press-after-sale.yaml")
    assert "mend the old order before offering the new one. [T20 (our reading)]" in said("next", press)
    held = json.loads(run("next", "--format", "json", press).output)["withheld"]
    assert {(action["tension"], action["tension_basis"]) for action in held if action["tension"]} >= {("T20", "reading")}
    steel = json.loads(run("next", "--format", "json", str(EXAMPLES / "steel-rolling-line.yaml")).output)["withheld"]
    assert {"id": "hear_the_resistance", "withheld_by": "find.veto_raised", "tension_basis": ""}.items() <= next(
        action for action in steel if action["id"] == "hear_the_resistance").items()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_must_not_be_done_is_always_on_the_screen(language: str) -> None:
    screen = said("next", str(EXAMPLES / "hospital-imaging.yaml"), language=language)
    limits = {"en": ["A rule-bound customer: official channels only", "A formal tender: its procedure", "asks for extras"],
              "zh": ["受规则约束的客户：只走正式渠道", "正式招标：程序优先", "受约束的客户提出附加要求"]}
    for limit in limits[language]:
        assert limit in screen


def test_standard_input_is_read_as_a_file_is(deal: Path) -> None:
    piped = json.loads(run("next", "--format", "json", "-", text=DEAL).output)
    filed = json.loads(run("next", "--format", "json", str(deal)).output)
    assert piped["deal"].pop("file") == "<stdin>"
    filed["deal"].pop("file")
    assert piped == filed


def test_several_deals_come_as_a_list(deal: Path) -> None:
    assert len(json.loads(run("next", "--format", "json", str(deal), str(deal)).output)) == 2


def test_each_deal_is_a_line_however_many_are_named(deal: Path) -> None:
    schema = json.loads(run("schema", "diagnosis").output)
    for count in (1, 2):
        lines = run("next", "--format", "jsonl", *[str(deal)] * count).output.splitlines()
        assert len(lines) == count
        for line in lines:
            jsonschema.validate(json.loads(line), schema)


def test_a_bad_file_does_not_keep_the_others_from_being_diagnosed(deal: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("as_of: soon\n", "utf-8")
    told = f"{bad}:1:8: as_of: 'soon' is not a date (2026-03-16, 2026/3/16 or 2026年3月16日)\n"
    result = run("next", str(bad), str(deal))
    assert result.exit_code == 2
    assert result.stdout == run("next", str(deal)).stdout
    assert result.stderr == told
    as_data = run("next", "--format", "json", str(deal), str(bad))
    assert as_data.exit_code == 2
    assert len(json.loads(as_data.stdout)) == 1


def test_check_speaks_of_each_file_and_leaves_with_the_worst_code(deal: Path, tmp_path: Path) -> None:
    torn, bad = tmp_path / "torn.yaml", tmp_path / "bad.yaml"
    torn.write_text("as_of: 2026-03-16\nbudget: {status: approved, amount: 0}\n", "utf-8")
    bad.write_text("as_of: soon\n", "utf-8")
    result = run("check", str(torn), str(bad), str(deal))
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 2
    assert "disagrees with itself" in result.stdout
    assert f"{deal}: good" in result.stdout
    assert "'soon' is not a date" in result.stderr


def started(*arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {**os.environ, "COLUMNS": "80", "LC_ALL": "C.UTF-8", **streams.pop("env", {})}
    command = [sys.executable, "-m", "dealready.cli", *arguments]
    return subprocess.run(command, text=True, check=False, env=environment, **streams)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize("arguments", [["next"], ["next", "--format", "json"], ["check"]])
def test_a_full_disk_is_told_in_one_line(deal: Path, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = started(*arguments, str(deal), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == "the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", [["next", "--all"], ["next", "--format", "json"]])
def test_a_reader_that_stops_reading_is_no_error(deal: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = started(*arguments, str(deal), stdout=pipe, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_without_chinese_signs_gets_escapes_in_data(deal: Path) -> None:
    for format_, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        arguments = ["next", "--format", format_, str(deal)]
        plain, full = (started(*arguments, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": encoding})
                       for encoding in ("ascii", "utf-8"))
        assert plain.stdout.isascii()
        assert not full.stdout.isascii()
        assert read(plain.stdout) == read(full.stdout)


def test_piped_output_has_no_colour_and_fits_80_columns(deal: Path) -> None:
    done = started("next", "--all", str(deal), stdout=subprocess.PIPE)
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
    ("propose_the_close", "does not hold of this deal; dealready whynot shows what is in the way"),
    ("closing.way-first", "the rule 'closing.way-first' did not fire; ask dealready whynot"),
    ("T01", "dealready rules show T01 shows it"),
    ("A36", "dealready rules show A36 shows it"),
    ("X-STALE", "dealready rules show X-STALE shows it"),
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


def test_of_one_nothing_is_told_in_the_plural(deal: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    told = [run("check", str(deal)), run("score", str(deal.parent), "-o", out, "--tables", "deals"), run("summary", out)]
    assert [result.exit_code for result in told] == [0, 0, 0]
    assert not re.findall(r"\b1 \w+s\b", " ".join(result.stdout for result in told))


def test_a_sitting_without_an_answer_changes_nothing(deal: Path) -> None:
    first = json.loads(run("next", "--format", "json", str(deal)).output)["questions"][0]
    result = run("ask", str(deal), text="\n?\n\nq\n")
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


@pytest.mark.parametrize("arguments", [
    "--lang zh rules list closing", "rules --lang zh list closing", "--lang en rules --lang en list closing --lang zh"])
def test_the_language_may_be_chosen_before_any_command(arguments: str) -> None:
    told = run(*arguments.split())
    assert (told.exit_code, told.output) == (0, run("rules", "list", "closing", language="zh").output)
    assert "用法" in run("--lang", "zh", "--help").output


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("arguments", "way_out"), [
    (["next", "{folder}"], "dealready score"), (["why", "{deal}", "xyzzy"], "dealready rules list"),
    (["whynot", "{deal}", "xyzzy"], "dealready rules list"), (["whatif", "{deal}"], "--set"),
    (["rules", "show", "xyzzy"], "dealready rules list"), (["facts", "show", "xyzzy"], "dealready facts list"),
])
def test_an_error_tells_the_way_out(deal: Path, arguments: list[str], way_out: str, language: str) -> None:
    told = run(*(word.format(folder=deal.parent, deal=deal) for word in arguments), language=language)
    assert (told.exit_code, told.stdout) == (2, "")
    assert way_out in told.stderr


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
    assert not validator.is_valid({"as_of": "2026-03-16", "stakeholders": [{"id": ""}]})
    for amount in ("￥120万", "¥1,200,000", "1.2e6", 1200000):
        assert validator.is_valid({"as_of": "2026-03-16", "budget": {"amount": amount}})
    assert validator.is_valid({"as_of": "2026-03-16", "account": {"institution": "医院"}})


@pytest.mark.parametrize(("words", "expected"), [
    ("dealready facts show stakeholders.att", "stakeholders.attitude"),
    ("dealready rules show T0", "T01"),
    ("dealready why deal.yaml propose_the", "propose_the_close"),
    ("dealready why deal.yaml closing.no", "closing.no-veto"),
])
def test_the_shell_completes_names(words: str, expected: str) -> None:
    environment = {"_DEALREADY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    result = CliRunner(env=environment).invoke(cli, [], prog_name="dealready")
    assert f"plain,{expected}" in result.output.splitlines()


def test_a_fact_is_found_by_the_end_of_its_name() -> None:
    assert run("facts", "show", "attitude").output == run("facts", "show", "stakeholders.attitude").output
    assert "may mean: account.name, deal.name" in run("facts", "show", "name").stderr


@pytest.mark.parametrize(("asked", "told"), [
    ("rules list signalz", "did you mean 'signals'?"), ("facts list bugdet", "did you mean 'budget'?"),
    ("rules list nope", "dealready rules list shows what is"), ("facts list nope", "dealready facts list shows what is"),
])
def test_a_topic_or_name_that_there_is_none_of_is_told(asked: str, told: str) -> None:
    result = run(*asked.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


@pytest.mark.parametrize("words", [
    ("next", ""), ("rules", "check", ""), ("test", ""), ("facts", "list", ""), ("whatif", "deal.yaml", "--set", ""),
    ("rules", "impact", "--deals="), ("next", "deal.yaml", "--rules", ""),
], ids=" ".join)
def test_nothing_that_is_given_empty_is_taken_for_the_folder_one_is_in_or_for_nothing(words: tuple[str, ...]) -> None:
    for language, told in (("en", " is empty; a value was expected"), ("zh", " 为空；应给出值")):
        result = run(*words, "--lang", language)
        assert (result.exit_code, result.stdout) == (2, "")
        assert told in result.stderr


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


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_a_command_that_is_stopped_says_so_and_leaves_with_a_code_of_its_own(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr("dealready.batch.run.score", stopped)
    for language, word in (("en", "Aborted!"), ("zh", "已中止。")):
        done = run("score", str(EXAMPLES), "-o", str(tmp_path / "out"), language=language)
        assert (done.exit_code, done.stdout, done.stderr) == (130, "", f"\n{word}\n")


@pytest.mark.parametrize("command", [
    ("score", "{}", "-o", "{}.out"), ("rules", "check", "--rules", "{}"), ("next", "{}"), ("summary", "{}"), ("test", "{}"),
])
def test_a_link_to_itself_is_told_in_a_line(command: Sequence[str], tmp_path: Path) -> None:
    (loop := tmp_path / "loop").symlink_to("loop")
    done = run(*(part.format(loop) for part in command))
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(loop) in done.stderr
    assert os.listdir(tmp_path) == ["loop"]


def test_a_run_that_is_stopped_while_a_workbook_is_read_takes_it_for_no_bad_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_arguments: Any) -> None:
        raise RuntimeError("Query interrupted")

    book = openpyxl.Workbook()
    book.active.append(["deal_id", "as_of"])  # type: ignore[union-attr]
    book.save(tmp_path / "in.xlsx")
    monkeypatch.setattr("dealready.batch.stores.fill_rows", stopped)
    done = run("score", str(tmp_path / "in.xlsx"), "-o", str(tmp_path / "out"))
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "\nAborted!\n")


@pytest.mark.parametrize(("arguments", "told"), [
    (("score", "--help"), ("[选项]", "选项：", "[必填]", "--threads N ")), (("facts", "--help"), ("命令 [参数]...", "命令：")),
    (("score", "in", "-o", "out", "--threads", "0"), ("0 不在范围 1<=x<=1024 内。",)),
    (("score", "in", "-o", "out", "--threads", "two"), ("'two' 不是整数。",)),
])
def test_what_click_itself_says_of_options_is_chinese_too(arguments: tuple[str, ...], told: tuple[str, ...]) -> None:
    output = run(*arguments, language="zh").output
    for words in told:
        assert words in output
    assert not re.search(r"OPTIONS|COMMAND|INTEGER|required|is not|选项:|命令:", output)
