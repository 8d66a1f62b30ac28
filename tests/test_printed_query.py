"""The queries that ``dealready sql`` prints are whole: what they return is what ``score`` writes."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

import duckdb
import pytest
import sqlglot
from click.testing import CliRunner
from dealready.batch.canonical import Canonical
from dealready.batch.engines import DuckEngine
from dealready.batch.job import Job, score
from dealready.batch.query import query_text, query_tree
from dealready.batch.refusal import BadSource
from dealready.batch.sources import open_source
from dealready.cli import cli
from dealready.commands.pipeline import DIALECTS, QUERIES
from dealready.engine.dialects import written
from dealready.engine.outputs import OUTPUTS
from dealready.facts.tables import tables
from dealready.rules.base import RuleBase, load_rule_base

from .pipelines import EXAMPLES, rows_of

EVERY = os.environ.get("DEALREADY_EVERY") == "1"  # the soak takes every query, and each in every dialect

TRIED = QUERIES if EVERY else ("deals", "criteria", "findings")


@functools.cache
def base() -> RuleBase:
    return load_rule_base()


@functools.cache
def tree(output: str) -> sqlglot.exp.Query:
    return query_tree(base(), output)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the examples as typed tables, in a schema of their own, and what ``score`` writes of them."""
    target = tmp_path_factory.mktemp("scored") / "out.duckdb"
    score(base(), Job(str(EXAMPLES), str(target), threads=1, tables=TRIED))
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        Canonical(DuckEngine(database), base().vocabulary).build(open_source(database, str(EXAMPLES), base().vocabulary))
        database.execute("CREATE SCHEMA crm")
        for table in tables(base().vocabulary):
            database.execute(f"CREATE TABLE crm.{table} AS FROM {table}")
            database.execute(f"DROP TABLE {table}")
        database.execute(f"ATTACH '{target}' AS scored (READ_ONLY)")
        yield database


@pytest.mark.parametrize("output", TRIED)
def test_a_query_returns_what_score_writes_but_for_the_texts(output: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    renamed = [f"{table}=crm.{table}" for table in tables(base().vocabulary)]
    found = warehouse.execute(query_text(base(), "duckdb", output, renamed))
    shared = [column[0] for column in found.description or () if column[0] != "within_days"]
    names = ", ".join(f'"{name}"' for name in shared)
    rows = found.fetchall()
    assert rows
    kept = sorted(str(row[: len(shared)]) for row in rows)
    assert kept == rows_of(warehouse.execute(f"SELECT {names} FROM scored.{output} {'WHERE scored' * (output == 'deals')}"))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("output", QUERIES if EVERY else QUERIES[:1])
def test_the_query_of_each_dialect_is_parsed_back_and_no_name_is_too_long(output: str, dialect: str) -> None:
    text = written(tree(output), dialect, pretty=True)
    parsed = sqlglot.parse_one(text, dialect=dialect)
    assert parsed.sql(dialect=dialect, pretty=True).lower() == text.lower()
    assert written(tree(output), dialect, pretty=True) == text, "writing the query has changed it"
    assert max(len(name.name) for name in parsed.find_all(sqlglot.exp.Identifier)) <= 63


def test_every_rule_is_noted_where_it_is_judged() -> None:
    text = written(tree("deals"), "duckdb", pretty=True)
    assert {rule.id for rule in base().rules.values() if f"/* {rule.id} */" not in text} == set()


def test_a_dbt_reference_stands_in_the_query_as_it_was_written() -> None:
    text = query_text(base(), "snowflake", "criteria", ["deals={{ ref('deals') }}", "stakeholders = crm.people"])
    assert "FROM {{ ref('deals') }} AS deals" in text
    assert "FROM crm.people AS stakeholders" in text
    assert ";" not in text


def test_snowflake_is_asked_for_names_in_capitals_and_for_no_function_that_it_lacks() -> None:
    text = written(tree("deals"), "snowflake")
    assert '"BY"' in text
    assert '"by"' not in text
    assert "BIT_COUNT" not in text


def test_postgres_asks_of_no_literal_whether_it_is_null() -> None:
    assert "' IS NULL" not in written(tree("deals"), "postgres")


@pytest.mark.parametrize(("pair", "code"), [
    ("deal=x", "batch-no-table"), ("deals", "batch-table-name"), ("deals=", "batch-table-name"),
    ("deals=a.b.(", "batch-table-name"),
])
def test_a_name_of_a_table_that_makes_no_sense_is_told(pair: str, code: str) -> None:
    with pytest.raises(BadSource, match=code):
        query_text(base(), "duckdb", "deals", [pair])
    told = CliRunner().invoke(cli, ["sql", "--table", pair])
    assert (told.exit_code, told.stdout) == (2, "")


def test_there_is_a_query_for_every_output_table() -> None:
    assert QUERIES == OUTPUTS
