"""Reads an output that was written before, of whatever kind it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from ..facts.texts import LANGUAGES
from ..render.words import say
from .filling import fill_table
from .postgres import SCHEMA, connected, is_address, reading, table_names
from .refusal import BadSource

IDS = "ids"  # the hidden sheet of a workbook that tells which id each label stands for
_READERS = {".parquet": "read_parquet(?)", ".csv": "read_csv(?, all_varchar = true, header = true)",
            ".jsonl": "read_json(?, format = 'newline_delimited')"}


def read_output(database: duckdb.DuckDBPyConnection, output: str, tables: Sequence[str], prefix: str) -> list[str]:
    """Read some tables of an output, each into ``prefix`` and its name; return the names of those that are there.

    Raises :class:`BadSource` if it is no output of a run.
    """
    path = Path(output)
    if is_address(output):
        found = _from_postgres(database, output, tables, prefix)
    elif not path.exists():
        raise BadSource("batch-nothing", source=output)
    elif path.is_dir():
        found = [name for name in tables if _from_folder(database, path, name, prefix)]
    else:
        readers = {".xlsx": _from_workbook, ".sqlite": _from_sqlite, ".sqlite3": _from_sqlite}
        reader = readers.get(path.suffix.lower(), _from_duckdb)
        try:
            found = reader(database, path, tables, prefix)
        except (duckdb.Error, sqlite3.Error, ValueError, KeyError, OSError) as error:
            raise BadSource("batch-unreadable", file=path.name, reason=str(error).splitlines()[0]) from None
    if "deals" not in found or not _has_columns(database, f"{prefix}deals"):
        raise BadSource("batch-not-ours", target=output)
    return found


def _has_columns(database: duckdb.DuckDBPyConnection, table: str) -> bool:
    names = {name for (name,) in database.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}
    return {"deal_id", "scored", "step", "readiness_low", "criteria_met"} <= names


def _from_folder(database: duckdb.DuckDBPyConnection, folder: Path, name: str, prefix: str) -> bool:
    """Read a file; in a CSV file the sign that keeps a text from being a formula is taken away again."""
    for ending, reader in _READERS.items():
        file = folder / f"{name}{ending}"
        if file.is_dir():  # as Spark writes it
            file = file / "*.parquet"
        if file.name.startswith("*") or file.exists():
            armed = r"regexp_replace(COLUMNS(*), '^''([=+\-@\t\r])', '\1')" if ending == ".csv" else "*"
            database.execute(f"CREATE TABLE {prefix}{name} AS SELECT {armed} FROM {reader}", [str(file)])
            return True
    return False


def _from_duckdb(database: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], prefix: str) -> list[str]:
    database.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS previous (READ_ONLY)")
    there = database.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'previous'").fetchall()
    found = [name for name in tables if (name,) in there]
    for name in found:
        database.execute(f"CREATE TABLE {prefix}{name} AS FROM previous.{name}")
    database.execute("DETACH previous")
    return found


def _from_sqlite(database: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], prefix: str) -> list[str]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
        there = {name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = [name for name in tables if name in there]
        for name in found:
            rows = other.execute(f'SELECT * FROM "{name}"')
            fill_table(database, f"{prefix}{name}", [column[0] for column in rows.description], _texts(rows))
    other.close()
    return found


def _from_workbook(database: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], prefix: str) -> list[str]:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    sheets = {say(f"score.sheet.{name}", language): name for name in tables for language in LANGUAGES}
    ids = {(of, label): name for of, name, label in book[IDS].iter_rows(values_only=True)} if IDS in book.sheetnames else {}
    found = []
    for sheet in book.worksheets:
        if sheet.title in sheets:
            rows = sheet.iter_rows(values_only=True)
            header = [str(ids.get((None, cell), cell)) for cell in next(rows, ())]
            meant = ([ids.get((name, cell), cell) for name, cell in zip(header, row, strict=False)] for row in rows)
            fill_table(database, f"{prefix}{sheets[sheet.title]}", header, _texts(meant))
            found.append(sheets[sheet.title])
    book.close()
    return found


def _from_postgres(database: duckdb.DuckDBPyConnection, address: str, tables: Sequence[str], prefix: str) -> list[str]:
    with connected(address) as connection:
        there = table_names(connection, SCHEMA)
        found = [name for name in tables if name in there]
        for name in found:
            with reading(connection, name, SCHEMA) as (header, rows):
                fill_table(database, f"{prefix}{name}", header, _texts(rows))
    return found


def _texts(rows: Iterable[Sequence[object]]) -> Iterable[list[str | None]]:
    for row in rows:
        yield [None if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell) for cell in row]
