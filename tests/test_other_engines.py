"""PostgreSQL and Spark give what DuckDB gives, row for row."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dealready.batch.canonical import lay_down
from dealready.batch.engines import DuckEngine
from dealready.batch.job import TABLES, Job
from dealready.batch.previous import read_output
from dealready.batch.query import query_tree, script_text
from dealready.batch.refusal import BadSource
from dealready.batch.run import score
from dealready.batch.sources import Opened, lay_down_deals, open_source
from dealready.batch.spark import _check_schema, _save, silenced
from dealready.engine.dialects import written
from dealready.engine.outputs import OUTPUTS
from dealready.engine.score_sql import compile_scoring
from dealready.facts.deal import Deal, read_deal
from dealready.facts.tables import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from .pipelines import EXAMPLES, Rows, example_rows, rows_of, statements_of, write_parquet
from .product import base
from .strategies import deals as any_deals
from .test_sources import examine

ADDRESS = os.environ.get("DEALREADY_POSTGRES", "")
needs_postgres = pytest.mark.skipif(not ADDRESS, reason="DEALREADY_POSTGRES names no server")
RESULTS = (*TABLES, "errors")


@functools.cache
def scoring() -> Any:
    return compile_scoring(base(), most_questions=1000)


@pytest.fixture
def postgres() -> Iterator[Any]:
    import psycopg

    with psycopg.connect(ADDRESS) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not os.environ.get("DEALREADY_SPARK"):
        pytest.skip("Spark takes Java, which make test does without; make engines, which .ci/run calls, runs this")
    assert shutil.which("java"), "Spark needs Java"
    from pyspark import sql

    session = sql.SparkSession.builder.master("local[4]").config("spark.sql.shuffle.partitions", "4").config(
        "spark.ui.enabled", "false").config("spark.driver.extraJavaOptions", "-Xss64m").config(
        "spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse"))).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def examples() -> Iterator[duckdb.DuckDBPyConnection]:
    """The examples as typed tables."""
    with duckdb.connect() as database:
        lay_down(DuckEngine(database), base().vocabulary, open_source(database, str(EXAMPLES), base().vocabulary))
        yield database


def printed_query_returns(output: str, examples: duckdb.DuckDBPyConnection) -> list[str]:
    rows = rows_of(examples.execute(written(query_tree(base(), output), "duckdb", pretty=True)))
    assert rows
    return rows


@needs_postgres
@settings(max_examples=settings.default.max_examples if "DEALREADY_EXAMPLES" in os.environ else 2)
@given(st.lists(any_deals(base().vocabulary), min_size=1, max_size=4))
def test_postgres_concludes_what_duckdb_does(found: list[Deal]) -> None:
    check_postgres_agrees(found)


@needs_postgres
def test_postgres_ranks_people_by_the_code_points_of_their_ids_whatever_language_it_sorts_by() -> None:
    people = ", ".join(f"{{id: {name}, layer: decision, attitude: support, veto: raised}}" for name in ("a", "B", "é", "Z"))
    text = f"as_of: 2026-03-16\nstakeholders: [{people}]\n"
    check_postgres_agrees([read_deal(text.encode(), "deal.yaml", base().vocabulary)])


def check_postgres_agrees(found: list[Deal]) -> None:
    import psycopg

    with duckdb.connect() as database, psycopg.connect(ADDRESS) as connection:
        database.execute("SET disabled_optimizers = 'in_clause'")
        opened = Opened()
        lay_down_deals(database, [(str(number), deal) for number, deal in enumerate(found)], base().vocabulary, opened)
        lay_down(DuckEngine(database), base().vocabulary, opened)
        for table in tables(base().vocabulary):
            copy_table(database, connection, table)
        for made in scoring().statements:
            database.execute(f"CREATE TABLE {made.name} AS {written(made.select, 'duckdb')}")
            connection.execute(f"CREATE TEMP TABLE {made.name} AS {written(made.select, 'postgres')}")
        for name, query in scoring().outputs.items():
            expected = rows_of(database.execute(written(query, "duckdb")))
            assert rows_of(connection.execute(written(query, "postgres"))) == expected, name
        connection.rollback()


def copy_table(database: duckdb.DuckDBPyConnection, connection: Any, table: str) -> None:
    described = database.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})").fetchall()
    columns = ", ".join(f'"{name}" {kind.replace("VARCHAR", "text")}' for name, kind in described)
    connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in database.execute(f"FROM {table}").fetchall():
            copy.write_row(row)


@needs_postgres
@pytest.mark.parametrize("output", OUTPUTS)
def test_a_printed_query_and_script_return_on_postgres_what_the_query_does_on_duckdb(
    output: str, postgres: Any, examples: duckdb.DuckDBPyConnection
) -> None:
    for table in tables(base().vocabulary):
        copy_table(examples, postgres, table)
    expected = printed_query_returns(output, examples)
    assert rows_of(postgres.execute(written(query_tree(base(), output), "postgres", pretty=True))) == expected
    for _ in range(2):  # what it leaves is not in the way of the next
        ran = [postgres.execute(statement) for statement in statements_of(script_text(base(), "postgres", output))]
        (query,) = (cursor for cursor in ran if cursor.description)
        assert rows_of(query) == expected


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_printed_script_returns_on_spark_what_the_query_does_on_duckdb(
    output: str, spark: Any, examples: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    session = spark.newSession()  # with Spark's own settings: a run of ours would change them
    for table in tables(base().vocabulary):
        examples.execute(f"COPY {table} TO '{tmp_path / table}.parquet' (FORMAT parquet)")
        session.read.parquet(f"{tmp_path / table}.parquet").createOrReplaceTempView(table)
    statements = statements_of(script_text(base(), "spark", output))
    rows = [str(tuple(row)) for statement in statements for row in session.sql(statement).collect()]
    assert sorted(rows) == printed_query_returns(output, examples)
    assert [table.name for table in session.catalog.listTables() if not table.isTemporary] == []


def new_database(name: str) -> str:
    import psycopg

    with psycopg.connect(ADDRESS, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return f"{ADDRESS.rpartition('/')[0]}/{name}"


@needs_postgres
def test_postgres_is_read_and_written_as_files_are(tmp_path: Path) -> None:
    import psycopg

    rows = example_rows(base().vocabulary)
    address = new_database(f"deals_{os.getpid()}")
    with duckdb.connect() as database, psycopg.connect(address) as connection:
        for table in rows:
            write = write_parquet(tmp_path / table, {table: rows[table]})
            database.execute(f"CREATE TABLE {table} AS FROM '{write / table}.parquet'")
            described = database.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})").fetchall()
            columns = ", ".join(f'"{column}" {_postgres_type(kind)}' for column, kind in described)
            connection.execute(f"CREATE TABLE {table} ({columns})")
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in database.execute(f"FROM {table}").fetchall():
                    copy.write_row(row)
    score(base(), Job(address, address, threads=1))
    score(base(), Job(str(EXAMPLES), str(tmp_path / "out"), threads=1))
    assert same_outputs(address, str(tmp_path / "out")) == set(RESULTS)
    score(base(), Job(address, address, threads=1, force=True))  # whose schema is in use by now, and is not read
    assert same_outputs(address, str(tmp_path / "out")) == set(RESULTS)


@needs_postgres
def test_days_that_nobody_could_note_cost_their_rows_in_postgres_and_lists_keep_their_members() -> None:
    import psycopg

    address = new_database(f"days_{os.getpid()}")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE deals (deal_id int, as_of date, next_step_due timestamptz, needs_benefits text[])")
        connection.execute("""INSERT INTO deals VALUES (0, '2026-03-16', '2026-03-20 03:00+08', ARRAY['a; b', 'c']),
            (1, 'infinity', NULL, NULL), (2, '0044-03-15 BC', NULL, NULL), (3, '2026-03-16', '-infinity', '{}')""")
    found = examine(address)
    assert (found.good, found.rejected) == (["0"], ["1", "2", "3"])
    row = found.tables["deals"][0]
    assert (row["next_step_due"], row["needs_benefits"]) == (date(2026, 3, 19), ["a; b", "c"])


@needs_postgres
def test_postgres_is_read_from_the_schema_that_is_named_and_an_output_there_replaces_nothing_else(tmp_path: Path) -> None:
    import psycopg

    address = new_database(f"schemas_{os.getpid()}")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE SCHEMA crm")
        connection.execute("CREATE TABLE crm.deals AS SELECT 'A' AS deal_id, DATE '2026-03-16' AS as_of")
    job = Job(f"{address}?schema=crm", address, threads=1, tables=("deals",), force=True)
    assert score(base(), job).scored == 1
    for source in (address, f"{address}?schema=dealready"):
        refused = Job(source, str(tmp_path / "out"), threads=1)
        with pytest.raises(BadSource, match=r"batch-no-deals|batch-is-output"):
            score(base(), refused)
    for added, code in (("VIEW public.mine AS SELECT * FROM dealready.deals", "batch-unwritten"),
                        ("TABLE dealready.mine (x int)", "batch-holds-others")):
        with psycopg.connect(address) as connection:
            connection.execute(f"CREATE {added}")
        with pytest.raises(BadSource, match=code):
            score(base(), job)
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT count(*) FROM dealready.deals").fetchone() == (1,)


def _postgres_type(kind: str) -> str:
    return kind.replace("VARCHAR", "text").replace("DOUBLE", "double precision").replace("JSON", "text")


def same_outputs(one: str, other: str) -> set[str]:
    """Return the tables that are the same in two outputs; rows of distributed errors have no numbers."""
    with duckdb.connect() as database:
        for prefix, output in (("a_", one), ("b_", other)):
            assert set(read_output(database, output, RESULTS, prefix)) == set(RESULTS)
        same = set()
        for name in RESULTS:
            without = "* EXCLUDE (\"row\")" if name == "errors" else "*"
            described = [database.execute(f"SELECT column_name FROM (DESCRIBE {side}_{name})").fetchall() for side in "ab"]
            assert described[0] == described[1]
            text = f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (SELECT {without} FROM {{}}_{name})"
            if rows_of(database.execute(text.format("a"))) == rows_of(database.execute(text.format("b"))):
                same.add(name)
        return same


def spoiled(rows: Rows) -> Rows:
    """Return the rows with one of each kind of error in them."""
    rows["stakeholders"][0]["attitude"] = "cold"
    rows["stakeholders"].append({"deal_id": "nowhere", "id": "x"})
    rows["deals"].append({"deal_id": "twice", "as_of": "2026-03-16"})
    rows["deals"].append({"deal_id": "twice", "as_of": "2026-03-16"})
    rows["deals"].append({"deal_id": "no-day"})
    rows["deals"][1]["deal_opened"] = date(2028, 1, 1)  # this deal and the next rows only disagree with themselves
    rows["visits"][0]["with"] = ["nobody"]
    rows["stakeholders"][1]["reports_to"] = rows["stakeholders"][1]["id"]
    return rows


def test_spark_scores_many_partitions_as_duckdb_does(tmp_path: Path, spark: Any) -> None:
    rows = spoiled(example_rows(base().vocabulary))
    source = write_parquet(tmp_path / "many", rows, parts=4)
    assert spark.read.parquet(str(source / "deals.parquet")).rdd.getNumPartitions() >= 2
    (source / "notes.csv").touch()
    found = score(base(), Job(str(source), str(tmp_path / "spark"), engine="spark"))
    assert "not read: notes.csv" in found.notes
    (source / "stakeholders.parquet" / "part-0.parquet").write_bytes(b"junk")
    with pytest.raises(BadSource, match="batch-unreadable"):
        score(base(), Job(str(source), str(tmp_path / "corrupt"), engine="spark"))
    assert not (tmp_path / "corrupt").exists()
    expected = score(base(), Job(str(write_parquet(tmp_path / "one", rows)), str(tmp_path / "duckdb"), threads=1))
    assert (found.deals, found.scored, found.rejected) == (expected.deals, expected.scored, expected.rejected)
    assert found.rejected == 4
    assert same_outputs(str(tmp_path / "spark"), str(tmp_path / "duckdb")) == set(RESULTS)


def test_spark_writes_tables_of_a_catalogue_and_replaces_its_own_alone(tmp_path: Path, spark: Any) -> None:
    source = write_parquet(tmp_path / "in", {"deals": [{"deal_id": "A", "as_of": "2026-03-16"}]})
    spark.sql("CREATE SCHEMA scores")
    job = Job(str(source), "table:scores", engine="spark", tables=())
    score(base(), job)
    assert [row.deal_id for row in spark.table("scores.deals").collect()] == ["A"]
    with pytest.raises(BadSource, match="batch-exists"):
        score(base(), job)
    _check_schema(spark, "scores", True)  # scoring once takes Spark long enough
    spark.sql("ALTER TABLE scores.deals RENAME TO scores.mine")
    with pytest.raises(BadSource, match="batch-not-replaced"):
        score(base(), replace(job, force=True))
    spark.sql("SELECT 'A' AS deal_id").createOrReplaceTempView("out_deals")
    _save(spark, "scores", ["deals"])
    assert {table.name for table in spark.catalog.listTables("scores") if not table.isTemporary} == {"deals", "mine"}


def test_a_process_started_in_silence_prints_no_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    with silenced():
        subprocess.run([sys.executable, "-c", "import sys; print('noise', file=sys.stderr)"], check=True)
    subprocess.run([sys.executable, "-c", "import sys; print('heard', file=sys.stderr)"], check=True)
    assert capfd.readouterr().err == "heard\n"
