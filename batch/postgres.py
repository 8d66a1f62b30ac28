"""Reads tables from PostgreSQL and writes an output there: all of it in one transaction, in a schema of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from .filling import quoted
from .refusal import BadSource

SCHEMA = "dealready"
_ROWS = 10_000  # fetched at a time
_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "HUGEINT": "numeric", "VARCHAR[]": "text[]"}


def is_address(text: str) -> bool:
    """Tell whether a source or target is an address of a PostgreSQL database."""
    return text.startswith(("postgres://", "postgresql://"))


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a database for one transaction. Raises :class:`BadSource` for whatever goes wrong with it."""
    try:
        import psycopg
    except ImportError:
        raise BadSource("batch-extra", extra="postgres") from None
    try:
        with psycopg.connect(address) as connection:
            yield connection
    except psycopg.Error as error:
        reason = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
        raise BadSource("batch-unreadable", file="postgresql", reason=reason) from None


def table_names(connection: Any, schema: str = "") -> list[str]:
    """Return the tables and views of a schema, by default of the one in use."""
    query = ("SELECT table_name FROM information_schema.tables"
             " WHERE table_schema = coalesce(nullif(%s, ''), current_schema()) ORDER BY 1")
    return [name for (name,) in connection.execute(query, [schema]).fetchall()]


@contextmanager
def reading(connection: Any, table: str, schema: str = "") -> Iterator[tuple[list[str], Iterator[Sequence[Any]]]]:
    """Give the column names of a table, and its rows, fetched as they are needed."""
    place = f"{quoted(schema)}.{quoted(table)}" if schema else quoted(table)
    with connection.cursor(name="rows") as cursor:
        cursor.itersize = _ROWS
        cursor.execute(f"SELECT * FROM {place}")
        first = cursor.fetchone()
        header = [column.name for column in cursor.description]

        def rows() -> Iterator[Sequence[Any]]:
            if first is not None:
                yield first
                yield from cursor

        yield header, rows()


def check_free(address: str, force: bool) -> None:
    """Raise :class:`BadSource` if the schema holds tables already and may not be replaced."""
    with connected(address) as connection:
        if not force and table_names(connection, SCHEMA):
            raise BadSource("batch-exists", target=f"postgresql schema {SCHEMA}")


def write_tables(database: duckdb.DuckDBPyConnection, address: str, tables: Sequence[str]) -> None:
    """Write the ``out_…`` tables into the schema, in place of all that it held."""
    with connected(address) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in tables:
            described = database.execute(f"SELECT column_name, column_type FROM (DESCRIBE out_{table})").fetchall()
            columns = ", ".join(f"{quoted(name)} {_TYPES.get(kind, kind.lower())}" for name, kind in described)
            connection.execute(f"CREATE TABLE {SCHEMA}.{table} ({columns})")
            rows = database.execute(f"FROM out_{table}")
            with connection.cursor() as cursor, cursor.copy(f"COPY {SCHEMA}.{table} FROM STDIN") as copy:
                while batch := rows.fetchmany(_ROWS):
                    for row in batch:
                        copy.write_row(row)
