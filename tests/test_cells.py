"""A cell is taken from a table as it is only where that is what it means."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dealready.batch.canonical import lay_down
from dealready.batch.cells import RawColumn
from dealready.batch.engines import DuckEngine, duckdb_at_work
from dealready.batch.headers import Headers
from dealready.batch.sources import open_source
from dealready.facts.tables import DEALS, Column, tables
from hypothesis import given
from hypothesis import strategies as st

from .product import base
from .test_sources import Examined, examine

FREE, KNOWN = "needs_benefits", "proposal_sections"
MEMBERS: dict[str, list[str | None]] = {
    FREE: [None, "", "one", "two", "three", "four", "五"], KNOWN: [None, "", "team", "background_and_trend", "unheard_of"],
}
Lists = Sequence[Sequence[str | None] | None]
DAY = "2026-03-16"
BLANKS = [chr(code) for code in range(0x10000) if chr(code).isspace()]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


@cache
def column(name: str) -> Column:
    return tables(base().vocabulary)[DEALS].columns[name]


def asked(database: duckdb.DuckDBPyConnection, name: str, lists: Lists, sql: str) -> list[object]:
    """Return what an expression says of a column that holds some lists."""
    database.execute(f"CREATE OR REPLACE TABLE cells ({name} VARCHAR[])")
    database.executemany("INSERT INTO cells VALUES (?)", [(members,) for members in lists])
    return [value for (value,) in database.execute(f"SELECT {sql} FROM cells").fetchall()]


def is_bare(name: str, members: Sequence[str | None] | None) -> bool:
    if members is None:
        return True
    fact = column(name).fact
    assert fact is not None
    known = {value.id for value in fact.values} or set(members) - {"", None}
    return known.issuperset(members) and len(set(members)) == len(members)


@pytest.mark.parametrize("name", [FREE, KNOWN])
@given(data=st.data())
def test_a_list_is_taken_as_it_is_if_no_member_is_missing_empty_unknown_or_there_twice(
    database: duckdb.DuckDBPyConnection, name: str, data: st.DataObject
) -> None:
    lists = data.draw(st.lists(st.none() | st.lists(st.sampled_from(MEMBERS[name]), max_size=6), min_size=1, max_size=4))
    raw = RawColumn(name, "VARCHAR[]")
    taken = asked(database, name, lists, raw.quick(column(name)))
    assert taken == [members if is_bare(name, members) else None for members in lists]
    (all_bare,) = asked(database, name, lists, raw.all_bare(column(name)))
    assert all_bare == all(is_bare(name, members) for members in lists)


def of_lines(folder: Path, **tables: list[dict[str, Any]]) -> Examined:
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return examine(folder)


def test_blanks_around_a_text_or_key_are_no_part_of_it(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    around = [*((blank, blank) for blank in BLANKS), ("\t\u3000 ", " \r\n")]
    ids = [f"text{number:02}" for number in range(len(around))]
    cells = [f"{before}{name}{after}" for name, (before, after) in zip(ids, around, strict=True)]
    deals = [{"deal_id": cell, "as_of": DAY, "deal_name": cell, "budget_status": cell.replace(name, "approved")}
             for cell, name in zip(cells, ids, strict=True)]
    people = [{"deal_id": name, "id": cell} for cell, name in zip(cells, ids, strict=True)]
    found = of_lines(tmp_path, deals=deals, stakeholders=people)
    assert (found.errors, found.good, [row["deal_name"] for row in found.tables["deals"]]) == ([], ids, ids)
    assert [row["id"] for row in found.tables["stakeholders"]] == ids
    bare = RawColumn("deal_name", "VARCHAR").all_bare(column("deal_name"))
    for cell in cells:
        database.execute("CREATE OR REPLACE TABLE cells (deal_name VARCHAR)")
        database.execute("INSERT INTO cells VALUES (?)", [cell])
        assert database.execute(f"SELECT {bare} FROM cells").fetchone() == (False,)


@pytest.mark.parametrize("cell", ["\t", "\u3000", "\x1f\r\n", " unknown\t", "\t?"])
def test_a_cell_of_blanks_or_a_word_for_unknown_between_blanks_is_empty(cell: str, tmp_path: Path) -> None:
    found = of_lines(tmp_path, deals=[{"deal_id": "A", "as_of": DAY, "deal_name": cell, "purchase_plan": cell}])
    assert (found.errors, found.tables["deals"][0]["deal_name"]) == ([], None)
    assert [error[5] for error in of_lines(tmp_path, deals=[{"deal_id": "A", "as_of": cell}]).errors] == ["batch-day-missing"]


def test_a_row_with_a_bad_cell_is_of_the_deal_whose_id_has_blanks_around_it_in_that_row(tmp_path: Path) -> None:
    people = [{"deal_id": "A\t", "id": 1, "layer": "nonsense"}, *({"deal_id": f"B{n}\t", "id": 1} for n in range(60))]
    found = of_lines(tmp_path, deals=[{"deal_id": key, "as_of": DAY} for key in ("A", *(f"B{n}" for n in range(60)))],
                     stakeholders=people)
    assert found.rejected == ["A"]


@pytest.mark.parametrize(("members", "wrong"), [
    ([1, 2], ""), ([True, 1.5], ""), (["1", None], "null"), ([["1"]], '["1"]'), ([{"id": "1"}], '{"id": "1"}'),
])
def test_a_json_list_is_never_read_as_a_text(members: list[Any], wrong: str, tmp_path: Path) -> None:
    found = of_lines(tmp_path, deals=[{"deal_id": "A", "as_of": DAY, "needs_benefits": members}])
    assert [error[5] for error in found.errors] == (["not-a-member"] if wrong else [])
    if not wrong:
        assert found.tables["deals"][0]["needs_benefits"] == [json.dumps(member) for member in members]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kolkata"])
def test_a_moment_counts_by_its_day_in_utc_on_every_machine(
    zone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TZ", zone)
    file = tmp_path / "deals.parquet"
    with duckdb.connect() as writing:
        writing.execute(f"COPY (SELECT 'A' AS deal_id, TIMESTAMPTZ '2026-03-16 23:30:00+00' AS as_of) TO '{file}'")
    with duckdb_at_work() as (reading, _):
        lay_down(DuckEngine(reading), base().vocabulary, open_source(reading, str(file), base().vocabulary))
        assert reading.execute("SELECT as_of FROM deals").fetchall() == [(dt.date(2026, 3, 16),)]


@pytest.mark.parametrize(("moment", "day"), [
    ("2026-03-16T23:30:00-05:00", 17), ("2026-03-16T03:30:00+08:00", 15), ("2026/3/16 23:30-0030", 17),
    ("2026-03-16 23:30Z", 16), ("2026-03-16T03:30:00", 16),
    ("2026-03-16 00:00+14:00", 15), ("2026-03-16 9:59:59.999-12", 16),
])
def test_a_moment_in_a_text_with_a_time_zone_counts_by_its_day_in_utc(moment: str, day: int, tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(f"deal_id,as_of\nA,{moment}\n", "utf-8")
    assert examine(tmp_path).tables["deals"][0]["as_of"] == dt.date(2026, 3, day)


@pytest.mark.parametrize("time", [
    "99:99", "24:00", "25:00", "-1:00", "12:60", "12:00:60", "12:00+99", "12:00+14:01", "12:00-15:00", "12:00+08:60", "1:5",
])
def test_a_time_that_no_clock_shows_is_told(time: str, tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(f"deal_id,as_of\nA,{DAY} {time}\n", "utf-8")
    assert [error[3:] for error in examine(tmp_path).errors] == [("as_of", f"{DAY} {time}", "not-a-date")]


@pytest.mark.parametrize("moment", ["9999-12-31T23:30:00-05:00", "0001-01-01T03:30:00+08:00"])
def test_a_moment_whose_day_in_utc_is_none_is_told(moment: str, tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(f"deal_id,as_of\nA,{moment}\n", "utf-8")
    assert {error[3:] for error in examine(tmp_path).errors} == {("as_of", moment, "not-a-date")}


def parquet(path: Path, columns: str) -> Path:
    with duckdb.connect() as writing:
        writing.execute(f"COPY (SELECT 'A' AS deal_id, {columns}) TO '{path}'")
    return path


@pytest.mark.parametrize("kind", [
    "INTEGER", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "UUID", "BLOB", "INTEGER[]", "STRUCT(a INTEGER)",
])
def test_a_column_of_labels_may_be_empty_whatever_its_type(kind: str, tmp_path: Path) -> None:
    found = examine(parquet(tmp_path / "deals.parquet", f"DATE '{DAY}' AS as_of, CAST(NULL AS {kind}) AS budget_status"))
    assert (found.good, found.tables["deals"][0]["budget_status"]) == (["A"], None)


@pytest.mark.parametrize(("value", "kind"), [
    ("1", "INTEGER"), ("true", "BOOLEAN"), (f"DATE '{DAY}'", "DATE"), ("[1]", "INTEGER[]"), ("'x'", "BLOB"),
])
def test_a_value_that_is_no_label_is_told_whatever_its_type(value: str, kind: str, tmp_path: Path) -> None:
    source = parquet(tmp_path / "deals.parquet", f"DATE '{DAY}' AS as_of, CAST({value} AS {kind}) AS budget_status")
    ((_, row, deal_id, column_, _, code),) = examine(source).errors
    assert (row, deal_id, column_, code) == (1, "A", "budget_status", "not-a-value")


def test_a_cell_of_json_means_what_it_holds(tmp_path: Path) -> None:
    cells = {"as_of": f'"{DAY}"', "budget_status": '"applied"', "budget_amount": "36000000", "needs_known_thoroughly": "true",
             "profile_sources_used": '["desk"]', "proposal_sections": "[]", "purchase_plan": "null", "group_approval": '""'}
    source = parquet(tmp_path / "deals.parquet", ", ".join(f"'{cell}'::JSON AS {name}" for name, cell in cells.items()))
    found = examine(source)
    assert found.errors == []
    (row,) = found.tables["deals"]
    assert {name: row[name] for name in cells} == {
        "as_of": dt.date.fromisoformat(DAY), "budget_status": "applied", "budget_amount": 36000000,
        "needs_known_thoroughly": True, "profile_sources_used": ["desk"], "proposal_sections": [], "purchase_plan": None,
        "group_approval": None,
    }


def test_a_word_for_unknown_is_no_day_whatever_the_type_of_its_column(tmp_path: Path) -> None:
    day = f"CAST('?' AS ENUM('{DAY}', '?')) AS as_of"
    ((*found, code),) = examine(parquet(tmp_path / "deals.parquet", day)).errors
    assert (found[3], code) == ("as_of", "batch-day-missing")


def test_a_list_of_fixed_length_and_bytes_that_are_text_are_read(tmp_path: Path) -> None:
    columns = f"DATE '{DAY}' AS as_of, ['desk']::VARCHAR[1] AS profile_sources_used, encode('钢') AS deal_name"
    (row,) = examine(parquet(tmp_path / "deals.parquet", columns)).tables["deals"]
    assert (row["profile_sources_used"], row["deal_name"]) == (["desk"], "钢")


@pytest.mark.parametrize("name", ["deal_name", "needs_benefits", "deal_id"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_what_a_spreadsheet_shows_for_a_failed_formula_is_no_text(name: str, ending: str, tmp_path: Path) -> None:
    row = {"deal_id": "A", "as_of": DAY, name: "#N/A"}
    written = json.dumps(row) if ending == "jsonl" else "\n".join([",".join(row), ",".join(row.values())])
    (tmp_path / f"deals.{ending}").write_text(written, "utf-8")
    assert (name, "sheet-error") in {(error[3], error[5]) for error in examine(tmp_path / f"deals.{ending}").errors}


def test_every_label_heads_its_column() -> None:
    for table in tables(base().vocabulary).values():
        headers = Headers(table)
        valued = [column for column in table.columns.values() if column.fact is not None and column.role == "value"]
        labels = [label for column in valued if column.fact for label in (column.fact.label.en, column.fact.label.zh)]
        assert [label for label in labels if headers.column(label) is None] == []


@pytest.mark.parametrize("day", ["12026-03-16", "0044-03-15 (BC)", "infinity"])
@pytest.mark.parametrize("name", ["as_of", "deal_expected_close"])
def test_a_day_that_nobody_could_note_is_told(day: str, name: str, tmp_path: Path) -> None:
    other = "" if name == "as_of" else f", DATE '{DAY}' AS as_of"
    found = examine(parquet(tmp_path / "deals.parquet", f"DATE '{day}' AS {name}{other}"))
    assert ("deals", 1, "A", name) in {error[:4] for error in found.errors}
    assert found.rejected == ["A"]


def test_a_column_called_like_one_of_the_reader_s_own_is_left_out_like_any_that_nobody_knows(tmp_path: Path) -> None:
    assert examine(parquet(tmp_path / "deals.parquet", f"DATE '{DAY}' AS as_of, 8 AS file_row_number")).good == ["A"]
