"""The engines that a run can use: each makes tables out of queries, which are written for DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import duckdb

from .filling import quoted


class Engine(Protocol):
    """What the output tables need of an engine."""

    def create(self, name: str, query: str) -> None:
        """Make a table out of a query."""

    def view(self, name: str, query: str) -> None:
        """Give a query a name, to be run wherever the name is used."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, of which there are few."""

    def columns(self, query: str) -> dict[str, str]:
        """Return the columns of a query with their types."""

    def lookup(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Make a small table of texts."""


class DuckEngine:
    """DuckDB, in the process."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database

    def create(self, name: str, query: str) -> None:
        """Make a table out of a query."""
        self.database.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        self.database.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.database.execute(query).fetchall()

    def columns(self, query: str) -> dict[str, str]:
        """Return the columns of a query with their types."""
        return dict(self.rows(f"SELECT column_name, column_type FROM (DESCRIBE {query})"))

    def lookup(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Make a small table of texts."""
        self.database.execute(f"CREATE TABLE {name} ({', '.join(f'{quoted(column)} VARCHAR' for column in columns)})")
        if rows:
            marks = ", ".join("?" * len(columns))
            self.database.executemany(f"INSERT INTO {name} VALUES ({marks})", [list(row) for row in rows])
