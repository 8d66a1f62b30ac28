"""A workbook is made for a person: it speaks the chosen language, and can still be read again."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner
from dealready.batch.filling import fill_table
from dealready.batch.job import TABLES as JOB_TABLES
from dealready.batch.job import Job
from dealready.batch.labels import labels
from dealready.batch.previous import OUTPUT_TABLES, read_output
from dealready.batch.refusal import BadSource
from dealready.batch.run import score
from dealready.batch.summary import summarise
from dealready.batch.workbook import write_workbook
from dealready.cli import cli
from dealready.engine.outputs import CONDITIONS
from dealready.facts.texts import LANGUAGES, Language
from dealready.render.words import say

from .pipelines import EXAMPLES
from .product import base, run
from .test_batch import write_csv, write_jsonl

SOAK = "DEALREADY_EXAMPLES" in os.environ
TABLES = ("deals", "criteria", "findings", "actions")


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples in Chinese; in the soak with each condition of the rules that fired, which takes as long as all else."""
    target = tmp_path_factory.mktemp("workbook") / "out.xlsx"
    score(base(), Job(str(EXAMPLES), str(target), "zh", threads=1, explain=SOAK, tables=(*TABLES, "fired")))
    return target


@pytest.fixture(scope="module")
def deals_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("deals") / "out.xlsx"
    score(base(), Job(str(EXAMPLES), str(target), "zh", threads=1, tables=("deals",)))
    return target


def texts(sheet: Any, header: str) -> set[str]:
    first, *rows = sheet.iter_rows(values_only=True)
    return {row[first.index(header)] for row in rows}


def test_headers_and_ids_are_in_the_chosen_language(workbook: Path) -> None:
    book = openpyxl.load_workbook(workbook)
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            assert not [cell.value for cell in sheet[1] if str(cell.value).replace("_", "").isascii()], sheet.title
    assert {step.label.zh for step in base().steps} >= texts(book["商机"], "已证实步骤")
    assert texts(book["商机"], "结果") - {None} == {"赢单", "丢单", "进行中"}
    assert texts(book["标准"], "状态") == {"已达成", "未达成", "未知"}
    assert not SOAK or texts(book["条件"], "状态") == {"成立", "不成立", "未知"}
    assert {"风险", "矛盾"} <= texts(book["发现"], "类别")
    assert texts(book["发现"], "严重程度") == {"高", "中", "低"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_columns_or_values_of_one_share_a_label(language: Language) -> None:
    found = list(labels(base(), language))
    assert len({(of, label) for of, _, label in found}) == len(found)


def test_a_workbook_is_rolled_up_as_a_folder_is(workbook: Path, tmp_path: Path) -> None:
    score(base(), Job(str(EXAMPLES), str(tmp_path / "out"), "zh", threads=1, tables=TABLES))
    steps = [step.id for step in base().steps]
    assert summarise(str(workbook), steps) == summarise(str(tmp_path / "out"), steps)


EDITS: dict[str, tuple[str, object, str]] = {  # column, value (None: the column is deleted), what is told
    "an owner that is gone": ("负责人", None, "“商机”中已没有“负责人”列"),
    "whether it is scored": ("已评分", "maybe", "“已评分”列中有“maybe”，此处只能是：true 或 false"),
    "an amount in words": ("金额", "lots", "“金额”列中有“lots”，此处只能是：数字"),
    "a step of nobody": ("已证实步骤", "foo", "“已证实步骤”列中有“foo”，此处只能是：调查分析、"),
    "no number": ("就绪度下限（%）", "n/a", "“就绪度下限（%）”列中有“n/a”，此处只能是：整数"),
    "a number taken away": ("就绪度上限（%）", "", "“就绪度上限（%）”列中有“”，此处只能是：整数"),
    "a day that is none": ("资料日期", "soon", "“资料日期”列中有“soon”，此处只能是：日期"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_somebody_broke_in_a_workbook_is_told_with_sheet_column_and_value(
    name: str, deals_alone: Path, tmp_path: Path
) -> None:
    header, value, told = EDITS[name]
    edited = tmp_path / "edited.xlsx"
    book = openpyxl.load_workbook(deals_alone)
    sheet = book["商机"]
    (column,) = [cell.column for cell in sheet[1] if cell.value == header]
    if value is None:
        sheet.delete_cols(column)
    else:
        sheet.cell(3, column).value = value or None
    book.save(edited)
    nothing = str(tmp_path / "nothing")  # what is compared with is looked at before what is scored
    for command in (("summary", str(edited)), ("score", nothing, "-o", str(tmp_path / "new"), "--since", str(edited))):
        done = run(*command, language="zh")
        assert (done.exit_code, done.stdout) == (2, "")
        assert told in done.stderr
    assert os.listdir(tmp_path) == ["edited.xlsx"]


def test_every_output_table_has_its_place_among_the_sheets() -> None:
    assert sorted(OUTPUT_TABLES) == sorted((*JOB_TABLES, CONDITIONS, "changes", "errors", "run"))


def fills(sheet: Any, header: str) -> dict[str, str]:
    """Return the colour of each value of a column that has one."""
    (column,) = [cell.column for cell in sheet[1] if cell.value == header]
    cells = [row[column - 1] for row in sheet.iter_rows(min_row=2)]
    return {str(cell.value): cell.fill.fgColor.rgb[2:] for cell in cells if cell.fill.patternType}


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_our_own_words_have_colours_whatever_language_they_are_told_in(language: Language, tmp_path: Path) -> None:
    deals = [{"deal_id": "high", "as_of": "2026-03-16", "deal_owner": "met", "deal_amount": 38000000},
             {"deal_id": "risk", "as_of": "2026-02-30"}]
    old, now, target = tmp_path / "old", tmp_path / "now", tmp_path / "out.xlsx"
    gone = {"deal_id": "gone", "as_of": "2026-03-01"}
    score(base(), Job(str(write_csv(old, {"deals": [*deals, gone]})), str(tmp_path / "before"), threads=1, tables=("deals",)))
    job = Job(str(write_csv(now, {"deals": deals})), str(target), language, threads=1, since=str(tmp_path / "before"),
              tables=("deals", "criteria"))
    score(base(), job)
    book = openpyxl.load_workbook(target)
    say_column = functools.partial(labelled, language)
    found, criteria, changes = (book[say(f"score.sheet.{table}", language)] for table in ("deals", "criteria", "changes"))
    assert fills(found, say_column("deal_id")) == fills(found, say_column("deal_owner")) == {}
    assert fills(found, say_column("scored")) == {"False": "FFC7CE"}
    assert fills(criteria, say_column("state")) == {say("state.unknown", language): "EDEDED"}
    assert set(fills(changes, say_column("change"))) == {say("change.gone", language), say("change.not_scored", language)}


def labelled(language: Language, column: str) -> str:
    return next(label for place, id_, label in labels(base(), language) if (place, id_) == ("", column))


def test_amounts_are_shown_with_their_thousands_apart(workbook: Path) -> None:
    sheet = openpyxl.load_workbook(workbook)["商机"]
    (amount,) = [cell.column for cell in sheet[1] if cell.value == "金额"]
    shown = {row[amount - 1].number_format for row in sheet.iter_rows(min_row=2) if row[amount - 1].value is not None}
    assert shown == {"#,##0"}


def test_values_and_thresholds_of_conditions_are_in_the_chosen_language(tmp_path: Path) -> None:
    conditions = [
        {"condition": "attitude: {at_least: accept}", "collection": "stakeholders", "value": "support", "threshold": "accept"},
        {"condition": "roles: {has_any: [decides, approves]}", "collection": "stakeholders", "value": "[uses, decides]",
         "threshold": "[decides, approves]"},
        {"condition": "purchase.plan: true", "collection": "", "value": "false", "threshold": "true"},
        {"condition": "deal.slips: {at_least: 2}", "collection": "", "value": "3", "threshold": "2.."},
    ]
    with duckdb.connect() as database:
        fill_table(database, "labels", ("of", "id", "label"), list(labels(base(), "zh")))
        fill_table(database, "out_conditions", tuple(conditions[0]), [tuple(row.values()) for row in conditions])
        write_workbook(database, tmp_path / "out.xlsx", ["conditions"], "zh")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["条件"]
    assert [row[2:] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        ("支持", "接受"), ("[使用人, 拍板人]", "[拍板人, 批准人]"), ("否", "是"), ("3", "2..")]


def test_what_stands_in_a_high_row_begins_at_the_top(workbook: Path) -> None:
    for sheet in openpyxl.load_workbook(workbook).worksheets[:3]:
        for row in sheet.iter_rows(min_row=2):
            if any(cell.alignment.wrap_text for cell in row):
                assert {cell.alignment.vertical for cell in row if cell.value is not None} == {"top"}


def test_long_texts_are_wrapped(workbook: Path) -> None:
    sheet = openpyxl.load_workbook(workbook)["行动"]
    (how,) = [cell.column for cell in sheet[1] if cell.value == "做法"]
    longest = max((row[how - 1] for row in sheet.iter_rows(min_row=2)), key=lambda cell: len(str(cell.value)))
    assert longest.alignment.wrap_text


def test_a_sign_that_no_workbook_can_hold_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("deal_id,as_of,account_name\nA,2026-03-16,Bad\x01 Steel\n", "utf-8")
    score(base(), Job(str(tmp_path / "deals.csv"), str(tmp_path / "out.xlsx"), threads=1, tables=("deals",)))
    label = base().vocabulary.facts["account.name"].label.en
    assert "Bad Steel" in texts(openpyxl.load_workbook(tmp_path / "out.xlsx")["Deals"], label)


def test_ids_with_signs_that_no_workbook_can_hold_are_read_back_as_they_were(tmp_path: Path) -> None:
    ids = ["a\x07b", "a\rb", "a\nb", "ab", "a\r\nb", "a\uffffb", "a_x0007_b", "a_x005F_x0007_b", "_x0041_x0042_", "a__b", "_x"]
    deals = [{"deal_id": id_, "as_of": "2026-03-16", "account_name": f"n{id_}"} for id_ in ids]
    people = [{"deal_id": id_, "id": id_, "layer": "decision", "attitude": "resist"} for id_ in ids]
    source = str(write_jsonl(tmp_path / "in", {"deals": deals, "stakeholders": people}))
    old, new = str(tmp_path / "old.xlsx"), str(tmp_path / "new")
    score(base(), Job(source, old, threads=1, tables=("deals", "fired")))
    report = score(base(), Job(source, new, threads=1, tables=("deals", "fired"), since=old))
    assert report.changes == {"unchanged": len(ids)}
    with duckdb.connect() as database:
        for prefix, output in (("old_", old), ("new_", new)):
            read_output(database, output, ("deals", "fired"), prefix)
        fired = [database.execute(f"SELECT deal_id, rule, coalesce(about, '') FROM {prefix}fired ORDER BY ALL").fetchall()
                 for prefix in ("old_", "new_")]
    assert fired[0] == fired[1]
    assert {about for _, _, about in fired[0]} == {"", *ids}


def test_a_workbook_that_would_not_hold_a_table_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dealready.batch.workbook._MOST_ROWS", 100)
    with pytest.raises(BadSource, match="batch-too-many-rows") as refused:
        score(base(), Job(str(EXAMPLES), str(tmp_path / "out.xlsx"), threads=1, tables=("deals", "criteria")))
    assert "--tables deals" in refused.value.message("en")
    assert not list(tmp_path.iterdir())


def test_a_workbook_leaves_the_rules_that_fired_out_unless_asked(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["score", str(EXAMPLES), "-o", str(tmp_path / "out.xlsx"), "-q", "--lang", "en"])
    assert done.exit_code == 0
    assert "Rules fired" not in openpyxl.load_workbook(tmp_path / "out.xlsx").sheetnames


def test_the_step_of_a_criterion_is_not_called_the_step_that_is_proven(workbook: Path) -> None:
    book = openpyxl.load_workbook(workbook)
    headers = {title: [cell.value for cell in book[title][1]] for title in ("商机", "标准")}
    assert ("已证实步骤" in headers["商机"], "步骤" in headers["商机"]) == (True, False)
    assert ("已证实步骤" in headers["标准"], "步骤" in headers["标准"]) == (False, True)
    assert texts(book["标准"], "步骤") == {step.label.zh for step in base().steps}


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_headers_of_a_step_are_read_back_as_the_step(language: Language, tmp_path: Path) -> None:
    deals = {"deals": [{"deal_id": "A", "as_of": "2026-03-16"}]}
    target = tmp_path / "out.xlsx"
    score(base(), Job(str(write_csv(tmp_path / "in", deals)), str(target), language, threads=1, tables=("deals", "criteria")))
    with duckdb.connect() as database:
        read_output(database, str(target), ("deals", "criteria"), "read_")
        for table in ("deals", "criteria"):
            steps = database.execute(f"SELECT DISTINCT step FROM read_{table}").fetchall()
            assert {step for (step,) in steps} <= {step.id for step in base().steps}


def test_comparing_writes_the_rules_that_fired_only_where_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline that a workbook holds without them can be compared in one."""
    source = str(write_csv(tmp_path / "in", {"deals": [{"deal_id": "A", "as_of": "2026-03-16"}]}))
    score(base(), Job(source, str(tmp_path / "before"), threads=1, tables=("deals", "fired")))
    asked: dict[str, tuple[str, ...]] = {
        "left": ("--tables", "deals"), "named": ("--tables", "deals,fired"), "unasked.xlsx": (),
        "left.xlsx": ("--tables", "deals"), "named.xlsx": ("--tables", "deals,fired"),
    }
    with monkeypatch.context() as patched:
        patched.setattr("dealready.batch.workbook._MOST_ROWS", 1)
        done = run("score", source, "-o", str(tmp_path / "big.xlsx"), "--tables", "deals", "--since", str(tmp_path / "before"))
        assert done.exit_code == 0
    written = {}
    for name, tables in asked.items():
        done = run("score", source, "-o", str(tmp_path / name), *tables, "--since", str(tmp_path / "before"))
        assert (done.exit_code, "does not tell" in done.stdout) == (0, False)
        with duckdb.connect() as database:
            found = read_output(database, str(tmp_path / name), ("deals", "changes", "fired"), "read_")
        assert found[:2] == ["deals", "changes"]
        written[name] = "fired" in found
    assert written == {name: name in ("named", "named.xlsx") for name in asked}
    done = run("score", source, "-o", str(tmp_path / "later"), "--tables", "deals", "--since", str(tmp_path / "left.xlsx"))
    assert "does not tell which rules fired" in " ".join(done.stdout.split())
