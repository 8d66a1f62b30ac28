"""Statements that run at the same time: each after those that it needs, with the same tables in the end."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dealready.batch.canonical import lay_down
from dealready.batch.compiled import Sql, scoring_sql
from dealready.batch.engines import DuckEngine, duckdb_at_work
from dealready.batch.job import Job
from dealready.batch.parts import MOST_DEALS, ROW_GROUP, deals_at_once, statements_at_once
from dealready.batch.run import score
from dealready.batch.schedule import run_steps
from dealready.batch.sources import open_source
from dealready.engine.script import Step
from hypothesis import given
from hypothesis import strategies as st

from .product import base

TABLES = ("deals", "criteria", "findings", "actions", "contradictions")  # planning the others takes a second a run
EXAMPLES = Path(__file__).parent.parent / "facts" / "examples"


@functools.cache
def compiled() -> Sql:
    return scoring_sql(base(), ("deals", "findings", "actions"))


class Recorded:
    """A database that notes which statements have begun and ended."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, log: list[tuple[str, str]], meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        self.database, self.log, self.meanwhile = database, log, meanwhile

    def cursor(self) -> Recorded:
        return Recorded(self.database.cursor(), self.log, self.meanwhile)

    def execute(self, sql: str) -> Any:
        self.log.append(("begun", sql))
        self.meanwhile()
        found = self.database.execute(sql)
        self.log.append(("ended", sql))
        return found

    def interrupt(self) -> None:
        self.database.interrupt()

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()


@st.composite
def scripts(draw: st.DrawFn) -> list[Step]:
    """Return steps that each add one to what they need, and say so."""
    made: list[Step] = []
    for number in range(draw(st.integers(1, 8))):
        after = draw(st.sets(st.integers(0, number - 1))) if number else set()
        parts = ["1", *(f"(SELECT n FROM t{before})" for before in sorted(after))]
        made.append(Step(f"CREATE TABLE t{number} AS SELECT {' + '.join(parts)} AS n", tuple(sorted(after))))
    return [*made, *(Step(f"SELECT n FROM t{number}", (number,)) for number in range(len(made)))]


@given(scripts(), st.integers(1, 4))
def test_a_step_begins_when_those_that_it_needs_have_ended(script: list[Step], at_once: int) -> None:
    log: list[tuple[str, str]] = []
    told: list[int] = []
    with duckdb.connect() as database, duckdb.connect() as other:
        database.execute("SET threads = 2")
        rows = run_steps(Recorded(database, log), script, at_once, lambda: told.append(1))  # type: ignore[arg-type]
        assert rows == run_steps(other, script)
    places = {entry: place for place, entry in enumerate(log)}
    assert len(places) == 2 * len(script) == 2 * len(told)
    for step in script:
        for before in step.after:
            assert places["ended", script[before].sql] < places["begun", step.sql]


def test_at_most_so_many_run_at_the_same_time_and_they_do() -> None:
    meeting = threading.Barrier(2, timeout=20)
    log: list[tuple[str, str]] = []
    with duckdb.connect() as database:
        steps = [Step(f"SELECT {number}") for number in range(6)]
        rows = run_steps(Recorded(database, log, meeting.wait), steps, 2)  # type: ignore[arg-type]
    assert rows == [[(number,)] for number in range(6)]
    running = itertools.accumulate({"begun": 1, "ended": -1}[what] for what, _ in log)
    assert max(running) == 2


def test_what_fails_stops_what_runs_beside_it() -> None:
    forever = "SELECT count(*) FROM range(1000000000000) AS a(x), range(1000000) AS b(y) WHERE x * y % 7 = 3"
    with duckdb.connect() as database, pytest.raises(duckdb.CatalogException, match="nowhere"):
        run_steps(database, [Step(forever), Step("SELECT * FROM nowhere"), Step("SELECT 1", (0,))], 2)


def test_the_statements_of_a_run_make_the_same_tables_in_any_order_that_their_needs_allow() -> None:
    assert concluded(latest_first()) == concluded(range(len(compiled().steps)))


def latest_first() -> Iterator[int]:
    order = TopologicalSorter({number: step.after for number, step in enumerate(compiled().steps)})
    order.prepare()
    ready: list[int] = []
    while order.is_active():
        ready = sorted([*ready, *order.get_ready()])
        yield ready[-1]
        order.done(ready.pop())


def concluded(numbers: Iterable[int]) -> dict[str, list[Any]]:
    with duckdb_at_work() as (database, _):
        lay_down(DuckEngine(database), base().vocabulary, open_source(database, str(EXAMPLES), base().vocabulary))
        for number in numbers:
            database.execute(compiled().steps[number].sql)
        return {name: database.execute(f"{query} ORDER BY ALL").fetchall() for name, query in compiled().outputs.items()}


@pytest.mark.parametrize(("deals", "memory", "at_once"), [
    (0, "3GB", 4), (10_000, "3GB", 4), (4 * ROW_GROUP - 1, "30GB", 4), (4 * ROW_GROUP, "30GB", 1), (100_000, "500MB", 2),
    (100_000, "200MB", 1),
])
def test_few_deals_are_worth_several_statements_at_once_where_memory_allows(deals: int, memory: str, at_once: int) -> None:
    with duckdb_at_work(memory, 4) as (database, _):
        assert statements_at_once(database, deals) == at_once


def test_a_part_has_as_many_deals_as_fit_into_memory_and_explained_ones_take_more() -> None:
    with duckdb_at_work("30GB") as (database, _):
        assert deals_at_once(database) == MOST_DEALS
        assert MOST_DEALS / 10 < deals_at_once(database, explained=True) < MOST_DEALS
        assert statements_at_once(database, 50_000, explained=True) >= 1
    with duckdb_at_work("300MB", 4) as (database, _):
        assert deals_at_once(database) // deals_at_once(database, explained=True) == 30
        assert statements_at_once(database, 4_000) == 4
        assert statements_at_once(database, 4_000, explained=True) == 1


def test_a_run_with_several_threads_writes_the_bytes_of_a_run_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threads, most in ((1, MOST_DEALS), (3, MOST_DEALS), (2, 5)):
        monkeypatch.setattr("dealready.batch.parts.MOST_DEALS", most)
        score(base(), Job(str(EXAMPLES), str(tmp_path / str(threads)), threads=threads, format="csv", tables=TABLES))
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    for other in ("2", "3"):
        assert names == sorted(path.name for path in (tmp_path / other).iterdir())
        for name in names:
            if name != "run.csv":  # it says how long the run took
                assert (tmp_path / "1" / name).read_bytes() == (tmp_path / other / name).read_bytes(), (other, name)
