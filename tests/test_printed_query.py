"""The queries and scripts that ``dealready sql`` prints are whole: what they return is what ``score`` writes."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import sqlglot
from click.testing import CliRunner
from dealready.batch.canonical import lay_down
from dealready.batch.engines import DuckEngine
from dealready.batch.job import Job
from dealready.batch.query import query_text, query_tree, script_text
from dealready.batch.refusal import BadSource
from dealready.batch.run import score
from dealready.batch.sources import open_source
from dealready.cli import cli
from dealready.commands.pipeline import DIALECTS, sql
from dealready.engine.dialects import MAKING, written
from dealready.engine.outputs import OUTPUTS
from dealready.facts.tables import tables
from dealready.rules.base import load_rule_base
from dealready.rules.layers import OURS, layer_of

from .pipelines import EXAMPLES, rows_of, statements_of
from .product import base

EVERY = os.environ.get("DEALREADY_EVERY") == "1"  # the soak takes every query, and each in every dialect

TRIED = OUTPUTS if EVERY else ("deals", "findings")


@functools.cache
def tree(output: str) -> sqlglot.exp.Query:
    return query_tree(base(), output)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the examples as typed tables, in a schema of their own, and what ``score`` writes of them."""
    target = tmp_path_factory.mktemp("scored") / "out.duckdb"
    score(base(), Job(str(EXAMPLES), str(target), threads=1, tables=OUTPUTS))
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        lay_down(DuckEngine(database), base().vocabulary, open_source(database, str(EXAMPLES), base().vocabulary))
        database.execute("CREATE SCHEMA crm")
        for table in tables(base().vocabulary):
            database.execute(f"CREATE TABLE crm.{table} AS FROM {table}")
            database.execute(f"DROP TABLE {table}")
        database.execute(f"ATTACH '{target}' AS scored (READ_ONLY)")
        yield database


def renamed() -> list[str]:
    return [f"{table}=crm.{table}" for table in tables(base().vocabulary)]


def check_is_what_score_writes(output: str, found: duckdb.DuckDBPyConnection) -> None:
    shared = [column[0] for column in found.description or () if column[0] != "within_days"]
    names = ", ".join(f'"{name}"' for name in shared)
    rows = found.fetchall()
    assert rows
    kept = sorted(str(row[: len(shared)]) for row in rows)
    assert kept == rows_of(found.execute(f"SELECT {names} FROM scored.{output} {'WHERE scored' * (output == 'deals')}"))


@pytest.mark.parametrize("output", TRIED)
def test_a_query_returns_what_score_writes_but_for_the_texts(output: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    check_is_what_score_writes(output, warehouse.execute(query_text(base(), "duckdb", output, renamed())))


@pytest.mark.parametrize("output", TRIED)
def test_scripts_that_follow_one_another_return_what_score_writes(output: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    for statement in statements_of(script_text(base(), "duckdb", output, renamed())):
        warehouse.execute(statement)
    check_is_what_score_writes(output, warehouse)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("output", OUTPUTS if EVERY else OUTPUTS[:1])
def test_the_query_of_each_dialect_is_parsed_back_and_no_name_is_too_long(output: str, dialect: str) -> None:
    text = written(tree(output), dialect, pretty=True)
    parsed = sqlglot.parse_one(text, dialect=dialect)
    assert parsed.sql(dialect=dialect, pretty=True).lower() == text.lower()
    assert max(len(name.name) for name in parsed.find_all(sqlglot.exp.Identifier)) <= 63


def test_writing_a_query_does_not_change_it() -> None:
    texts = [written(tree("criteria"), dialect) for dialect in ("duckdb", "bigquery", "duckdb")]
    assert texts[0] == texts[2] != texts[1]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("output", OUTPUTS if EVERY else ("criteria",))
def test_a_script_is_parsed_back_and_leaves_no_table_that_is_in_the_way_of_the_next(output: str, dialect: str) -> None:
    left: set[str] = set()
    for statement in statements_of(script_text(base(), dialect, output)):
        parsed = sqlglot.parse_one(statement, dialect=dialect)
        assert parsed.sql(dialect=dialect, pretty=True).lower().split() == statement.lower().split()
        (table, *_) = parsed.find_all(sqlglot.exp.Table)
        if isinstance(parsed, sqlglot.exp.Create):
            assert table.name.startswith("dealready_")
            assert len(table.name) <= 63
            left.add(table.name)
        elif isinstance(parsed, sqlglot.exp.Drop):
            left.remove(table.name)
        else:
            assert isinstance(parsed, sqlglot.exp.Query)
            assert left >= {read.name for read in parsed.find_all(sqlglot.exp.Table)} != set()
    assert bool(left) == MAKING[dialect].replaced


def test_a_script_keeps_unknown_sets_apart_from_empty_ones_where_tables_do_not(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not MAKING["bigquery"].null_arrays
    monkeypatch.setitem(MAKING, "duckdb", replace(MAKING["duckdb"], null_arrays=False))  # type: ignore[arg-type]
    emptied = 0
    for statement in statements_of(script_text(base(), "duckdb", "questions", renamed())):
        warehouse.execute(statement)
        if statement.startswith("CREATE"):
            table = statement.split()[5]
            described = f"SELECT column_name FROM (DESCRIBE {table}) WHERE column_type = 'VARCHAR[]'"
            for (column,) in warehouse.execute(described).fetchall():
                warehouse.execute(f"UPDATE {table} SET {column} = [] WHERE {column} IS NULL")
                emptied += 1
    assert emptied > 0
    warehouse.execute(statement)
    check_is_what_score_writes("questions", warehouse)


def test_spark_is_asked_for_tables_that_are_written_down() -> None:
    """A temporary view would be put in wherever it is read."""
    assert "VIEW" not in script_text(base(), "spark", "criteria")


def test_no_statement_of_a_script_is_too_long_for_a_warehouse() -> None:
    assert max(map(len, statements_of(script_text(base(), "bigquery", "questions")))) < 1_000_000


def test_a_script_reads_a_table_of_the_user_that_is_called_as_one_of_its_own() -> None:
    text = script_text(base(), "duckdb", "criteria", ["deals=deals_stratum_7"])
    assert "FROM deals_stratum_7 AS deals\n" in text
    assert "FROM dealready_deals_stratum_7 AS deals_stratum_7\n" in text


def test_every_rule_is_noted_where_it_is_judged() -> None:
    text = written(tree("deals"), "duckdb", pretty=True)
    assert {rule.id for rule in base().rules.values() if f"/* {rule.id} */" not in text} == set()


def test_a_dbt_reference_stands_in_the_query_as_it_was_written() -> None:
    text = query_text(base(), "snowflake", "criteria", ["deals={{ ref('deals') }}", "stakeholders = crm.people"])
    assert "FROM {{ ref('deals') }} AS deals" in text
    assert "FROM crm.people AS stakeholders" in text
    assert ";" not in text


@pytest.mark.parametrize(("dialect", "table"), [
    ("snowflake", '"My Schema"."S T"'), ("snowflake", 'raw."deals_v1"'), ("postgres", 'Raw."T1"'),
    ("bigquery", "my-project.`D`.order"),
])
def test_the_name_of_a_table_stands_in_query_and_script_as_it_was_written(dialect: str, table: str) -> None:
    for text in (query_text, script_text):
        assert f"FROM {table} AS deals\n" in text(base(), dialect, "criteria", [f"deals={table}"])


def test_snowflake_is_asked_for_names_in_capitals_and_for_no_function_that_it_lacks() -> None:
    text = written(tree("deals"), "snowflake")
    assert '"BY"' in text
    assert '"by"' not in text
    assert "BIT_COUNT" not in text


def test_a_fact_of_a_layer_may_be_called_by_a_word_that_a_dialect_reserves(tmp_path: Path) -> None:
    both = "{en: L, zh: 标}"
    asked = "whom: management, influence: none, effort: low, sources: [A01]"
    fact = f"{{id: order, type: bool, label: {both}, about: {both}, question: {both}, {asked}}}"
    collection = f"{{id: audits, item: audit, label: {both}, item_label: {both}, asked: {{until: closing}}, question: {both}}}"
    when = "some: {of: audits, where: {order: yes}}"
    (tmp_path / "facts").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "facts" / "x.yaml").write_text(f"collection: {collection}\nfacts: [{fact}]\n", "utf-8")
    rule = f"{{id: x.audited, label: {both}, when: {{{when}}}, then: {{find: economic_account}}, because: [A01]}}"
    (tmp_path / "rules" / "x.yaml").write_text(f"rules: [{rule}]\n", "utf-8")
    tree = query_tree(load_rule_base((OURS, layer_of(tmp_path))), "fired")
    for dialect in MAKING:
        text = written(tree, dialect)
        assert re.search(r"""["`]order["`] """, text, re.IGNORECASE), dialect
        assert not re.search(r"audits\.order", text), dialect


def test_postgres_asks_of_no_literal_whether_it_is_null() -> None:
    assert "' IS NULL" not in written(tree("deals"), "postgres")


@pytest.mark.parametrize(("pair", "code"), [
    ("deal=x", "batch-no-table"), ("deals", "batch-table-name"), ("deals=", "batch-table-name"),
    ("deals=a.b.(", "batch-table-name"), ("deals=`a`", "batch-table-name"), ("deals=my-project.a", "batch-table-name"),
    ("deals=Deals_Known", "batch-table-taken"), ('deals="deals_known"', "batch-table-taken"),
])
def test_a_name_of_a_table_that_makes_no_sense_is_told(pair: str, code: str) -> None:
    with pytest.raises(BadSource, match=code):
        query_text(base(), "duckdb", "deals", [pair])
    for more in ([], ["--script"]):
        told = CliRunner().invoke(cli, ["sql", *more, "--table", pair])
        assert (told.exit_code, told.stdout) == (2, "")


def test_a_table_that_is_named_twice_is_refused_whatever_it_is_called() -> None:
    for other in ("b", "a"):
        for more in ([], ["--script"]):
            told = CliRunner().invoke(cli, ["sql", *more, "--table", "deals=a", "--table", f"deals={other}", "--lang", "en"])
            assert (told.exit_code, told.stdout) == (2, "")
            assert "'deals' twice" in told.stderr


def test_the_command_prints_a_script_when_it_is_asked_to() -> None:
    told = CliRunner().invoke(cli, ["sql", "--script", "--dialect", "trino", "--output", "criteria", "--table", "deals=a.b"])
    assert told.stdout == script_text(base(), "trino", "criteria", ["deals=a.b"]) + "\n"


def test_there_is_a_query_for_every_output_table() -> None:
    (option,) = (option for option in sql.params if option.name == "output")
    assert tuple(option.type.choices) == OUTPUTS  # type: ignore[attr-defined]


def test_it_is_known_of_every_dialect_how_it_makes_tables() -> None:
    assert set(MAKING) == set(DIALECTS)
