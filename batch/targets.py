"""Writes the output tables: whole or not at all, and never over something that is there without being told to."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from .postgres import check_free, is_address, write_tables
from .refusal import BadSource

if TYPE_CHECKING:
    from .job import Job

_BOM = b"\xef\xbb\xbf"
FORMATS = ("parquet", "csv", "jsonl")
_FORMULA = r"'^[=+\-@\t\r]'"


def check_target(job: Job) -> None:
    """Raise :class:`BadSource` if the output can't be written or is there already; called before the work begins."""
    if is_address(job.target):
        check_free(job.target, job.force)
        return
    path = Path(job.target)
    if path.suffix.lower() not in _WRITERS and path.suffix and path.suffix[1:] not in FORMATS:
        raise BadSource("batch-target", target=job.target)
    if path.exists() and not job.force:
        raise BadSource("batch-exists", target=job.target)
    if not path.absolute().parent.is_dir():
        raise BadSource("batch-nothing", source=str(path.parent))


def write(database: duckdb.DuckDBPyConnection, job: Job, tables: Sequence[str]) -> None:
    """Write ``out_…`` tables to the output: to something beside it first, which then takes its name."""
    if is_address(job.target):
        write_tables(database, job.target, tables)
        return
    target = Path(job.target).absolute()
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        made = beside / target.name
        _WRITERS.get(target.suffix.lower(), _folder)(database, made, tables, job)
        take_place(made, target, beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def take_place(made: Path, target: Path, beside: Path) -> None:
    """Put what was made where the output belongs; an old folder has to step aside first."""
    if target.is_dir() and not target.is_symlink():
        os.rename(target, beside / f"{target.name}.old")
        os.rename(made, target)
    else:
        os.replace(made, target)


def _folder(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], job: Job) -> None:
    kind = job.format or (made.suffix[1:] if made.suffix[1:] in FORMATS else "parquet")
    made.mkdir()
    for table in tables:
        file = made / f"{table}.{kind}"
        path = str(file).replace("'", "''")
        if kind == "csv":
            database.execute(f"COPY ({_disarmed(database, table)}) TO '{path}' (FORMAT csv, HEADER)")
            _mark_as_utf8(file)
        elif kind == "jsonl":
            database.execute(f"COPY out_{table} TO '{path}' (FORMAT json)")
        else:
            database.execute(f"COPY out_{table} TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def _mark_as_utf8(file: Path) -> None:
    """Put the mark in front by which spreadsheet programs tell UTF-8."""
    plain = file.with_suffix(".plain")
    os.rename(file, plain)
    with plain.open("rb") as source, file.open("wb") as marked:
        marked.write(_BOM)
        shutil.copyfileobj(source, marked, 1 << 20)
    plain.unlink()


def _disarmed(database: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return the query of a table in which no text begins as a formula would."""
    columns = database.execute(f"SELECT column_name, column_type FROM (DESCRIBE out_{table})").fetchall()
    parts = [
        f"CASE WHEN regexp_matches(\"{name}\", {_FORMULA}) THEN '''' || \"{name}\" ELSE \"{name}\" END AS \"{name}\""
        if kind == "VARCHAR" else f'"{name}"'
        for name, kind in columns
    ]
    return f"SELECT {', '.join(parts)} FROM out_{table}"


def _duckdb(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], job: Job) -> None:
    path = str(made).replace("'", "''")
    database.execute(f"ATTACH '{path}' AS target")
    for table in tables:
        database.execute(f"CREATE TABLE target.{table} AS FROM out_{table}")
    database.execute("DETACH target")


def _sqlite(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], job: Job) -> None:
    other = sqlite3.connect(made)
    with other:
        for table in tables:
            rows = database.execute(f"FROM out_{table}")
            names = [column[0] for column in rows.description or ()]
            columns = ", ".join(f'"{name}"' for name in names)
            other.execute(f'CREATE TABLE "{table}" ({columns})')
            marks = ", ".join("?" * len(names))
            while batch := rows.fetchmany(10_000):
                other.executemany(f'INSERT INTO "{table}" VALUES ({marks})', [[_plain(cell) for cell in row] for row in batch])
    other.close()


def _plain(cell: object) -> object:
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)


def _workbook(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], job: Job) -> None:
    from .workbook import write_workbook

    write_workbook(database, made, tables, job.language)


_WRITERS = {".xlsx": _workbook, ".duckdb": _duckdb, ".db": _duckdb, ".sqlite": _sqlite, ".sqlite3": _sqlite}
