"""A pipeline is scored as each of its deals would be, from any kind of input, and no bad row goes unnoticed."""

from __future__ import annotations

import csv
import functools
import importlib.util
import io
import itertools
import json
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner
from dealready.batch.canonical import lay_down
from dealready.batch.compiled import scoring_sql
from dealready.batch.contradictions import CONTRADICTIONS
from dealready.batch.engines import DuckEngine
from dealready.batch.job import Job, Stopped
from dealready.batch.parts import Aside
from dealready.batch.previous import read_output
from dealready.batch.refusal import BadSource
from dealready.batch.report import Report
from dealready.batch.run import score
from dealready.batch.screen import print_summary
from dealready.batch.sources import Opened, lay_down_deals, open_source
from dealready.batch.summary import Group, Share, Summary, summarise
from dealready.cli import cli
from dealready.engine.diagnosis import Diagnosis
from dealready.engine.outputs import OUTPUTS
from dealready.facts.deal import Deal, load_deal
from dealready.facts.tables import DEALS
from dealready.facts.tables import tables as tables_of
from dealready.facts.texts import LANGUAGES, Language
from dealready.facts.vocabulary import EFFORT
from dealready.render.document import question_text
from dealready.render.names import Names
from dealready.rules.catalogue import DOERS
from hypothesis import given
from rich.console import Console

from .pipelines import EXAMPLES, Rows, example_files, example_rows, write_parquet
from .product import base, diagnoser
from .product import run as command
from .strategies import deals as any_deals

SOAK = "DEALREADY_EXAMPLES" in os.environ
TOGETHER = 500  # generated deals scored together: planning takes as long as judging some hundred
SAMPLE = int(os.environ.get("DEALREADY_SAMPLE", "50"))  # the soak takes ten thousand
QUICK = ("deals", "criteria", "findings", "actions")  # planning the other tables takes a second a run


@functools.cache
def sql() -> Any:
    return scoring_sql(base(), OUTPUTS, most_questions=10_000)


def run(source: Path | str, target: Path, **options: Any) -> Report:
    options.setdefault("tables", QUICK)
    return score(base(), Job(str(source), str(target), threads=1, **options))


def columns(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def cell(value: Any) -> Any:
    return (";".join(value) or "-") if isinstance(value, list) else value


def write_csv(folder: Path, tables: Rows, encoding: str = "utf-8") -> Path:
    folder.mkdir(exist_ok=True)
    for table, rows in tables.items():
        with (folder / f"{table}.csv").open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, columns(rows))
            writer.writeheader()
            writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return folder


def write_jsonl(folder: Path, tables: Rows) -> Path:
    folder.mkdir()
    for name, rows in tables.items():
        lines = [json.dumps({key: cell(value) for key, value in row.items()}, default=str) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    return folder


def write_workbook(path: Path, tables: Rows) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for table, rows in tables.items():
        sheet = book.create_sheet(table)
        names = columns(rows)
        sheet.append(names)
        for row in rows:
            sheet.append([cell(row.get(name)) for name in names])
    file = path.with_suffix(".xlsx")
    book.save(file)
    return file


def write_sqlite(path: Path, tables: Rows) -> Path:
    file = path.with_suffix(".sqlite")
    with sqlite3.connect(file) as database:
        for table, rows in tables.items():
            names = columns(rows)
            quoted = ", ".join(f'"{name}"' for name in names)
            database.execute(f"CREATE TABLE {table} ({quoted})")
            values = [[None if row.get(name) is None else str(cell(row.get(name))) for name in names] for row in rows]
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", values)
    database.close()
    return file


def write_duckdb(path: Path, tables: Rows) -> Path:
    folder = write_parquet(path, tables)
    file = path.with_suffix(".duckdb")
    with duckdb.connect(str(file)) as database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} AS FROM '{folder / table}.parquet'")
    return file


KINDS: dict[str, Callable[[Path, Rows], Path]] = {
    "csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl, "workbook": write_workbook, "sqlite": write_sqlite,
    "duckdb": write_duckdb,
}


@pytest.fixture(scope="module")
def from_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("files") / "scored"
    report = run(EXAMPLES, target, format="csv", tables=OUTPUTS)
    assert (report.scored, report.rejected) == (12, 0)
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_tables_of_every_kind_score_as_the_deal_files_do(kind: str, from_files: Path, tmp_path: Path) -> None:
    source = KINDS[kind](tmp_path / "tables", example_rows(base().vocabulary))
    run(source, tmp_path / "scored", format="csv")
    for table in ("deals", "criteria", "findings", "actions", "errors"):
        assert (tmp_path / "scored" / f"{table}.csv").read_bytes() == (from_files / f"{table}.csv").read_bytes(), table


def test_the_whole_diagnosis_is_the_one_of_each_deal() -> None:
    found: list[Deal] = []

    @given(any_deals(base().vocabulary))
    def collect(deal: Deal) -> None:
        found.append(deal)

    collect()
    for first in range(0, len(found), TOGETHER):
        check_diagnoses({str(number): deal for number, deal in enumerate(found[first:first + TOGETHER], first)})


def test_the_whole_diagnosis_of_each_example_is_the_one_that_next_gives() -> None:
    examples = {path.stem: load_deal(str(path), base().vocabulary) for path in example_files()}
    assert len(examples) == 12
    check_diagnoses(examples)


def test_deals_without_any_table_of_items_are_scored_as_deals_that_list_no_items() -> None:
    examples = {path.stem: load_deal(str(path), base().vocabulary) for path in example_files()}
    check_diagnoses({name: replace(deal, items={}) for name, deal in examples.items()}, [DEALS])


def check_diagnoses(deals: dict[str, Deal], came_in: Sequence[str] = ()) -> None:
    """Assert that deals, scored together, come out as each of them is diagnosed; ``came_in`` names the tables, if not all."""
    with duckdb.connect() as database:
        database.execute("SET disabled_optimizers = 'in_clause'")
        opened = Opened()
        lay_down_deals(database, list(deals.items()), base().vocabulary, opened)
        opened.tables = list(came_in) or opened.tables
        lay_down(DuckEngine(database), base().vocabulary, opened)
        for step in sql().steps:
            database.execute(step.sql)
        tables = {name: fetched(database.execute(query)) for name, query in sql().outputs.items()}
    for deal_id, deal in deals.items():
        own = {name: [row for row in rows if row["deal_id"] == deal_id] for name, rows in tables.items()}
        check_same(diagnoser().diagnose(deal), own)


def check_same(expected: Diagnosis, own: Rows) -> None:
    """Assert that the rows of one deal say what its diagnosis says."""
    (summary,) = own["deals"]
    assert summary["step"] == expected.step.proven
    assert (summary["readiness_low"], summary["readiness_high"]) == (expected.readiness.low, expected.readiness.high)
    assert {step.id: summary[f"status_{step.id}"] for step in expected.steps} == {s.id: s.status for s in expected.steps}
    first = expected.actions[0] if expected.actions else None
    assert (summary["first_action"], summary["first_action_about"]) == ((first.id, first.with_) if first else (None, None))
    assert summary["action_count"] == len(expected.actions)
    assert summary["risk_count"] == sum(finding.kind == "risk" for finding in expected.findings)
    ranked = sorted(own["actions"], key=lambda row: row["rank"])
    assert [(row["rank"], row["action"], row["about"]) for row in ranked] == [
        (action.rank, action.id, action.with_) for action in expected.actions]
    assert {(row["finding"], row["about"]) for row in own["findings"]} == {(f.id, f.about) for f in expected.findings}
    assert {(row["rule"], row["about"]) for row in own["fired"]} == {(t.rule, t.about) for t in expected.trace}
    questions = sorted(own["questions"], key=lambda row: row["rank"])
    assert [(".".join(part for part in (row["collection"], row["fact"]) if part), row["about"], row["points"])
            for row in questions] == [(question.fact, question.about, question.points) for question in expected.questions]
    assert {row["criterion"]: row["state"] for row in own["criteria"]} == {
        criterion.id: criterion.state for step in expected.steps for criterion in step.criteria}


def fetched(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def pipeline() -> Rows:
    return {
        "deals": [
            {"deal_id": "good", "as_of": "2026-03-16", "account_name": "Good Steel"},
            {"deal_id": "bad", "as_of": "2026-03-16", "account_name": "Bad Steel"},
        ],
        "stakeholders": [
            {"deal_id": "good", "id": "a", "attitude": "支持"},
            {"deal_id": "bad", "id": "b", "attitude": "neutral"},
        ],
    }


ERROR_COLUMNS = ("table", "row", "deal_id", "column", "value", "reason")


def errors(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        return [tuple(row[name] for name in ERROR_COLUMNS) for row in csv.DictReader(file)]


def change(table: str, row: int, **values: Any) -> Callable[[Rows], None]:
    return lambda tables: tables[table][row].update(values)


def add(table: str, **values: Any) -> Callable[[Rows], None]:
    return lambda tables: tables.setdefault(table, []).append(values)


BAD_ROWS: dict[str, tuple[Callable[[Rows], None], tuple[str, str, str, str, str]]] = {
    "a value of no label": (change("stakeholders", 1, attitude="cold"), ("stakeholders", "3", "bad", "attitude", "cold")),
    "a date that does not exist": (change("deals", 1, as_of="2026-02-30"), ("deals", "3", "bad", "as_of", "2026-02-30")),
    "a number that is none": (change("deals", 1, deal_amount="12,34"), ("deals", "3", "bad", "deal_amount", "12,34")),
    "a share above one": (change("deals", 1, loyalty_repeat_rate="7"), ("deals", "3", "bad", "loyalty_repeat_rate", "7")),
    "a yes that is none": (change("deals", 1, purchase_plan="maybe"), ("deals", "3", "bad", "purchase_plan", "maybe")),
    "a member of no set": (
        change("deals", 1, needs_criteria="refined;fast"), ("deals", "3", "bad", "needs_criteria", "refined;fast")),
    "no day": (change("deals", 1, as_of=""), ("deals", "3", "bad", "as_of", "")),
    "an item without an id": (change("stakeholders", 1, id=""), ("stakeholders", "3", "bad", "id", "")),
    "an item given twice": (add("stakeholders", deal_id="bad", id="b"), ("stakeholders", "3", "bad", "id", "b")),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_told_with_its_place_and_the_other_deal_is_scored(name: str, tmp_path: Path) -> None:
    spoil, expected = BAD_ROWS[name]
    tables = pipeline()
    spoil(tables)
    report = run(write_csv(tmp_path / "in", tables), tmp_path / "out", format="csv")
    assert (report.deals, report.scored, report.rejected) == (2, 1, 1)
    told = errors(tmp_path / "out")
    assert expected in [line[:5] for line in told]
    assert all(line[5] for line in told)
    with pytest.raises(Stopped):
        run(tmp_path / "in", tmp_path / "strict", strict=True)
    assert not (tmp_path / "strict").exists()


def test_an_orphan_is_told_and_takes_nobody_with_it(tmp_path: Path) -> None:
    tables = pipeline()
    tables["stakeholders"].append({"deal_id": "nowhere", "id": "x"})
    report = run(write_csv(tmp_path / "in", tables), tmp_path / "out", format="csv")
    assert (report.deals, report.scored) == (2, 2)
    assert [line[:5] for line in errors(tmp_path / "out")] == [("stakeholders", "4", "nowhere", "deal_id", "nowhere")]


def test_a_deal_given_twice_is_scored_not_even_once(tmp_path: Path) -> None:
    tables = pipeline()
    tables["deals"].append(dict(tables["deals"][1]))
    report = run(write_csv(tmp_path / "in", tables), tmp_path / "out", format="csv")
    assert (report.deals, report.scored, report.rejected) == (3, 1, 2)


def test_a_bad_deal_file_is_one_rejected_deal(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.yaml").write_text("as_of: 2026-03-16\n", "utf-8")
    (tmp_path / "in" / "bad.yaml").write_text("as_of: yesterday\nnonsense: 1\n", "utf-8")
    report = run(tmp_path / "in", tmp_path / "out", format="csv")
    assert (report.deals, report.scored, report.rejected) == (2, 1, 1)
    assert len(errors(tmp_path / "out")) == 2


@pytest.mark.parametrize(("language", "reason"), [
    ("en", "'yes' stands here; a list was expected"), ("zh", "此处是“yes”；应为列表"),
])
def test_an_error_of_a_deal_file_tells_its_place_once(language: Language, reason: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "bad.yaml"
    file.write_text("as_of: 2026-03-16\nstakeholders: yes\n", "utf-8")
    report = run(tmp_path / "in", tmp_path / "out", format="csv", tables=("deals",), language=language)
    assert [str(error) for error in report.errors] == [f"{file}:2:stakeholders: {reason}"]


def test_a_row_without_a_day_is_told_where_a_day_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("deal_id,as_of\nA,\n", "utf-8")
    for language in LANGUAGES:
        report = run(tmp_path / "deals.csv", tmp_path / language, format="csv", tables=("deals",), language=language)
        (error,) = report.errors
        assert (error.row, error.column) == (2, "as_of")
        assert "--as-of" in error.reason
        assert "file" not in error.reason


@pytest.mark.parametrize(("written", "meant"), [
    ("1,200,000", 1200000), ("120万", 1200000), ("1.2", 1.2), ("￥3,000", 3000), ("1.2e6", 1200000),
])
def test_amounts_mean_in_a_table_what_they_mean_in_a_deal_file(written: str, meant: float, tmp_path: Path) -> None:
    tables = pipeline()
    tables["deals"][0]["deal_amount"] = written
    run(write_csv(tmp_path / "in", tables), tmp_path / "out.duckdb")
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as database:
        (found,) = database.execute("SELECT deal_amount FROM deals WHERE deal_id = 'good'").fetchone() or (None,)
    assert float(found) == meant


@pytest.mark.parametrize(("signed_on", "step"), [("2026-03-16", "service"), ("2026-03-17", "investigation")])
def test_a_signature_that_has_not_come_is_none_in_a_table_either(signed_on: str, step: str, tmp_path: Path) -> None:
    deal = {"deal_id": "one", "as_of": "2026-03-16", "contract_status": "signed", "contract_signed_on": signed_on}
    run(write_csv(tmp_path / "in", {"deals": [deal]}), tmp_path / "out.duckdb")
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as database:
        assert database.execute("SELECT step FROM deals").fetchall() == [(step,)]


def test_a_gbk_file_with_chinese_headers_is_read(tmp_path: Path) -> None:
    tables: Rows = {"deals": [{"deal_id": "钢一", "as_of": "2026年3月16日", "客户名称": "青炉特钢", "有采购计划": "是"}]}
    folder = write_csv(tmp_path / "in", tables, encoding="gb18030")
    report = run(folder, tmp_path / "out.duckdb", language="zh")
    assert report.scored == 1, report.errors
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as database:
        found = database.execute("SELECT deal_id, account_name, as_of FROM deals").fetchall()
    assert found == [("钢一", "青炉特钢", date(2026, 3, 16))]


def test_columns_that_nobody_knows_are_left_out_and_told(tmp_path: Path) -> None:
    tables = pipeline()
    tables["deals"][0]["atitude"] = "x"
    report = run(write_csv(tmp_path / "in", tables), tmp_path / "out")
    assert report.scored == 2
    assert any("atitude" in note for note in report.notes)


def test_an_output_is_never_overwritten_unasked(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in", pipeline())
    run(source, tmp_path / "out", format="csv")
    before = (tmp_path / "out" / "deals.csv").read_bytes()
    with pytest.raises(BadSource, match="batch-exists"):
        run(source, tmp_path / "out")
    run(source, tmp_path / "out", format="csv", force=True)
    assert (tmp_path / "out" / "deals.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_a_cell_cannot_run_as_a_formula(tmp_path: Path) -> None:
    tables = pipeline()
    tables["deals"][0]["account_name"] = "=cmd|' /C calc'!A0"
    source = write_csv(tmp_path / "in", tables)
    run(source, tmp_path / "out", format="csv")
    assert "'=cmd" in (tmp_path / "out" / "deals.csv").read_text("utf-8-sig")
    run(source, tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Deals"]
    (found,) = [cell for row in sheet.iter_rows() for cell in row if str(cell.value).startswith("=cmd")]
    assert found.data_type == "s"
    assert found.quotePrefix


def test_what_keeps_a_text_from_being_a_formula_is_taken_away_again(tmp_path: Path) -> None:
    texts = ["=k", "'=k", "''=k", "'k", "-1", "#;=\"", ";'", "a\tb"]
    tables: Rows = {"deals": [{"deal_id": text, "as_of": "2026-03-16", "account_name": text} for text in texts]}
    run(write_csv(tmp_path / "in", tables), tmp_path / "out", format="csv", tables=("deals",))
    written = [row["deal_id"] for row in outputs(tmp_path / "out", "deals")]
    assert {"'=k", "''=k", "'''=k", "'k", "'-1"} <= set(written)
    with duckdb.connect() as database:
        read_output(database, str(tmp_path / "out"), ("deals",), "")
        assert database.execute("SELECT deal_id, account_name FROM deals ORDER BY 1").fetchall() == [
            (text, text) for text in sorted(texts)]


@pytest.mark.parametrize("texts", [("|", "a'", ",", "'a'"), (";", "''", "#'#", "a;|")])
def test_our_own_files_are_read_as_they_were_written_whatever_signs_texts_hold(
    texts: tuple[str, ...], tmp_path: Path
) -> None:
    names = ("deal_name", "account_name", "deal_owner", "deal_team")
    values = ", ".join(f"? AS {name}" for name in names)
    with duckdb.connect() as database:
        database.execute(
            f"CREATE TABLE t AS SELECT 'A' AS deal_id, true AS scored, {values}, 12.0 AS deal_amount, 'CNY' AS deal_currency,"
            " DATE '2026-03-16' AS as_of, 'closing' AS claimed_step, 'closing' AS step, 1 AS readiness_low,"
            " 2 AS readiness_high, 3 AS criteria_met, 0 AS risk_count", texts)
        database.execute(f"COPY t TO '{tmp_path}/deals.csv' (FORMAT csv, HEADER)")
        read_output(database, str(tmp_path), ("deals",), "read_")
        assert database.execute(f"SELECT {', '.join(names)} FROM read_deals").fetchall() == [texts]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_files_of_every_kind_are_summed_up_alike_however_late_a_column_is_filled(kind: str, tmp_path: Path) -> None:
    late = {"deal_owner": "'6f1ed002-ab12-4c34-8d56-0123456789ab'", "deal_team": "'2026-01-01'", "deal_amount": "7.5",
            "deal_currency": "'EUR'", "claimed_step": "'closing'", "deal_outcome": "if(n = 21001, 'lost', 'open')"}
    values = ", ".join(f"CASE WHEN n >= 21000 THEN {value} END AS {name}" for name, value in late.items())
    duckdb.execute(
        f"COPY (SELECT 'd' || n AS deal_id, true AS scored, {values}, DATE '2026-03-16' AS as_of, 'proposal' AS step,"
        " 1 AS readiness_low, 2 AS readiness_high, 3 AS criteria_met, 0 AS risk_count FROM range(21002) AS numbers(n))"
        f" TO '{tmp_path}/deals.{kind}' (FORMAT {kind.replace('jsonl', 'json')})")
    found = summarise(str(tmp_path), [step.id for step in base().steps])
    assert found.outcomes["lost"] == Share(1, {"EUR": 7.5})
    for by, name in (("owner", late["deal_owner"].strip("'")), ("team", "2026-01-01")):
        assert [(group.name, group.deals, group.amounts, group.ahead) for group in found.by[by]] == [
            ("-", 21000, {}, 0), (name, 1, {"EUR": 7.5}, 1)]


@pytest.mark.parametrize("ids", [
    ["6f1ed002-ab12-4c34-8d56-0123456789ab", "6f1ed002-ab12-4c34-8d56-0123456789ac"], ["2026-1-5", "2026-01-06"],
    ["10:30:00", "10:31:00"],
])
def test_ids_of_an_earlier_output_are_texts_whatever_they_look_like(ids: list[str], tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in", {"deals": [{"deal_id": id_, "as_of": "2026-03-16", "deal_owner": id_} for id_ in ids]})
    run(source, tmp_path / "old", format="jsonl", tables=("deals", "fired"))
    report = run(source, tmp_path / "new", format="csv", since=str(tmp_path / "old"), tables=("deals",))
    assert report.changes == {"unchanged": 2}
    found = summarise(str(tmp_path / "old"), [step.id for step in base().steps])
    assert [group.name for group in found.by["owner"]] == sorted(ids)


@pytest.mark.parametrize("kind", ["jsonl", *(["parquet", "csv"] if SOAK else [])])
def test_an_earlier_output_of_which_no_deal_was_scored_can_be_compared_with(kind: str, tmp_path: Path) -> None:
    bad = {"deals": [{"deal_id": "A", "as_of": "2026-02-30"}]}
    run(write_csv(tmp_path / "bad", bad), tmp_path / "old", format=kind, tables=("deals", "fired"))
    source = write_csv(tmp_path / "in", {"deals": [{"deal_id": "A", "as_of": "2026-03-16"}]})
    assert run(source, tmp_path / "new", since=str(tmp_path / "old"), tables=("deals",)).changes == {"not_scored": 1}
    empty = tmp_path / "old" / f"deals.{kind}"
    if kind == "jsonl":
        empty.write_bytes(b"")
        assert run(source, tmp_path / "again", since=str(tmp_path / "old"), tables=("deals",)).changes == {"new": 1}


def test_a_name_that_somebody_took_out_of_json_lines_is_told(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in", {"deals": [{"deal_id": "A", "as_of": "2026-03-16"}]})
    run(source, tmp_path / "old", format="jsonl", tables=("deals",))
    lines = tmp_path / "old" / "deals.jsonl"
    lines.write_text(lines.read_text("utf-8").replace('"deal_owner":null,', ""), "utf-8")
    with pytest.raises(BadSource, match="batch-column-gone"):
        summarise(str(tmp_path / "old"), [])


def test_what_is_compiled_is_kept_for_one_version_of_the_sql_library(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    monkeypatch.setattr("dealready.batch.compiled.kept", lambda _kind, key, *_rest: keys.append(key))
    for version in ("30.1", "30.2"):
        monkeypatch.setattr("dealready.batch.compiled.version", lambda _name, version=version: version)
        scoring_sql(base(), OUTPUTS)
    assert len(set(keys)) == 2


def test_a_workbook_opens_with_frozen_headers_filters_and_colours(tmp_path: Path) -> None:
    run(EXAMPLES, tmp_path / "out.xlsx", language="zh", tables=OUTPUTS)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames == ["商机", "行动", "问题", "发现", "标准", "触发的规则", "未评分", "本次运行", "阅读说明", "ids"]
    sheet = book["商机"]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == f"A1:{sheet.dimensions.partition(':')[2]}"
    assert any(cell.fill.fgColor.rgb == "00FFC7CE" for row in sheet.iter_rows() for cell in row)


@pytest.mark.parametrize(("source", "code"), [("nowhere", "batch-nothing"), ("notes.txt", "batch-ending")])
def test_an_input_that_cannot_be_read_is_told(source: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    with pytest.raises(BadSource, match=code):
        run(tmp_path / source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def outputs(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def later(tables: Rows, day: str) -> Rows:
    return {name: [{**row, **({"as_of": day} if name == "deals" else {})} for row in rows] for name, rows in tables.items()}


@pytest.mark.parametrize("ending", ["", ".xlsx", *([".duckdb", ".sqlite"] if SOAK else [])])
def test_what_moved_since_an_earlier_output_is_told_with_the_rules_behind_it(ending: str, tmp_path: Path) -> None:
    before = example_rows(base().vocabulary)
    now = later(before, "2026-12-31")
    now["deals"] = [row for row in now["deals"] if row["deal_id"] != "harbour-crane-lead"]
    now["deals"].append({"deal_id": "fresh", "as_of": "2026-12-31"})
    moved = next(row for row in now["deals"] if row["deal_id"] == "steel-rolling-line")
    moved["as_of"] = before["deals"][[row["deal_id"] for row in before["deals"]].index("steel-rolling-line")]["as_of"]
    moved["opportunity_exists"] = False
    run(write_csv(tmp_path / "before", before), tmp_path / f"old{ending}", tables=("deals", "fired"))
    report = run(write_csv(tmp_path / "now", now), tmp_path / "new", format="csv", since=str(tmp_path / f"old{ending}"))
    changes = {row["deal_id"]: row for row in outputs(tmp_path / "new", "changes")}
    assert changes["fresh"]["change"] == "new"
    assert changes["harbour-crane-lead"]["change"] == "gone"
    assert changes["steel-rolling-line"]["change"] == "back"
    assert "criterion.investigation.opportunity.met" in changes["steel-rolling-line"]["rules_lost"].split(";")
    assert sum(report.changes.values()) == len(changes) == 13


def test_a_deal_that_is_paused_or_lost_is_not_stalled_and_a_stall_names_the_rules_that_say_so(tmp_path: Path) -> None:
    before: Rows = {"deals": [
        {"deal_id": "quiet", "as_of": "2026-03-16", "contact_last_customer_response": "2026-03-10"},
        {"deal_id": "paused", "as_of": "2026-03-16", "pause_reason": "budget round", "pause_until": "2026-12-01"},
        {"deal_id": "lost", "as_of": "2026-03-16", "deal_outcome": "lost"},
    ]}
    run(write_csv(tmp_path / "before", before), tmp_path / "old", tables=("deals", "fired"))
    now = write_csv(tmp_path / "now", later(before, "2026-06-30"))
    run(now, tmp_path / "new", format="csv", since=str(tmp_path / "old"), tables=("deals",))
    changes = {row["deal_id"]: row for row in outputs(tmp_path / "new", "changes")}
    assert {deal: row["change"] for deal, row in changes.items()} == {
        "quiet": "stalled", "paused": "unchanged", "lost": "unchanged"}
    assert "health.buyer-quiet-long" in changes["quiet"]["rules_gained"].split(";")


def test_a_roll_up_counts_the_deals_that_are_gone(tmp_path: Path) -> None:
    before = pipeline()
    before["deals"].append({"deal_id": "left", "as_of": "2026-03-16"})
    run(write_csv(tmp_path / "before", before), tmp_path / "old", tables=("deals", "fired"))
    now = later(before, "2026-06-30")
    now["deals"] = [now["deals"][0], {"deal_id": "bad", "as_of": "2026-02-30"}]
    run(write_csv(tmp_path / "now", now), tmp_path / "new", since=str(tmp_path / "old"), tables=("deals",))
    found = summarise(str(tmp_path / "new"), [step.id for step in base().steps])
    assert found.changes == {"stalled": 1, "gone": 1, "not_scored": 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_roll_up_has_a_line_for_the_figures_of_a_group_and_one_for_its_moves(language: Language) -> None:
    amounts, moves = {"CNY": 138_200_000.0}, {"forward": 10, "stalled": 20}
    steps = base().steps[:-1]  # in the last one a deal is won
    groups = [Group(step.id, 100, amounts, 10, 100, 100, 100, {}, moves) for step in steps]
    with io.StringIO() as screen:
        found = Summary(500, 500, {"open": Share(500, amounts)}, {"step": groups}, moves)
        print_summary(Console(file=screen, width=80), found, base(), language, 20)
        lines = [re.split(r"  +", line.strip()) for line in screen.getvalue().splitlines()]
    for step in steps:
        figures, moved = (line for line in lines if line[0] == step.label.read(language))
        assert (len(figures), figures[3:]) == (6, ["10–100%", "100", "100"])
        assert "138,200,000" in figures[2]
        assert re.findall(r"\d+", moved[1]) == ["10", "20"]


def test_a_machine_is_told_everything_by_name(tmp_path: Path) -> None:
    tables = pipeline()
    tables["stakeholders"] += [{"deal_id": "bad", "id": f"s{number}", "attitude": "cold"} for number in range(6)]
    source = write_csv(tmp_path / "in", tables)
    done = CliRunner().invoke(cli, ["score", str(source), "-o", str(tmp_path / "out"), "--json", "--tables", "deals"])
    told = json.loads(done.stdout)
    assert (told["output"], told["rule_base_hash"]) == (str(tmp_path / "out"), base().hash)
    assert (told["error_count"], len(told["errors"])) == (6, 5)
    assert told["errors"][0] | {"reason": ""} == {
        "table": "stakeholders", "row": 4, "deal_id": "bad", "column": "attitude", "value": "cold", "reason": ""}
    assert {"id", "label", "deals"} == set(told["steps"][0])


@pytest.mark.parametrize(("tables", "told"), [
    ("", "--tables is empty"), (",", "','"), ("deals,action", "did you mean 'actions'"), ("changes", "--since"),
    ("conditions,deals", "--explain"),
])
def test_tables_that_will_not_be_written_are_told(tables: str, told: str, tmp_path: Path) -> None:
    done = command("score", str(EXAMPLES), "-o", str(tmp_path / "out"), "--tables", tables)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_tables_that_tell_of_the_run_itself_may_be_named(tmp_path: Path) -> None:
    run(EXAMPLES, tmp_path / "old", tables=("deals", "fired"))
    source, target = str(EXAMPLES), tmp_path / "out"
    done = command("score", source, "-o", str(target), "--since", str(tmp_path / "old"), "--tables", "changes,errors,run")
    assert done.exit_code == 0
    assert {"changes.parquet", "errors.parquet", "run.parquet"} <= set(os.listdir(target))


def test_a_quiet_run_prints_nothing_but_errors(tmp_path: Path) -> None:
    tables = pipeline()
    source, target = write_csv(tmp_path / "in", tables), str(tmp_path / "out")
    quiet = ("score", str(source), "-o", target, "-q", "--force", "--tables", "deals")
    assert command(*quiet).output == ""
    tables["stakeholders"][1]["attitude"] = "cold"
    write_csv(tmp_path / "in", tables)
    done = command(*quiet)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "stakeholders:3:attitude:cold: " in done.stderr


def test_the_roll_up_counts_every_open_deal_once_a_kind(from_files: Path) -> None:
    found = summarise(str(from_files), [step.id for step in base().steps])
    assert (found.deals, found.scored) == (12, 12)
    assert {name: share.deals for name, share in found.outcomes.items()} == {"open": 9, "won": 2, "lost": 1}
    for groups in found.by.values():
        assert sum(group.deals for group in groups) == 9
        assert all(sum(group.steps.values()) == group.deals for group in groups)


def test_what_is_won_or_lost_stands_apart_from_the_pipeline(tmp_path: Path) -> None:
    facts = {"as_of": "2026-03-16", "deal_owner": "Ann", "deal_amount": 100, "deal_currency": "EUR"}
    source = write_csv(tmp_path / "in", {"deals": [
        facts | {"deal_id": "open", "deal_outcome": "open"}, facts | {"deal_id": "unsaid"},
        facts | {"deal_id": "won", "deal_outcome": "won"}, facts | {"deal_id": "signed", "contract_status": "signed"},
        facts | {"deal_id": "lost", "deal_outcome": "lost", "deal_claimed_step": "closing"},
    ]})
    run(source, tmp_path / "out", format="csv", tables=("deals",))
    assert [row["deal_outcome"] for row in outputs(tmp_path / "out", "deals")] == ["lost", "open", "", "", "won"]
    found = summarise(str(tmp_path / "out"), [step.id for step in base().steps])
    assert found.outcomes == {
        "open": Share(2, {"EUR": 200.0}), "won": Share(2, {"EUR": 200.0}), "lost": Share(1, {"EUR": 100.0})}
    (owner,) = found.by["owner"]
    assert (owner.name, owner.deals, owner.amounts, owner.ahead) == ("Ann", 2, {"EUR": 200.0}, 0)
    for language, words in (("en", ("open", "won", "lost")), ("zh", ("进行中", "赢单", "丢单"))):
        done = CliRunner().invoke(cli, ["summary", str(tmp_path / "out"), "--lang", language])
        assert [line.split()[1] for word in words for line in done.stdout.splitlines() if line.startswith(f"{word} ")] == [
            "2", "2", "1"]
    told = json.loads(CliRunner().invoke(cli, ["summary", str(tmp_path / "out"), "--json"]).stdout)
    assert told["outcomes"]["lost"] == {"deals": 1, "amounts": {"EUR": 100.0}}
    with (tmp_path / "out" / "deals.csv").open(encoding="utf-8") as file:
        rows = [{name: cell for name, cell in row.items() if name != "deal_outcome"} for row in csv.DictReader(file)]
    older = summarise(str(write_csv(tmp_path / "older", {"deals": rows})), [step.id for step in base().steps])
    assert {name: share.deals for name, share in older.outcomes.items()} == {"open": 4, "won": 1, "lost": 0}


def test_an_output_of_other_rules_is_summed_up_with_the_steps_that_these_do_not_have_last(tmp_path: Path) -> None:
    facts = {"as_of": "2026-03-16", "deal_amount": 0.1, "deal_currency": "EUR"}
    rows = [facts | {"deal_id": f"d{number}"} for number in range(30)]
    run(write_csv(tmp_path / "in", {"deals": rows}), tmp_path / "out", format="csv", tables=("deals",))
    file = tmp_path / "out" / "deals.csv"
    file.write_text(file.read_text("utf-8").replace(",investigation,", ",of_theirs,", 10), "utf-8")
    found = summarise(str(tmp_path / "out"), [step.id for step in base().steps])
    assert [(group.name, group.deals) for group in found.by["step"]] == [("investigation", 20), ("of_theirs", 10)]
    assert found.outcomes["open"].amounts == {"EUR": 3.0}
    done = CliRunner().invoke(cli, ["summary", str(tmp_path / "out"), "--lang", "zh"])
    assert (done.exit_code, "of_theirs" in done.stdout) == (0, True)


def test_a_folder_that_is_no_output_is_not_summarised(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="batch-not-ours"):
        summarise(str(write_csv(tmp_path / "in", pipeline())), [])


def test_a_question_is_asked_as_next_asks_it(from_files: Path) -> None:
    rows = outputs(from_files, "questions")
    assert any(row["collection"] and not row["about"] for row in rows)
    for path in example_files():
        expected = Names(base(), load_deal(str(path), base().vocabulary), "en")
        own = [row for row in rows if row["deal_id"] == path.stem]
        assert [row["question"] for row in own] == [question_text(row["fact"], row["about"], expected) for row in own]


@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_and_actions_are_worded_as_next_words_them(language: Language, tmp_path: Path) -> None:
    run(EXAMPLES, tmp_path / "out", format="csv", language=language, tables=("deals", "findings", "actions", "fired"))
    told = {name: outputs(tmp_path / "out", name) for name in ("findings", "actions", "fired")}
    assert any(row["collection"] == "signals" for row in told["fired"])
    for path in example_files():
        deal = load_deal(str(path), base().vocabulary)
        names, diagnosis = Names(base(), deal, language), diagnoser().diagnose(deal)
        own = {name: [row for row in rows if row["deal_id"] == path.stem] for name, rows in told.items()}
        assert [row["label"] for row in own["findings"]] == [
            names.fill(base().findings[found.id].label, found.about, base().findings[found.id].about)
            for found in diagnosis.findings]
        assert [row["label"] for row in own["actions"]] == [
            names.fill(base().actions[given.id].label, given.with_, base().actions[given.id].about)
            for given in diagnosis.actions]
        for row in own["fired"]:
            assert row["about_name"] == (names.item(row["collection"], row["about"]) if row["about"] else "")


def test_a_file_tells_who_acts_and_with_what_effort_by_ids_in_every_language(from_files: Path, tmp_path: Path) -> None:
    run(EXAMPLES, tmp_path / "zh", format="csv", tables=("deals", "actions"), language="zh")
    english, chinese = outputs(from_files, "actions"), outputs(tmp_path / "zh", "actions")
    for name, known in (("who", DOERS), ("effort", EFFORT)):
        assert [row[name] for row in english] == [row[name] for row in chinese]
        assert {row[name] for row in english} <= set(known)


@pytest.mark.parametrize(("option", "code"), [
    ({"as_of": "soon"}, "batch-as-of"), ({"as_of": "20260316"}, "batch-as-of"), ({"as_of": "2026-W12-1"}, "batch-as-of"),
    ({"as_of": "2026-02-30"}, "batch-as-of"), ({"memory": "plenty"}, "batch-memory"),
    ({"memory": "999999999999TB"}, "batch-memory"), ({"since": "out"}, "batch-nothing"),
    ({"memory": "100KB"}, "batch-out-of-memory"),
])
def test_an_option_that_makes_no_sense_is_told(option: dict[str, str], code: str, tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=code):
        run(EXAMPLES, tmp_path / "out", **option)
    assert not (tmp_path / "out").exists()


def test_more_memory_than_any_machine_has_is_no_limit(tmp_path: Path) -> None:
    assert run(write_csv(tmp_path / "in", pipeline()), tmp_path / "out", tables=("deals",), memory="99999TB").scored == 2


def test_names_of_folders_may_hold_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "o'brien"
    folder.mkdir()
    source = write_csv(folder / "in", pipeline())
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    for ending in ("", ".duckdb", ".sqlite", ".xlsx"):
        assert run(source, folder / f"out{ending}", tables=("deals",)).scored == 2
    summarise(str(folder / "out.duckdb"), [step.id for step in base().steps])


@pytest.mark.parametrize("day", ["2026-3-16", "2026/3/16", "2026年3月16日", "２０２６-03-16"])
def test_the_day_of_rows_without_one_is_written_as_in_a_cell(day: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in", {"deals": [{"deal_id": "A", "as_of": ""}]})
    run(source, tmp_path / "out", format="csv", tables=("deals",), as_of=day)
    assert [row["as_of"] for row in outputs(tmp_path / "out", "deals")] == ["2026-03-16"]


@pytest.mark.parametrize(("kind", "most_deals_laid_down"), [("parquet", 0), *([("csv", 20_000)] if SOAK else [])])
def test_a_run_in_parts_writes_the_bytes_of_a_run_at_once(
    kind: str, most_deals_laid_down: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dealready.batch.canonical.FEW_DEALS", most_deals_laid_down)
    tables = example_rows(base().vocabulary)
    tables["deals"] += [{"deal_id": "bad", "as_of": "2026-02-30"}, {"deal_id": "", "as_of": "2026-03-16"}]
    tables["stakeholders"].append({"deal_id": "nowhere", "id": "x"})
    run(EXAMPLES, tmp_path / "before", tables=("deals", "fired"), as_of="2026-03-01")
    source = KINDS[kind](tmp_path / "in", tables)
    kept = (*QUICK, "fired", CONTRADICTIONS)
    limits = {"once": ("MOST_DEALS", 1_000_000), "parts": ("MOST_DEALS", 5), "slices": ("_BYTES_A_ROW", 1 << 60)}
    for folder, (limit, value) in limits.items():
        with monkeypatch.context() as patched:
            patched.setattr(f"dealready.batch.parts.{limit}", value)
            report = run(source, tmp_path / folder, format="csv", since=str(tmp_path / "before"), tables=kept)
        assert (report.scored, report.rejected) == (12, 2)
    names = sorted(path.name for path in (tmp_path / "once").iterdir())
    assert {f"{name}.csv" for name in (*kept, "errors", "changes")} <= set(names)
    for name in names:
        if name != "run.csv":  # it says how long the run took
            for other in limits:
                assert (tmp_path / other / name).read_bytes() == (tmp_path / "once" / name).read_bytes(), (other, name)


def test_a_table_that_does_not_fit_into_memory_is_sorted_in_smaller_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tight:
        """A database that runs out of memory a few times."""

        def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
            self.database = database
            self.failures = 3

        def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
            if sql.startswith("COPY") and self.failures:
                self.failures -= 1
                raise duckdb.OutOfMemoryException("full")
            return self.database.execute(sql)

    run(EXAMPLES, tmp_path / "roomy", format="csv", tables=("deals", "fired"))
    tight: list[Tight] = []

    def aside(database: duckdb.DuckDBPyConnection, *rest: Any) -> Aside:
        made = Aside(database, *rest)
        tight.append(Tight(database))
        made.database = tight[0]  # type: ignore[assignment]
        return made

    monkeypatch.setattr("dealready.batch.run.Aside", aside)
    run(EXAMPLES, tmp_path / "tight", format="csv", tables=("deals", "fired"))
    assert not tight[0].failures
    for name in ("deals", "fired"):
        assert outputs(tmp_path / "tight", name) == outputs(tmp_path / "roomy", name)


def test_sampled_deals_of_the_benchmark_are_at_every_step_and_scored_as_each_would_be(tmp_path: Path) -> None:
    path = Path(__file__).parent.parent / "benchmarks" / "data.py"
    spec = importlib.util.spec_from_file_location("benchmark_data", path)
    assert spec is not None
    assert spec.loader is not None
    data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(data)
    data.write(SAMPLE, tmp_path / "in", seed=7)
    with duckdb.connect() as database:
        database.execute("SET disabled_optimizers = 'in_clause'")
        opened = open_source(database, str(tmp_path / "in"), base().vocabulary)
        read = lay_down(DuckEngine(database), base().vocabulary, opened)
        assert read.deals == SAMPLE
        for step in sql().steps:
            database.execute(step.sql)
        tables: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for name, query in sql().outputs.items():
            for row in fetched(database.execute(query)):
                tables.setdefault(row["deal_id"], {}).setdefault(name, []).append(row)
    for deal in data.sample(tmp_path / "in", base().vocabulary, SAMPLE):
        own = tables[deal.file]
        check_same(diagnoser().diagnose(deal), {name: own.get(name, []) for name in OUTPUTS})
    assert {own["deals"][0]["step"] for own in tables.values()} == {step.id for step in base().steps}


@pytest.mark.parametrize("language", LANGUAGES)
def test_columns_that_are_left_out_are_named_as_far_as_anybody_reads(language: Language, tmp_path: Path) -> None:
    row = {"deal_id": "A", "as_of": "2026-03-16", **{f"their_own_{number}": "x" for number in range(3000)}}
    report = run(write_csv(tmp_path / "in", {"deals": [row]}), tmp_path / "out", tables=("deals",), language=language)
    (note,) = report.notes
    assert note.endswith({"en": ", their_own_19, … (+2980)", "zh": "、their_own_19、… (+2980)"}[language])


@pytest.mark.parametrize(("arguments", "told"), [
    (("", "-o", "out"), {"en": "INPUT is empty", "zh": "INPUT 为空"}),
    ((str(EXAMPLES), "-o", ""), {"en": "-o is empty", "zh": "-o 为空"}),
    ((str(EXAMPLES), "-o", "out", "--since", ""), {"en": "--since is empty", "zh": "--since 为空"}),
    ((str(EXAMPLES), "-o", "out", "--rules", "a", "--rules", ""), {"en": "--rules is empty", "zh": "--rules 为空"}),
])
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_what_is_empty_is_not_taken_for_the_folder_that_one_is_in_or_for_nothing(
    arguments: tuple[str, ...], told: dict[Language, str], engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for language in LANGUAGES:
        done = command("score", *arguments, "--engine", engine, language=language)
        assert (done.exit_code, done.stdout) == (2, "")
        assert told[language] in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["a file", "files", "csv", "parquet", "a table", "workbook"])
def test_deal_files_keep_their_own_day_and_whoever_gives_another_is_told(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    rows: Rows = {table: [{"deal_id": "A", "id": "x"}] for table in tables_of(base().vocabulary)}
    rows[DEALS] = [{"deal_id": "A"}]
    if "file" in kind:
        folder.mkdir()
        (folder / "A.yaml").write_text("as_of: 2026-03-16\n", "utf-8")
        if kind == "files":
            (folder / "B.yaml").write_text("deal: {}\n", "utf-8")
    elif kind == "a table":
        write_csv(folder, {DEALS: rows[DEALS]})
    else:
        KINDS[kind](folder, rows)
    source = {"a file": folder / "A.yaml", "workbook": folder.with_suffix(".xlsx")}.get(kind, folder)
    done = command("score", str(source), "-o", str(tmp_path / "out"), "--as-of", "2026-04-01", "--tables", "deals",
                   "--format", "csv")
    told = "a deal file keeps the day that stands in it"
    ((notes, days),) = [(row["notes"], (row["as_of_first"], row["as_of_last"])) for row in outputs(tmp_path / "out", "run")]
    assert (told in " ".join(done.stdout.split()), told in notes) == ("file" in kind,) * 2
    assert days == (("2026-03-16" if "file" in kind else "2026-04-01"),) * 2
    assert done.exit_code == (1 if kind == "files" else 0)


def test_more_threads_than_any_machine_has_are_refused(tmp_path: Path) -> None:
    scoring = ("score", str(EXAMPLES), "-o", str(tmp_path / "out"))
    for threads, asked in itertools.product(("0", "1025", "100000"), (scoring, ("rules", "impact", "--deals", str(EXAMPLES)))):
        done = command(*asked, "--threads", threads)
        assert (done.exit_code, done.stdout) == (2, "")
        assert threads in done.stderr
