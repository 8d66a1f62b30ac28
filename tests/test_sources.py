"""Whatever an input looks like, its good rows are read, its bad rows are told, and nothing in between is lost."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from dealready.batch.canonical import lay_down
from dealready.batch.engines import DuckEngine
from dealready.batch.records import records
from dealready.batch.refusal import BadSource
from dealready.batch.sources import open_source
from dealready.batch.summary import summarise
from dealready.coach.impact import impact
from dealready.facts.deal import read_deal
from dealready.facts.tables import column_name
from dealready.facts.texts import LANGUAGES, Language, Text
from dealready.facts.values import BadValue, parse_value
from dealready.facts.vocabulary import Value
from hypothesis import given
from hypothesis import strategies as st

from .pipelines import write_parquet
from .test_batch import base, outputs, pipeline, run, write_csv

DAY = "2026-03-16"


@dataclass(frozen=True)
class Examined:
    """What came of reading an input, without scoring it."""

    deals: int
    rejected: list[str]
    errors: list[tuple[Any, ...]]
    ignored: list[str]
    tables: dict[str, list[dict[str, Any]]]

    @property
    def good(self) -> list[str]:
        return [row["deal_id"] for row in self.tables["deals"]]


@contextmanager
def laid_down(source: Path | str) -> Iterator[tuple[duckdb.DuckDBPyConnection, int, list[str]]]:
    with duckdb.connect() as database:
        opened = open_source(database, str(source), base().vocabulary)
        read = lay_down(DuckEngine(database), base().vocabulary, opened)
        yield database, read.deals, opened.ignored


def examine(source: Path | str) -> Examined:
    with laid_down(source) as (database, deals, ignored):
        rejected = [key for (key,) in database.execute("FROM all_rejected ORDER BY ALL").fetchall()]
        errors = database.execute('SELECT "table", "row", deal_id, "column", "value", code FROM errors ORDER BY ALL').fetchall()
        tables = {}
        for name in ("deals", "stakeholders"):
            found = database.execute(f"FROM {name} ORDER BY ALL")
            names = [column[0] for column in found.description or ()]
            tables[name] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    examined = Examined(deals, rejected, errors, ignored, tables)
    assert examined.deals == len(examined.good) + len(examined.rejected)
    return examined


def refusal(source: Path) -> tuple[str, str]:
    """Return how it is told in both languages that an input can't be used."""
    with pytest.raises(BadSource) as refused:
        examine(source)
    return refused.value.message("en"), refused.value.message("zh")


def csv_folder(folder: Path, **tables: str | bytes) -> Path:
    folder.mkdir()
    for name, text in tables.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


DEALS = f"deal_id,as_of,deal_owner\nA,{DAY},o\nB,{DAY},o\n"


@pytest.mark.parametrize(("line", "code"), [
    ("A,2,decision,resist,extra", "batch-line-cells"),
    ("A,2,decision", "batch-line-cells"),
    ('A,2,decision,"resist', "batch-line-quotes"),
    ('A,2,"decision"x,resist', "batch-line-quotes"),
])
def test_a_line_of_items_that_cannot_be_read_rejects_its_deal(line: str, code: str, tmp_path: Path) -> None:
    stakeholders = f"deal_id,id,layer,attitude\nA,1,decision,support\n{line}\nB,1,decision,accept\nB,2,operation,accept\n"
    found = examine(csv_folder(tmp_path / "in", deals=DEALS, stakeholders=stakeholders))
    assert found.errors == [("stakeholders", 3, "A", None, line, code)]
    assert (found.good, found.rejected) == (["B"], ["A"])
    assert [row["id"] for row in found.tables["stakeholders"]] == ["1", "2"]


def test_a_bad_line_of_deals_is_one_rejected_deal_however_much_is_wrong_with_it(tmp_path: Path) -> None:
    deals = f'deal_id,as_of,deal_name,deal_owner\nA,{DAY}\nB,{DAY},b,o\nC,{DAY}\nD,{DAY},"d,o\nE,{DAY},e,o\n'
    found = examine(csv_folder(tmp_path / "in", deals=deals, stakeholders="deal_id,id\nA,1\n"))
    assert (found.deals, found.good, found.rejected) == (5, ["B", "E"], ["A", "C", "D"])
    assert [error[:3] for error in found.errors] == [("deals", 2, "A"), ("deals", 4, "C"), ("deals", 5, "D")]


def test_cells_over_several_lines_and_empty_cells_at_the_end_are_no_error(tmp_path: Path) -> None:
    deals = f'deal_id,as_of,deal_name\nA,{DAY},"two\nlines"\n\nB,{DAY},b,,\nC,{DAY},\n'
    found = examine(csv_folder(tmp_path / "in", deals=deals))
    assert [row["deal_name"] for row in found.tables["deals"]] == ["two\nlines", "b", None]


PIECES = ["A,1\n", 'B,"x', 'C,"two\n', '3"\n', '"q"" ,"\n', '"', "\n", "D,1,\r\n", "E\r", '",\n', '"z"y']


@given(st.lists(st.sampled_from(PIECES)))
def test_every_line_of_a_file_is_in_one_record_or_told_to_be_none(parts: list[str]) -> None:
    text = "".join(parts)
    found = list(records(io.StringIO(text, newline=""), ","))
    assert "".join(record.text for record in found) == text
    assert [record.line for record in found] == list(accumulate((record.lines for record in found), initial=1))[:-1]
    assert all(record.lines == 1 for record in found if record.cells is None)


def cells_of(name: str, lines: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """Return what each row of a raw table of deals holds, without what is empty."""
    (folder / name).write_bytes("".join(lines).encode())
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        open_source(database, str(folder / name), base().vocabulary)
        found = database.execute("FROM raw_deals ORDER BY _row")
        names = [column[0] for column in found.description or ()]
        return [{key: cell for key, cell in zip(names, row, strict=True) if cell not in (None, "") and key != "_row"}
                for row in found.fetchall()]


def reads_alike(name: str, header: Sequence[str], good: Sequence[str], bad: Sequence[str], order: st.DataObject) -> None:
    """Hold that good lines among bad ones, in any order, are what each of them is in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        alone = {line: cells_of(name, [*header, line], Path(folder)) for line in good}
        together = order.draw(st.permutations([*good, *bad]))
        expected = [row for line in together if line in alone for row in alone[line]]
        assert cells_of(name, [*header, *together], Path(folder)) == expected
        assert cells_of(name, [*header, *good], Path(folder)) == [row for line in good for row in alone[line]]


QUOTED = st.text('ab",;\r钢 ', max_size=3).map(lambda text: '"' + text.replace('"', '""') + '"')
BLANKS = st.sampled_from(["", "", " ", "  "])
PLAIN = st.text("ab钢 ", max_size=3) | st.builds("a{}".format, st.text('a" ', max_size=3))
SPELLINGS = st.builds("{}{}{}".format, BLANKS, QUOTED, BLANKS) | st.builds(
    "{}{}{}".format, BLANKS | st.just("\t"), PLAIN, BLANKS)  # after a tab a quote would be a sign like others


@given(st.lists(st.tuples(SPELLINGS, SPELLINGS), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]),
       st.lists(st.sampled_from(["x", "x,1,2,3", "", '"a" "b",c', " , "]), max_size=2), st.data())
def test_what_a_good_line_of_csv_means_does_not_depend_on_other_lines(
    cells: list[tuple[str, str]], end: str, bad: list[str], order: st.DataObject
) -> None:
    good = [",".join([f"d{place}", *pair]) + end for place, pair in enumerate(cells)]
    reads_alike("in.csv", ["deal_id,account_name,deal_name\n"], good, [line + end for line in bad], order)


@pytest.mark.parametrize("bad", ["", f"d4,{DAY}\n", "\n"])
def test_blanks_around_the_quotes_of_a_cell_are_no_part_of_it(bad: str, tmp_path: Path) -> None:
    lines = [f'd1,{DAY}, "Smith, Jones"', f'd2,{DAY},"B" ', f'd3,{DAY}, "C"', f'd4,{DAY},   "D ""4"""  ']
    deals = "\n".join(["deal_id,as_of,account_name", *lines, bad])
    found = examine(csv_folder(tmp_path / "in", deals=deals)).tables["deals"]
    names = [row["account_name"] for row in found]
    assert names == ["Smith, Jones", "B", "C", 'D "4"'][:3 if bad.startswith("d4") else 4]


@pytest.mark.parametrize("empty", ["", "\n"])
def test_a_cell_may_hold_the_end_of_a_line_as_any_system_writes_it(empty: str, tmp_path: Path) -> None:
    deals = f'deal_id,as_of,deal_name\nd1,{DAY},C\n{empty}d2,{DAY},"A\rB"\nd3,{DAY},"A\r\nB"\n'
    found = examine(csv_folder(tmp_path / "in", deals=deals))
    assert [row["deal_name"] for row in found.tables["deals"]] == ["C", "A\rB", "A\r\nB"]


NUMBERS = st.sampled_from(["0", "-0", "1.0", "1.50", "0.8", "-2.5", "-0.0", "0.333333333", "1e3", "12345678901.1234",
                           "99999999999.9999", "123456789012345678901234567890", "true", "null", "NaN"])
STRINGS = st.text('a\\"/\t钢é😀\x7f:1.0, ', max_size=6).flatmap(
    lambda text: st.sampled_from([json.dumps(text).replace("/", "\\/"), json.dumps(text, ensure_ascii=False)]))
VALUES = st.recursive(NUMBERS | STRINGS, lambda values: st.builds(
    lambda members, between: f"[{between.join(members)}]", st.lists(values, max_size=3), st.sampled_from([",", ", ", " ,\t"])
) | st.builds('{{"k": {}}}'.format, values), max_leaves=3)
BROKEN = ["", "[]", '{"deal_id": "b",}', '{"deal_id": "b", "deal_id": "c"}', '{"deal_id": "b"', "{} {}", '{"deal_id": \'b\'}',
          '{"deal_id": "\\ud83d"}', '{"deal_id":\r"b"}', '{"deal_id": 01}', '{"deal_id": "b"} // c', '{"deal_id": "b"}{}']


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]),
       st.lists(st.sampled_from(BROKEN), max_size=2), st.data())
def test_what_a_good_line_of_json_means_does_not_depend_on_other_lines(
    values: list[tuple[str, str]], end: str, bad: list[str], order: st.DataObject
) -> None:
    good = [f'{{"deal_id": {place}, "deal_name": {one}, "note":{other} }}{end}' for place, (one, other) in enumerate(values)]
    reads_alike("in.jsonl", [], good, [line + end for line in bad], order)


@pytest.mark.parametrize("empty", ["", "\n"])
def test_a_fraction_of_json_is_rounded_and_a_whole_number_is_the_same_with_and_without_a_point(
    empty: str, tmp_path: Path
) -> None:
    (tmp_path / "deals.jsonl").write_text(
        f'{{"deal_id": 1.0, "as_of": "{DAY}", "loyalty_repeat_rate": 0.333333333}}\n{empty}', "utf-8")
    (tmp_path / "stakeholders.jsonl").write_text('{"deal_id": 1.0, "id": 1.0}\n', "utf-8")
    found = examine(tmp_path)
    assert [(row["deal_id"], float(row["loyalty_repeat_rate"])) for row in found.tables["deals"]] == [("1", 0.3333)]
    assert [(row["deal_id"], row["id"]) for row in found.tables["stakeholders"]] == [("1", "1")]


@pytest.mark.parametrize(("broken", "code"), [("{},}}", "batch-line-json"), ('{}, "deal_id": "C"}}', "batch-line-key-twice")])
@pytest.mark.parametrize("empty", ["", "\n"])
def test_no_object_of_json_is_read_that_may_mean_several(broken: str, code: str, empty: str, tmp_path: Path) -> None:
    line = broken.format(f'{{"deal_id": "B", "as_of": "{DAY}"')
    (tmp_path / "deals.jsonl").write_text(f'{{"deal_id": "A", "as_of": "{DAY}"}}\n{line}\n{empty}', "utf-8")
    found = examine(tmp_path)
    assert (found.good, found.errors) == (["A"], [("deals", 2, "B", None, line, code)])


def test_items_of_deals_that_nobody_listed_make_no_deals(tmp_path: Path) -> None:
    found = examine(csv_folder(tmp_path / "in", deals=DEALS, stakeholders="deal_id,id\nZ,1\nZ,1\n"))
    assert (found.deals, found.rejected) == (2, [])


def test_every_deal_that_came_in_stands_in_the_output(tmp_path: Path) -> None:
    deals = f"deal_id,as_of,deal_owner\nA,{DAY},o\nA,{DAY},o\nB,{DAY},o\n,{DAY},o\nC,2026-02-30,o\nD,{DAY}\n"
    report = run(csv_folder(tmp_path / "in", deals=deals), tmp_path / "out", format="csv", tables=("deals",))
    assert (report.deals, report.scored, report.rejected) == (6, 1, 5)
    assert [row["deal_id"] for row in outputs(tmp_path / "out", "deals")] == ["", "A", "A", "B", "C", "D"]
    again = run(tmp_path / "in", tmp_path / "again", format="csv", tables=("deals",), since=str(tmp_path / "out"))
    assert again.changes == {"unchanged": 1, "not_scored": 3}


def test_deal_files_with_problems_stand_in_the_output_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text("as_of: yesterday\n", "utf-8")
    found = examine(folder)
    assert found.rejected == ["one", "two"]
    assert {error[2] for error in found.errors} == {"one", "two"}


def test_rows_are_numbered_as_a_person_finds_them(tmp_path: Path) -> None:
    deals = f"deal_id,as_of\nA,{DAY},x\n\nB,2026-02-30\nC,{DAY}\n"
    assert [error[:3] for error in examine(csv_folder(tmp_path / "in", deals=deals)).errors] == [
        ("deals", 2, "A"), ("deals", 4, "B")]
    rows: list[list[Any]] = [["deal_id", "as_of"], ["A", DAY], [], [None, None], ["B", "2026-02-30"]]
    assert [error[:3] for error in examine(workbook(tmp_path / "in.xlsx", deals=rows)).errors] == [("deals", 5, "B")]
    lines = tmp_path / "in.jsonl"
    lines.write_text(f'{{"deal_id": "A", "as_of": "{DAY}"}}\n\n{{"deal_id": "B", "as_of": "2026-02-30"}}\n', "utf-8")
    assert [error[:3] for error in examine(lines).errors] == [("deals", 3, "B")]


BLANKS = [",,", " , ,\u3000", "   ", "\u00a0", '"","",""', ",,,,,", "\t"]


@pytest.mark.parametrize("bad", ["", f"C,{DAY}\n"])
@pytest.mark.parametrize("blank", BLANKS)
def test_a_line_of_blanks_is_no_row(blank: str, bad: str, tmp_path: Path) -> None:
    deals = f"{blank}\ndeal_id,as_of,deal_name\nA,{DAY},a\n{blank}\nB,2026-02-30,b\n{bad}{blank}\n{blank}\n"
    found = examine(csv_folder(tmp_path / "in", deals=deals))
    assert (found.deals, found.good) == (2 + bool(bad), ["A"])
    assert [error[:3] for error in found.errors] == [("deals", 5, "B"), ("deals", 6, "C")][:1 + bool(bad)]


def test_a_blank_line_is_no_row_of_a_single_column(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", deals="deal_id\nA\n\n \nB\n\n")
    report = run(source, tmp_path / "out", as_of=DAY, format="csv", tables=("deals",))
    assert (report.deals, report.scored) == (2, 2)


@pytest.mark.parametrize("blank", ["{}", '{"deal_id": null}', '{"deal_id": " ", "as_of": ""}'])
@pytest.mark.parametrize("bad", ["", "[]\n"])
def test_an_object_without_anything_in_it_is_no_row(blank: str, bad: str, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(f'{blank}\n{{"deal_id": "A", "as_of": "{DAY}"}}\n{blank}\n{{"deal_id": "B"}}\n{bad}{blank}', "utf-8")
    found = examine(file)
    assert (found.deals, found.good) == (2 + bool(bad), ["A"])
    assert found.errors[0][:3] == ("deals", 4, "B")


def test_a_blank_row_of_a_workbook_or_database_is_none(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["deal_id", "as_of"], ["A", DAY], [None, None], [" ", "\u3000"], ["B", "2026-02-30"], ["", None]]
    found = examine(workbook(tmp_path / "in.xlsx", deals=[[], *rows]))
    assert (found.deals, found.good, found.errors[0][:3]) == (2, ["A"], ("deals", 6, "B"))
    values = ", ".join(f"('{row[0]}', '{row[1]}')" for row in rows[1:]).replace("'None'", "NULL")
    statements = ("CREATE TABLE deals (deal_id TEXT, as_of TEXT)", f"INSERT INTO deals VALUES {values}")
    with sqlite3.connect(tmp_path / "in.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    for source in (tmp_path / "in.sqlite", duckdb_file(tmp_path / "in.duckdb", *statements)):
        found = examine(source)
        assert (found.deals, found.good, found.errors[0][:3]) == (2, ["A"], ("deals", 4, "B"))


def test_json_lines_may_hold_values_of_any_type_and_a_broken_line_is_one_error(tmp_path: Path) -> None:
    good = [
        f'{{"deal_id": 1, "as_of": "{DAY}", "deal_amount": 1200000, "purchase_plan": true}}',
        f'{{"deal_id": "A", "as_of": "{DAY}", "deal_amount": "120万", "needs_criteria": ["refined"]}}',
    ]
    broken = f'{{"deal_id": "B", "as_of": "{DAY}", '
    for lines, errors in ((good, []), ([*good, broken], [("deals", 3, "B", None, broken.strip(), "batch-line-json")])):
        file = tmp_path / "deals.jsonl"
        file.write_text("\n".join(lines), "utf-8")
        found = examine(file)
        assert found.errors == errors
        told = [tuple(row[name] for name in ("deal_id", "deal_amount", "purchase_plan", "needs_criteria"))
                for row in found.tables["deals"]]
        assert told == [("1", 1200000, True, None), ("A", 1200000, None, ["refined"])]


def test_half_a_sign_costs_no_more_than_its_line(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    lines = [f'{{"deal_id": "a\\ud83d", "as_of": "{DAY}"}}', f'{{"deal_id": "B", "as_of": "{DAY}", "\\uDE00": 1}}',
             f'{{"deal_id": "C", "as_of": "{DAY}", "deal_name": "\\ud83d\\ude00"}}']
    file.write_text("\n".join(lines), "utf-8")
    found = examine(file)
    assert [(row["deal_id"], row["deal_name"]) for row in found.tables["deals"]] == [("C", "😀")]
    assert found.errors == [("deals", 1, "a\\ud83d", None, lines[0], "batch-line-sign"),
                            ("deals", 2, "B", None, lines[1], "batch-line-sign")]


def test_a_text_of_sqlite_that_is_not_utf8_costs_no_more_than_its_row(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "in.sqlite") as database:
        database.execute("CREATE TABLE deals (deal_id TEXT, as_of TEXT, deal_name TEXT)")
        database.execute(f"INSERT INTO deals VALUES ('A', '{DAY}', CAST(x'c7e0' AS TEXT)), ('B', '{DAY}', '青炉特钢')")
    database.close()
    found = examine(tmp_path / "in.sqlite")
    assert [row["deal_name"] for row in found.tables["deals"]] == ["青炉特钢"]
    assert [(error[1], error[2], error[5]) for error in found.errors] == [(1, "A", "batch-line-sign")]


def test_the_name_of_a_deal_file_need_not_be_utf8(tmp_path: Path) -> None:
    for name, text in (("good", f"as_of: {DAY}"), ("bad", "as_of: soon"), ("note.txt", "")):
        file = tmp_path / os.fsdecode(name.encode() + b"\xc7\xe0" + b".yaml" * ("." not in name))
        file.write_text(text, "utf-8")
    found = examine(tmp_path)
    assert (found.good, found.rejected) == (["good\\udcc7\\udce0"], ["bad\\udcc7\\udce0"])
    assert found.ignored == ["note.txt\\udcc7\\udce0"]


def test_sqlite_and_workbooks_say_yes_as_one_and_numbers_lose_what_arithmetic_added(tmp_path: Path) -> None:
    file = tmp_path / "in.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE deals (deal_id, as_of, purchase_plan, opportunity_exists, deal_amount REAL)")
        database.execute(f"INSERT INTO deals VALUES ('A', '{DAY}', 1, 0, 1234567.891234)")
    database.close()
    header = ["deal_id", "as_of", "purchase_plan", "opportunity_exists", "deal_amount"]
    for source in (file, workbook(tmp_path / "in.xlsx", deals=[header, ["A", DAY, 1, 0, 1234567.891234]])):
        (deal,) = examine(source).tables["deals"]
        assert (deal["purchase_plan"], deal["opportunity_exists"], float(deal["deal_amount"])) == (True, False, 1234567.8912)


def test_the_numbers_of_a_parquet_file_are_read_alike(tmp_path: Path) -> None:
    rows = {"deals": [{"deal_id": 1.0, "as_of": DAY, "purchase_plan": 1.0, "opportunity_exists": 0, "deal_amount": 1e6 / 3}]}
    (deal,) = examine(write_parquet(tmp_path / "in", rows)).tables["deals"]
    assert (deal["deal_id"], deal["purchase_plan"], deal["opportunity_exists"]) == ("1", True, False)
    assert float(deal["deal_amount"]) == 333333.3333


@pytest.mark.parametrize("written", [
    {"budget.status": "Approved", "deal.claimed_step": "Closing", "deal.currency": "cny", "needs.criteria": "REFINED"},
    {"budget.status": "APPROVED", "deal.claimed_step": "CLOSING", "deal.currency": "Cny", "needs.criteria": "Refined"},
])
def test_capitals_make_no_difference_to_a_value(written: dict[str, str], tmp_path: Path) -> None:
    meant: dict[str, Any] = dict(zip(written, ("approved", "closing", "CNY", ("refined",)), strict=True))
    header, cells = ",".join(written), ",".join(written.values())
    (row,) = examine(csv_folder(tmp_path / "in", deals=f"deal_id,as_of,{header}\nA,{DAY},{cells}\n")).tables["deals"]
    assert {fact: row[column_name(fact)] for fact in written} == meant | {"needs.criteria": ["refined"]}
    file = json.dumps({"as_of": DAY, **written, "needs.criteria": [written["needs.criteria"]]}).encode()
    deal = read_deal(file, "x.json", base().vocabulary)
    assert {fact: deal.get(fact) for fact in written} == meant


def test_values_that_differ_by_capitals_only_are_told_apart() -> None:
    values = tuple(Value(name, Text(name, name)) for name in ("mW", "MW", "kW"))
    fact = replace(base().vocabulary.facts["budget.status"], values=values)
    assert [parse_value(fact, written) for written in ("mW", "MW", "KW")] == ["mW", "MW", "kW"]
    with pytest.raises(BadValue, match="not-a-value"):
        parse_value(fact, "mw")


@pytest.mark.parametrize(("meant", "words"), [
    (True, ["yes", "YES", "Y", "true", "on", "1", "是", "是的", "对", "√"]),
    (False, ["no", "NO", "N", "False", "off", "0", "否", "不是", "不对", "×"]),
])
def test_yes_and_no_may_be_said_in_many_ways(meant: bool, words: list[str], tmp_path: Path) -> None:
    rows = "".join(f"{place},{DAY},{word}\n" for place, word in enumerate(words))
    told = examine(csv_folder(tmp_path / "in", deals=f"deal_id,as_of,purchase.plan\n{rows}")).tables["deals"]
    assert [row["purchase_plan"] for row in told] == [meant] * len(words)
    for word in words:
        deal = read_deal(f"as_of: {DAY}\npurchase.plan: {word}\n".encode(), "x.yaml", base().vocabulary)
        assert deal.get("purchase.plan") is meant


@pytest.mark.parametrize(("word", "meant"), [("yes", True), ("Y", True), ("是", True), ("no", False), ("否", False)])
def test_that_a_collection_is_known_may_be_said_as_any_yes(word: str, meant: bool, tmp_path: Path) -> None:
    (deal,) = examine(csv_folder(tmp_path / "in", deals=f"deal_id,as_of,visits_listed\nA,{DAY},{word}\n")).tables["deals"]
    assert deal["visits_listed"] is meant


def test_a_word_that_is_neither_yes_nor_no_is_answered_with_all_that_may_be_written(tmp_path: Path) -> None:
    text = f"deal_id,as_of,purchase.plan\nA,{DAY},soon\n"
    for language in LANGUAGES:
        report = run(csv_folder(tmp_path / language, deals=text), tmp_path / f"out-{language}", format="csv",
                     tables=("deals",), language=language)
        for pair in (("yes", "no"), ("是", "否"), ("1", "0"), ("true", "false")):
            assert all(word in report.errors[0].reason for word in pair)


def test_a_formula_whose_result_is_not_stored_rejects_its_deal_and_is_not_taken_for_an_unknown(tmp_path: Path) -> None:
    header = ["deal_id", "as_of", "deal_amount", "account_name", "remark"]
    rows: list[list[Any]] = [
        header, ["A", DAY, "=1+1", "=B2", "r"], ["B", DAY, 2, "b", "=1+1"], ["C", DAY, 2], [None, None, None, None, "=1+1"],
        ["=1+1", DAY],
    ]
    sheets = {"deals": rows, "stakeholders": [["deal_id", "id", "=A1"], ["C", "1"], ["C", "=1+1"]]}
    found = examine(workbook(tmp_path / "in.xlsx", **sheets))
    assert (found.deals, found.good) == (4, ["B"])
    assert found.errors == [
        ("deals", 2, "A", None, "=1+1, =B2", "batch-formula"), ("deals", 6, None, None, "=1+1", "batch-formula"),
        ("stakeholders", 3, "C", None, "=1+1", "batch-formula"),
    ]
    report = run(tmp_path / "in.xlsx", tmp_path / "out", format="csv", tables=("deals",))
    assert "C2, D2" in report.errors[0].reason
    assert any(note.endswith(": =A1") for note in report.notes)


def test_a_formula_whose_result_is_stored_is_read_by_its_result(tmp_path: Path) -> None:
    rows = [["deal_id", "as_of", "deal_amount", "account_name"], ["A", DAY, "=1+1", '=""']]
    stored = tmp_path / "stored.xlsx"
    with zipfile.ZipFile(workbook(tmp_path / "in.xlsx", deals=rows)) as plain, zipfile.ZipFile(stored, "w") as packed:
        for name in plain.namelist():
            text = plain.read(name)
            if name.endswith("sheet1.xml"):  # as a spreadsheet program writes it
                number, empty = b"<f>1+1</f><v />", b'<c r="D2"><f>""</f><v />'
                assert number in text
                assert empty in text
                text = text.replace(number, b"<f>1+1</f><v>2</v>").replace(empty, b'<c r="D2" t="str"><f>""</f><v></v>')
            packed.writestr(name, text)
    (deal,) = examine(stored).tables["deals"]
    assert (deal["deal_amount"], deal["account_name"]) == (2, None)


MIDNIGHT = dt.datetime(2026, 3, 16)  # noqa: DTZ001 a workbook knows no time zones
AT_WORK = dt.datetime(2026, 3, 16, 8, 30)  # noqa: DTZ001


@pytest.mark.parametrize("cell", [MIDNIGHT, dt.date(2026, 3, 16), AT_WORK, 46097, 46097.5, "2026年3月16日"])
def test_a_workbook_may_write_a_day_in_any_way(cell: Any, tmp_path: Path) -> None:
    rows = [["deal_id", "资料日期", "deal_amount"], ["A", cell, 46097]]
    (deal,) = examine(workbook(tmp_path / "in.xlsx", deals=rows)).tables["deals"]
    assert (deal["as_of"], deal["deal_amount"]) == (dt.date(2026, 3, 16), 46097)


def test_each_line_of_a_mixed_file_is_read_in_its_own_encoding(tmp_path: Path) -> None:
    lines = [b"deal_id,as_of,deal_name\n", f"A,{DAY},青炉特钢\n".encode(), f"B,{DAY},东港起重\n".encode("gbk"),
             f"C,{DAY},".encode() + b"\xff\xff\n", f"D,{DAY},d\n".encode()]
    found = examine(csv_folder(tmp_path / "in", deals=b"".join(lines)))
    assert [row["deal_name"] for row in found.tables["deals"]] == ["青炉特钢", "东港起重", "d"]
    assert [(error[1], error[2], error[5]) for error in found.errors] == [(4, "C", "batch-line-encoding")]


@pytest.mark.parametrize("encoding", ["gbk", "utf-16"])
def test_an_encoding_that_shows_late_in_a_file_is_told_and_no_copy_is_left(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    many = "".join(f"{number},{DAY},{'x' * 200}\n" for number in range(6000))
    found = examine(csv_folder(tmp_path / "in", deals=f"deal_id,as_of,deal_name\n{many}Z,{DAY},青炉特钢\n".encode(encoding)))
    assert (found.deals, found.rejected) == (6001, [])
    assert found.tables["deals"][-1]["deal_name"] == "青炉特钢"
    assert not list(scratch.iterdir())


def test_a_huge_cell_is_one_rejected_deal_and_is_shown_cut_short(tmp_path: Path) -> None:
    deals = f"deal_id,as_of,deal_amount\nA,{DAY},{'9' * 40_000}\nB,{DAY},1\nC,{DAY},{'x' * 3_000_000}\n"
    found = examine(csv_folder(tmp_path / "in", deals=deals))
    assert (found.good, found.rejected) == (["B"], ["A", "C"])
    assert max(len(error[4]) for error in found.errors) == 200


@pytest.mark.parametrize("header", [
    'deal_id;"Amount, gross, net, and so on";as_of', 'deal_id;"say ""a, b, c, d""";as_of', '"deal_id";"a|b|c|d";"as_of"',
])
def test_what_stands_in_quotes_separates_nothing(header: str, tmp_path: Path) -> None:
    assert examine(csv_folder(tmp_path / "in", deals=f"{header}\nA;2;{DAY}\n")).good == ["A"]


@pytest.mark.parametrize("said", ["sep=;\n", "\ufeffsep=;\r\n", '"sep=;"\n', "SEP=;\n"])
@pytest.mark.parametrize("more", ["", "D;,;,,;\n"])
def test_a_first_line_that_tells_what_separates_cells_is_obeyed(said: str, more: str, tmp_path: Path) -> None:
    deals = f"{said}deal_id;Amount, gross, net;as_of\nA;2;{DAY}\nB;2;2026-02-30\n{more}"
    found = examine(csv_folder(tmp_path / "in", deals=deals))
    assert found.good == ["A"]
    assert [error[:3] for error in found.errors] == [("deals", 4, "B"), ("deals", 5, "D")][:1 + bool(more)]


@pytest.mark.parametrize("header", ["商机编号,资料日期", "Deal ID,as_of", "DEAL_ID,AS_OF"])
def test_keys_may_be_headed_in_either_language(header: str, tmp_path: Path) -> None:
    assert examine(csv_folder(tmp_path / "in", deals=f"{header}\nA,{DAY}\n")).good == ["A"]


@pytest.mark.parametrize(("language", "told"), [
    ("en", "colour, deal_amuont (perhaps deal_amount?), deal_amount (the same column as 'deal.amount', which is used), "
           "金额 (the same column as 'deal.amount', which is used), AS_OF_1 (the same column as 'as_of', which is used)"),
    ("zh", "colour、deal_amuont（可能是 deal_amount？）、deal_amount（与“deal.amount”是同一列，已采用后者）、"
           "金额（与“deal.amount”是同一列，已采用后者）、AS_OF_1（与“as_of”是同一列，已采用后者）"),
])
def test_a_column_that_is_there_twice_is_told_to_be_so_and_not_to_be_unknown(
    language: Language, told: str, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text(
        f"deal_id,as_of,colour,deal_amuont,deal.amount,deal_amount,金额,AS_OF\nA,{DAY},red,0,1,2,3,2020-01-01\n", "utf-8")
    report = run(tmp_path / "in.csv", tmp_path / "out", format="csv", tables=("deals",), language=language)
    (note,) = report.notes
    assert note.endswith(told)
    assert report.rejected == 0
    (deal,) = examine(tmp_path / "in.csv").tables["deals"]
    assert (deal["deal_amount"], str(deal["as_of"])) == (1, DAY)


@pytest.mark.parametrize("tables", [
    {"deals": ""}, {"deals": "x\n1\n"}, {"deals": DEALS, "stakeholders": "id,layer\n1,decision\n"},
    {"deals": DEALS, "stakeholders": "deal_id,layer\nA,decision\n"},
])
def test_a_table_without_its_keys_is_told_once(tables: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="batch-no-key"):
        examine(csv_folder(tmp_path / "in", **tables))


def test_an_output_is_not_taken_for_an_input(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "in", pipeline()), tmp_path / "out.duckdb", tables=("deals",))
    with pytest.raises(BadSource, match="batch-is-output"):
        examine(tmp_path / "out.duckdb")


def duckdb_file(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as database:
        for statement in statements:
            database.execute(statement)
    return path


JUNK = {
    "junk.sqlite": "batch-not-database", "junk.duckdb": "batch-not-database", "junk.db": "batch-not-database",
    "junk.xlsx": "batch-not-workbook", "junk.parquet": "batch-not-parquet",
}


@pytest.mark.parametrize(("name", "code"), JUNK.items())
def test_what_cannot_be_read_is_told_in_our_own_words_and_never_in_a_traceback(name: str, code: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"junk " * 1000)
    with pytest.raises(BadSource, match=code):
        examine(tmp_path / name)
    if not name.endswith("parquet"):
        with pytest.raises(BadSource, match=code):
            summarise(str(tmp_path / name), [])
    assert not re.search("file|error|database", refusal(tmp_path / name)[1], re.IGNORECASE)


@pytest.mark.parametrize("holds", ["", "[Content_Types].xml", "word/document.xml"])
def test_a_packed_file_that_is_no_workbook_is_told_to_be_none(holds: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w") as file:
        if holds:
            file.writestr(holds, '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>')
    with pytest.raises(BadSource, match="batch-not-workbook"):
        examine(tmp_path / "in.xlsx")


def test_a_workbook_without_anything_in_it_has_no_key(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="batch-no-key"):
        examine(workbook(tmp_path / "empty.xlsx", deals=[]))


@pytest.mark.parametrize("name", ["in.csv", "in.xlsx", "in.sqlite", "in.duckdb", "in.parquet"])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_to_be_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch(mode=0)
    with pytest.raises(BadSource, match="batch-no-permission"):
        examine(tmp_path / name)


def test_two_tables_of_the_same_meaning_are_told(tmp_path: Path) -> None:
    twice = duckdb_file(tmp_path / "twice.duckdb", "CREATE TABLE deals AS SELECT 'A' AS deal_id", "CREATE SCHEMA crm",
                        "CREATE TABLE crm.deals AS SELECT 'A' AS deal_id")
    sheets = workbook(tmp_path / "twice.xlsx", deals=[["deal_id"], ["A"]], 商机=[["deal_id"], ["B"]])
    for source in (twice, sheets):
        with pytest.raises(BadSource, match="batch-table-twice"):
            examine(source)


def test_the_views_of_a_duckdb_file_are_read(tmp_path: Path) -> None:
    file = duckdb_file(tmp_path / "in.duckdb", f"CREATE TABLE crm AS SELECT 'A' AS deal_id, '{DAY}' AS as_of",
                       "CREATE VIEW deals AS FROM crm")
    assert examine(file).good == ["A"]


def test_a_table_may_lie_in_many_parquet_files(tmp_path: Path) -> None:
    rows = pipeline()
    rows["deals"] = rows["deals"] + [{"deal_id": f"more{number}", "as_of": DAY, "account_name": "x"} for number in range(5)]
    folder = write_parquet(tmp_path / "in", rows, parts=2)
    (folder / "deals.parquet" / "_SUCCESS").touch()
    (folder / "stakeholders.parquet").rename(folder / "stakeholders")
    whole = examine(write_parquet(tmp_path / "whole", rows))
    assert examine(folder).tables == whole.tables
    partitioned = tmp_path / "partitioned" / "deals"
    for place, row in enumerate(rows["deals"]):
        part = partitioned / f"account_name={row['account_name']}"
        part.mkdir(parents=True, exist_ok=True)
        duckdb.execute(f"COPY (SELECT '{row['deal_id']}' AS deal_id, '{DAY}' AS as_of) TO '{part}/{place}.parquet'")
    told = [{name: row[name] for name in ("deal_id", "account_name")} for row in examine(partitioned.parent).tables["deals"]]
    assert told == [{name: row[name] for name in ("deal_id", "account_name")} for row in whole.tables["deals"]]


def parts(folder: Path, *selects: str) -> Path:
    """Write deals as a folder of Parquet files, each with columns of its own."""
    folder.mkdir(parents=True)
    for number, select in enumerate(selects):
        duckdb.execute(f"COPY (SELECT {select}, DATE '{DAY}' AS as_of) TO '{folder}/part-{number}.parquet'")
    return folder.parent


@pytest.mark.parametrize(("selects", "told"), [
    (("'A' AS deal_id", "'B' AS deal_id, 5 AS deal_amount, 'closing' AS deal_claimed_step"),
     [("A", None, None), ("B", 5, "closing")]),
    (("'A' AS deal_id, 5 AS deal_amount, 'closing' AS deal_claimed_step", "'B' AS deal_id"),
     [("A", 5, "closing"), ("B", None, None)]),
    (("7 AS deal_id, 5 AS deal_amount", "'007' AS deal_id, CAST(7.5 AS DOUBLE) AS deal_amount"),
     [("007", 7.5, None), ("7", 5, None)]),
    (("'A' AS deal_id, 5 AS deal_amount", "'B' AS DEAL_ID, '120万' AS Deal_Amount"), [("A", 5, None), ("B", 1_200_000, None)]),
    (("'A' AS deal_id, NULL AS deal_claimed_step", "'B' AS deal_id, 'Closing' AS deal_claimed_step"),
     [("A", None, None), ("B", None, "closing")]),
])
def test_parquet_files_of_different_schemas_are_united_by_name_and_no_value_changes(
    selects: tuple[str, ...], told: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    found = examine(parts(tmp_path / "in" / "deals", *selects))
    assert [(row["deal_id"], row["deal_amount"], row["deal_claimed_step"]) for row in found.tables["deals"]] == told
    assert found.errors == []


@pytest.mark.parametrize(("column", "values", "read"), [
    ("deal_opened", ("DATE '2026-01-05'", "TIMESTAMP '2026-01-05 10:30:00'", "'2026年1月5日'"), dt.date(2026, 1, 5)),
    ("opportunity_exists", ("true", "1", "'是'", "CAST(1 AS DOUBLE)"), True),
    ("profile_material", ("['text', 'image']", "'text;图片'", "'[\"text\", \"image\"]'::JSON"), ["text", "image"]),
    ("deal_amount", ("CAST(0.1 AS FLOAT)", "0.10", "'0.1'", "CAST(0.1 AS DECIMAL(30, 12))"), Decimal("0.1")),
])
def test_a_value_means_the_same_whatever_types_its_column_has_in_other_files(
    column: str, values: tuple[str, ...], read: object, tmp_path: Path
) -> None:
    selects = (f"'{number}' AS deal_id, {value} AS {column}" for number, value in enumerate(values))
    found = examine(parts(tmp_path / "in" / "deals", *selects))
    assert [row[column] for row in found.tables["deals"]] == [read] * len(values)
    assert found.errors == []


def test_parquet_files_of_one_schema_are_read_where_they_are(tmp_path: Path) -> None:
    with duckdb.connect() as database:
        open_source(database, str(parts(tmp_path / "in" / "deals", "'A' AS deal_id", "'B' AS deal_id")), base().vocabulary)
        ((view,),) = database.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'raw_deals'").fetchall()
    assert ("UNION" in view, view.count("read_parquet")) == (False, 1)


@pytest.mark.parametrize("damaged", ["deals.parquet", "deals/part-1.parquet"])
@pytest.mark.parametrize(("first", "last"), [(20, 400), (-400, -300), (0, None)])  # a page, the end, everything
def test_a_parquet_file_that_is_damaged_is_named_and_nothing_is_written(
    damaged: str, first: int, last: int | None, tmp_path: Path
) -> None:
    folder = parts(tmp_path / "in" / "deals", *(f"'{n}' AS deal_id, md5('{n}') AS account_name" for n in range(3)))
    if damaged == "deals.parquet":
        (folder / "deals" / "part-0.parquet").rename(folder / damaged)
        shutil.rmtree(folder / "deals")
    file = folder / damaged
    data = bytearray(file.read_bytes())
    data[first:last] = b"\xff" * (last - first) if last is not None else b""
    file.write_bytes(data)
    for command in ("score", "impact"):
        with pytest.raises(BadSource, match=r"batch-(damaged|not-parquet)") as refused:
            run(folder, tmp_path / "out") if command == "score" else impact(base(), base(), str(folder))
        assert refused.value.message("en").startswith(f"{damaged}: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_deal_files_beside_tables_are_told_to_be_left_out(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", deals=DEALS)
    (folder / "acme.yaml").write_text(f"as_of: {DAY}\n", "utf-8")
    assert examine(folder).ignored == ["acme.yaml"]


def test_what_is_not_read_of_a_folder_of_tables_is_told(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", deals=DEALS)
    workbook(folder / "signals.xlsx", signals=[["deal_id", "id"]])
    for name in ("visits.txt", "problems.parquet.gz", ".DS_Store", "~$signals.xlsx"):
        (folder / name).touch()
    (folder / "stakeholders").mkdir()
    (folder / "stakeholders" / "part-0.csv").write_text("deal_id,id\nA,1\n", "utf-8")
    assert examine(folder).ignored == ["problems.parquet.gz", "signals.xlsx", "stakeholders/", "visits.txt"]


def test_what_is_not_read_of_a_folder_of_parquet_files_is_told(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "in", pipeline(), parts=2)
    for name in ("_SUCCESS", ".part-0.parquet.crc", "part-9.csv"):
        (folder / "deals.parquet" / name).touch()
    assert examine(folder).ignored == ["deals.parquet/part-9.csv"]


@pytest.mark.parametrize("kind", ["clean", "mixed", "workbook"])
def test_a_column_without_a_header_is_told_if_there_is_anything_in_it(kind: str, tmp_path: Path) -> None:
    header, nothing_else = ["deal_id", "", "deal_name", "as_of", ""], ["", "one more", "", "", ""]
    rows = [header, ["A", "", "x", DAY, " "], ["B", "a note", "y", DAY, ""], nothing_else]
    if kind == "workbook":
        source = workbook(tmp_path / "in.xlsx", deals=rows)
    else:
        lines, source = "\n".join(map(",".join, rows)).encode(), tmp_path / "deals.csv"
        mixed = lines.replace(b"x", "钢".encode("gb18030")).replace(b"y", "钢".encode())
        source.write_bytes(mixed if kind == "mixed" else lines)
    with laid_down(source) as (database, deals, _):
        assert deals == 2
        assert list(DuckEngine(database).columns("raw_deals")) == ["_row", "deal_id", "_nameless_2", "deal_name", "as_of"]
    run(source, tmp_path / "out", language="zh", format="csv")
    (told,) = outputs(tmp_path / "out", "run")
    assert told["notes"] == "deals 中未识别或重复、已略过的列：第 2 列（无表头）"


def test_an_input_without_a_table_of_deals_is_told_by_the_names_of_what_was_found(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", north=DEALS, south=DEALS, visits="deal_id,id\n")
    sheets = workbook(tmp_path / "in.xlsx", Sheet1=[["deal_id"]], Sheet2=[["deal_id"]])
    for source, found in ((folder, "visits, north.csv, south.csv"), (sheets, "Sheet1, Sheet2")):
        for told in refusal(source):
            assert found in told
            assert "deals" in told
            assert "商机" in told


def test_a_folder_of_which_nothing_can_be_read_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    workbook(tmp_path / "in" / "pipeline.xlsx", deals=[["deal_id"]])
    for told in refusal(tmp_path / "in"):
        assert "pipeline.xlsx" in told


def deal_folder(folder: Path) -> Path:
    (folder / "north").mkdir(parents=True)
    (folder / "old.yaml").mkdir()
    for file in ("a.yaml", "north/b.yaml"):
        (folder / file).write_text(f"as_of: {DAY}\n", "utf-8")
    return folder


def test_what_is_not_read_of_a_folder_of_deal_files_is_told(tmp_path: Path) -> None:
    folder = deal_folder(tmp_path / "in")
    (folder / "notes.txt").touch()
    found = examine(folder)
    assert (found.good, found.ignored) == (["a"], ["north/", "notes.txt", "old.yaml/"])


def test_a_pattern_tells_of_the_folders_of_which_nothing_is_read(tmp_path: Path) -> None:
    folder = deal_folder(tmp_path / "in")
    assert examine(folder / "*").ignored == ["north/", "old.yaml/"]
    assert examine(folder / "**" / "*").ignored == ["old.yaml/"]


def test_of_many_files_that_are_not_read_most_are_only_counted(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", deals=DEALS)
    for number in range(30):
        (folder / f"{number:02}.txt").touch()
    assert examine(folder).ignored == [*(f"{number:02}.txt" for number in range(20)), "… (+10)"]


def test_a_link_to_a_deal_file_that_is_gone_is_a_rejected_deal(tmp_path: Path) -> None:
    folder = deal_folder(tmp_path / "in")
    (folder / "gone.yaml").symlink_to(tmp_path / "nowhere")
    for source in (folder, folder / "*.yaml"):
        found = examine(source)
        assert (found.deals, found.good, found.rejected) == (2, ["a"], ["gone"])
        assert [error[:3] for error in found.errors] == [(str(folder / "gone.yaml"), None, "gone")]


def test_a_link_to_a_table_that_is_gone_is_not_taken_for_no_table(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "in", deals=DEALS)
    for name in ("stakeholders.csv", "stakeholders.parquet"):
        (folder / name).symlink_to(tmp_path / "nowhere")
        with pytest.raises(BadSource, match="batch-gone"):
            examine(folder)
        (folder / name).unlink()


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_packed_tables_are_read_as_unpacked_ones_are(encoding: str, tmp_path: Path) -> None:
    plain = csv_folder(tmp_path / "plain", deals=f"deal_id,as_of,deal_name\nA,{DAY},青炉特钢\nB,{DAY}\n".encode(encoding))
    (plain / "stakeholders.jsonl").write_text('{"deal_id": "A", "id": "1"}\n', encoding)
    packed = tmp_path / "packed"
    packed.mkdir()
    for file in plain.iterdir():
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert examine(packed) == examine(plain)
    assert examine(packed / "deals.csv.gz").good == ["A"]


@pytest.mark.parametrize("broken", [
    b"deal_id", gzip.compress(DEALS.encode(), mtime=0)[:-10], gzip.compress(b"", mtime=0)[:12] + b"\xff" * 40,
], ids=("not packed", "cut short", "garbled"))
def test_a_packed_table_that_is_broken_is_refused(broken: bytes, tmp_path: Path) -> None:
    (tmp_path / "deals.csv.gz").write_bytes(broken)
    with pytest.raises(BadSource, match="batch-not-packed"):
        examine(tmp_path / "deals.csv.gz")


def test_deal_files_of_the_same_name_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    for folder in ("north", "south"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "acme.yaml").write_text(f"as_of: {DAY}\n", "utf-8")
    (tmp_path / "south" / "acme.json").write_text(f'{{"as_of": "{DAY}"}}', "utf-8")
    assert examine(str(tmp_path / "**" / "*.*")).good == ["north/acme", "south/acme.json", "south/acme.yaml"]


def test_what_a_workbook_shows_in_percent_is_read_as_it_is_shown(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([])
    sheet.append(["deal_id", "as_of", "seller_win_estimate", "loyalty_repeat_rate"])
    sheet.append(["A", dt.date(2026, 3, 16), 0.07, 0.5])
    sheet.append(["B", dt.date(2026, 3, 16), 80, 0.5])
    sheet.append(["C", dt.date(2026, 3, 16), 1 / 3, 1 / 3])
    for cell in ("C3", "D3", "C5", "D5"):
        sheet[cell].number_format = "0.0%"
    book.save(tmp_path / "in.xlsx")
    found = examine(tmp_path / "in.xlsx").tables["deals"]
    read = [(float(row["seller_win_estimate"]), float(row["loyalty_repeat_rate"])) for row in found]
    assert read == [(7, 0.5), (80, 0.5), (33.33, 0.3333)]


def test_of_two_names_of_a_fact_the_first_in_a_file_counts_whether_or_not_other_lines_can_be_read(tmp_path: Path) -> None:
    for tail in ("", '\n{"deal_id":"B"'):
        (tmp_path / "deals.jsonl").write_text(f'{{"deal_id":"A","as_of":"{DAY}","deal_amount":5,"amount":7}}{tail}', "utf-8")
        assert examine(tmp_path / "deals.jsonl").tables["deals"][0]["deal_amount"] == 5


def test_bytes_of_sqlite_are_read_as_text(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "in.sqlite")) as database, database:
        database.execute("CREATE TABLE deals (deal_id, as_of, deal_name)")
        database.executemany("INSERT INTO deals VALUES (?, ?, ?)", [(b"A", DAY, "钢".encode()), ("B", DAY, b"\xff")])
    found = examine(tmp_path / "in.sqlite")
    assert [(row["deal_id"], row["deal_name"]) for row in found.tables["deals"]] == [("A", "钢")]
    assert found.rejected == ["B"]


def test_files_that_a_system_hides_among_deal_files_are_none(tmp_path: Path) -> None:
    folder = deal_folder(tmp_path / "in")
    for name in ("._a.yaml", ".hidden.yaml"):
        (folder / name).write_bytes(b"\0\5\26\7")
    assert (found := examine(folder)).good == ["a"]
    assert found.deals == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_workbook_that_a_run_wrote_is_no_input(language: Language, tmp_path: Path) -> None:
    run(csv_folder(tmp_path / "in", deals=DEALS), tmp_path / "out.xlsx", language=language, tables=("deals",))
    with pytest.raises(BadSource, match="batch-is-output"):
        examine(tmp_path / "out.xlsx")
