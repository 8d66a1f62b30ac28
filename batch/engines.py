"""The engines that a run can use: each makes tables out of queries, which are written for DuckDB."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import duckdb

from ..engine.script import Step
from .cells import literal
from .filling import fill_table
from .refusal import BadSource, is_full, reason_of
from .schedule import Rows, run_steps

FEW_DEALS = 20_000  # over which planning statement after statement takes longer than what a plan saves
# The first would turn every test against a dozen values into a join, and there are hundreds of such tests; the
# second takes longer to plan a thousand columns than it saves.
_HARMFUL = "in_clause,projection_placement"
_SLOW = "projection_pullup,join_order,statistics_propagation"


class Engine(Protocol):
    """What reading, laying down and writing tables need of an engine.

    ``bare_keys`` tells whether it copes with keys that are taken from files as they are; ``at_once`` is how many
    statements it should be given at the same time.
    """

    bare_keys: bool
    at_once: int

    def create(self, name: str, query: str) -> None:
        """Make a table out of a query."""

    def create_all(self, queries: Mapping[str, str]) -> None:
        """Make several tables by name, none out of another."""

    def view(self, name: str, query: str) -> None:
        """Give a query a name, to be run wherever the name is used."""

    def rows(self, query: str) -> Rows:
        """Return the rows of a query, of which there are few."""

    def rows_of_each(self, queries: Sequence[str]) -> list[Rows]:
        """Return the rows of several queries."""

    def columns(self, query: str) -> dict[str, str]:
        """Return the columns of a query with their types."""

    def lookup(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        """Make a small table of texts."""


class DuckEngine:
    """DuckDB, in the process."""

    bare_keys = True  # it then skips the blocks of a file in which no key is of those that are asked for

    def __init__(self, database: duckdb.DuckDBPyConnection, at_once: int = 1) -> None:
        """``at_once`` is how many statements may run at the same time."""
        self.database = database
        self.at_once = at_once

    def run(self, steps: Sequence[Step], told: Callable[[], None] = lambda: None) -> list[Rows]:
        """Run the steps of a script; see :func:`~.schedule.run_steps`."""
        return run_steps(self.database, steps, self.at_once, told)

    def create(self, name: str, query: str) -> None:
        """Make a table out of a query."""
        self.create_all({name: query})

    def create_all(self, queries: Mapping[str, str]) -> None:
        """Make several tables by name."""
        self.run([Step(f"CREATE OR REPLACE TABLE {name} AS {query}") for name, query in queries.items()])

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        self.database.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")

    def rows(self, query: str) -> Rows:
        """Return the rows of a query."""
        return self.database.execute(query).fetchall()

    def rows_of_each(self, queries: Sequence[str]) -> list[Rows]:
        """Return the rows of several queries."""
        return self.run([Step(query) for query in queries])

    def columns(self, query: str) -> dict[str, str]:
        """Return the columns of a query with their types."""
        return dict(self.rows(f"SELECT column_name, column_type FROM (DESCRIBE {query})"))

    def lookup(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        """Make a small table of texts."""
        fill_table(self.database, name, columns, rows)


@contextmanager
def duckdb_at_work(memory: str = "", threads: int = 0) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open a database in memory that is set up for the rules, with a folder for what it spills.

    ``memory`` is a limit such as ``4GB``; both are DuckDB's own choice by default. Raises
    :class:`BadSource` if ``memory`` is no amount, or if memory or disk run out while it is at work.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="dealready-") as folder, duckdb.connect() as database:
            database.execute(f"SET temp_directory = {literal(folder)}")
            database.execute("SET enable_progress_bar = false")
            database.execute("SET TimeZone = 'UTC'")  # the day of a moment is the same on every machine
            database.execute("SET parquet_metadata_cache = true")  # a file is opened by every statement that reads it
            database.execute("SET checkpoint_threshold = '1TB'")  # what lies in memory gains nothing by a checkpoint
            database.execute(f"SET disabled_optimizers = '{_HARMFUL}'")
            if threads:
                database.execute(f"SET threads = {threads}")
            if memory:
                _limit(database, memory)
            yield database, Path(folder)
    except duckdb.OutOfMemoryException:
        raise BadSource("batch-out-of-memory", memory=memory or "-") from None
    except (duckdb.IOException, OSError) as error:
        if is_full(error):
            raise BadSource("batch-no-room-aside", folder=tempfile.gettempdir()) from None
        raise BadSource("batch-file", reason=reason_of(error)) from None


def _limit(database: duckdb.DuckDBPyConnection, memory: str) -> None:
    """Limit the memory of a database. Raises :class:`BadSource` for what is no amount, or more than there can be."""
    if re.fullmatch(r"\d+(\.\d+)?\s*([KMGT]i?B)", memory, re.IGNORECASE):
        with suppress(duckdb.ParserException):
            database.execute(f"SET memory_limit = {literal(memory)}")
            return
    raise BadSource("batch-memory", found=memory)


def plan_for(database: duckdb.DuckDBPyConnection, deals: int) -> None:
    """Let DuckDB leave out what improves a plan, but takes longer than running it, if there are few deals."""
    if deals <= FEW_DEALS:
        database.execute(f"SET disabled_optimizers = '{_HARMFUL},{_SLOW}'")


@contextmanager
def any_order(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let DuckDB make tables with their rows in any order, which takes less memory; queries that sort come after."""
    database.execute("SET preserve_insertion_order = false")
    try:
        yield
    finally:
        database.execute("SET preserve_insertion_order = true")


def rows_by_name(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, each with its values by column."""
    found = database.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
