"""Reads tables from PostgreSQL and writes an output there: all of it in one transaction, in a schema of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import duckdb

from .engines import DuckEngine
from .filling import quoted
from .refusal import BadSource

SCHEMA = "dealready"
_SCHEMA_OPTION = "schema"  # of an address: the schema to read
_ROWS = 10_000  # fetched at a time
_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "HUGEINT": "numeric", "VARCHAR[]": "text[]"}


def is_address(text: str) -> bool:
    """Tell whether a source or target is an address of a PostgreSQL database."""
    return text.startswith(("postgres://", "postgresql://"))


def database_of(address: str) -> tuple[str, str]:
    """Return which database an address names, whoever connects to it and whatever else it says."""
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[2], parts.path


@contextmanager
def connected(address: str, writing: bool = False) -> Iterator[Any]:
    """Connect to a database for one transaction. Raises :class:`BadSource` for whatever goes wrong with it."""
    try:
        import psycopg
    except ImportError:
        raise BadSource("batch-extra", extra="postgres") from None
    try:
        with psycopg.connect(_without_schema(address)) as connection:
            yield connection
    except psycopg.Error as error:
        reason = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
        if writing:
            raise BadSource("batch-unwritten", target="postgresql", reason=reason) from None
        raise BadSource("batch-unreadable", file="postgresql", reason=reason) from None


def schema_of(address: str, connection: Any) -> str:
    """Return the schema to read: the one that the address names, or the first in use that is no output.

    Raises :class:`BadSource` if the address names the output.
    """
    named = dict(parse_qsl(urlsplit(address).query)).get(_SCHEMA_OPTION, "")
    if named == SCHEMA:
        raise BadSource("batch-is-output")
    in_use = [name for (name,) in connection.execute("SELECT unnest(current_schemas(false))").fetchall()]
    return named or next((name for name in in_use if name != SCHEMA), "public")


def _without_schema(address: str) -> str:
    """Return an address as the driver knows it."""
    parts = urlsplit(address)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != _SCHEMA_OPTION]
    return urlunsplit(parts._replace(query=urlencode(options, quote_via=quote)))


def table_names(connection: Any, schema: str) -> list[str]:
    """Return the tables and views of a schema."""
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1"
    return [name for (name,) in connection.execute(query, [schema]).fetchall()]


@contextmanager
def reading(connection: Any, table: str, schema: str) -> Iterator[tuple[list[str], Iterator[Sequence[Any]]]]:
    """Give the column names of a table, and its rows, fetched as they are needed."""
    from psycopg.types.string import TextLoader

    with connection.cursor(name="rows") as cursor:
        for kind in ("date", "timestamp", "timestamptz"):  # the driver stops at days that Python has not
            cursor.adapters.register_loader(kind, TextLoader)
        connection.execute("SET LOCAL datestyle TO ISO")
        cursor.itersize = _ROWS
        cursor.execute(f"SELECT * FROM {quoted(schema)}.{quoted(table)}")
        first = cursor.fetchone()
        header = [column.name for column in cursor.description]

        def rows() -> Iterator[Sequence[Any]]:
            if first is not None:
                yield first
                yield from cursor

        yield header, rows()


def has_output(address: str) -> bool:
    """Tell whether there are tables where an output goes."""
    with connected(address) as connection:
        return bool(table_names(connection, SCHEMA))


def check_can_be_cleared(address: str) -> None:
    """Raise :class:`BadSource` if something depends on an earlier output: better now than after hours of work."""
    with connected(address, writing=True) as connection:
        _clear(connection)
        connection.rollback()


def _clear(connection: Any) -> None:
    """Take away the tables of an earlier output, if nothing else depends on them."""
    for table in table_names(connection, SCHEMA):
        connection.execute(f"DROP TABLE {SCHEMA}.{quoted(table)}")


def write_tables(database: duckdb.DuckDBPyConnection, address: str, tables: Sequence[str]) -> None:
    """Write the ``out_…`` tables into the schema, in place of an earlier output."""
    with connected(address, writing=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        _clear(connection)
        for table in tables:
            described = DuckEngine(database).columns(f"out_{table}").items()
            columns = ", ".join(f"{quoted(name)} {_TYPES.get(kind, kind.lower())}" for name, kind in described)
            connection.execute(f"CREATE TABLE {SCHEMA}.{table} ({columns})")
            rows = database.execute(f"FROM out_{table}")
            with connection.cursor() as cursor, cursor.copy(f"COPY {SCHEMA}.{table} FROM STDIN") as copy:
                while batch := rows.fetchmany(_ROWS):
                    for row in batch:
                        copy.write_row(row)
