"""Writes the output tables: whole or not at all, and never over something that is there without being told to."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from ..facts.texts import Language
from .cells import literal
from .engines import DuckEngine
from .filling import quoted
from .placing import beside, put_back, take_place
from .postgres import check_can_be_cleared, has_output, is_address, write_tables
from .previous import check_is_output, disarmed
from .refusal import BadSource, is_full, reason_of

_BOM = b"\xef\xbb\xbf"
_AFFINITIES = {"BOOLEAN": "INTEGER", "INTEGER": "INTEGER", "BIGINT": "INTEGER", "HUGEINT": "INTEGER", "DOUBLE": "REAL"}


def check_target(source: str, target: str, force: bool) -> None:
    """Raise :class:`BadSource` if an output can't be written or may not; called before the work begins."""
    if is_address(target):
        if has_output(target):
            _check_replaceable(target, force)
            check_can_be_cleared(target)
        return
    place = place_of(target)
    if place.suffix.lower() not in _FILES and _looks_like_an_ending(place.suffix):
        raise BadSource("batch-target", target=target)
    if not place.parent.is_dir():
        raise BadSource("batch-nothing", source=str(Path(target).parent))
    put_back(place)
    if not is_address(source) and place in (given := place_of(source), *given.parents):
        raise BadSource("batch-onto-input", target=target)
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        _check_replaceable(target, force)
    elif place.exists() and not place.is_dir():  # a device, say
        raise BadSource("batch-not-replaced", target=target)


def _check_replaceable(target: str, force: bool) -> None:
    """Raise :class:`BadSource` if what is there may not be replaced, or is not what a run wrote."""
    if not force:
        raise BadSource("batch-exists", target=target)
    try:
        check_is_output(target)
    except BadSource as bad:
        if bad.code == "batch-holds-others":
            raise
        raise BadSource("batch-not-replaced", target=target) from None


def _looks_like_an_ending(suffix: str) -> bool:
    """Tell the ending of a file from the rest of a name such as ``run.2026-03``."""
    return suffix[1:].isalnum() and suffix[1:2].isalpha()


def is_folder(target: str) -> bool:
    """Tell whether an output is a folder, with a file for each table."""
    return not is_address(target) and place_of(target).suffix.lower() not in _FILES


def place_of(target: str) -> Path:
    """Return where an output really goes: a link stays, and what it points to is replaced."""
    return Path(os.path.realpath(target))  # which a link to itself does not confuse


def write(
    database: duckdb.DuckDBPyConnection, target: str, tables: Sequence[str], look_again: Callable[[], None], kind: str = "",
    language: Language = "en",
) -> None:
    """Write ``out_…`` tables to the output: to something beside it first, which then takes its name.

    Meanwhile another run may have written there, so ``look_again`` is called just before that. ``kind`` is that of
    the files in a folder, ``language`` that of a workbook.
    """
    if is_address(target):
        look_again()
        write_tables(database, target, tables)
        return
    place = place_of(target)
    with _writable(target), beside(place) as folder:
        made = folder / place.name
        writer = _FILES.get(place.suffix.lower())
        if writer is None:
            _folder(database, made, tables, kind or "parquet")
        else:
            writer(database, made, tables, language)
        look_again()
        take_place(made, place, folder)


@contextmanager
def _writable(target: str) -> Iterator[None]:
    """Raise :class:`BadSource` for what a system or a database says of an output that it can't write."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.OperationalError, duckdb.FatalException, sqlite3.OperationalError, OSError) as error:
        if is_full(error):
            raise BadSource("batch-no-room", target=target) from None
        reason = (isinstance(error, OSError) and error.strerror) or reason_of(error)  # the file is none that anybody knows
        raise BadSource("batch-unwritten", target=target, reason=reason) from None


def _folder(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], kind: str) -> None:
    made.mkdir()
    for table in tables:
        file = made / f"{table}.{kind}"
        path = literal(file)
        if kind == "csv":
            database.execute(f"COPY ({_without_formulas(database, table)}) TO {path} (FORMAT csv, HEADER)")
            _mark_as_utf8(file)
        elif kind == "jsonl":
            database.execute(f"COPY out_{table} TO {path} (FORMAT json)")
        else:
            database.execute(f"COPY out_{table} TO {path} (FORMAT parquet, COMPRESSION zstd)")


def _mark_as_utf8(file: Path) -> None:
    """Put the mark in front by which spreadsheet programs tell UTF-8."""
    plain = file.with_suffix(".plain")
    os.rename(file, plain)
    with plain.open("rb") as source, file.open("wb") as marked:
        marked.write(_BOM)
        shutil.copyfileobj(source, marked, 1 << 20)
    plain.unlink()


def _without_formulas(database: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return the query of a table in which no text begins as a formula would."""
    parts = [
        f"{disarmed(quoted(name))} AS {quoted(name)}" if kind == "VARCHAR" else quoted(name)
        for name, kind in DuckEngine(database).columns(f"out_{table}").items()
    ]
    return f"SELECT {', '.join(parts)} FROM out_{table}"


def _duckdb(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], language: Language) -> None:
    database.execute(f"ATTACH {literal(made)} AS target")
    for table in tables:
        database.execute(f"CREATE TABLE target.{table} AS FROM out_{table}")
    database.execute("DETACH target")


def _sqlite(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], language: Language) -> None:
    with closing(sqlite3.connect(made)) as other, other:
        for table in tables:
            described = DuckEngine(database).columns(f"out_{table}")
            columns = ", ".join(f"{quoted(name)} {_affinity(kind)}" for name, kind in described.items())
            other.execute(f"CREATE TABLE {quoted(table)} ({columns})")
            rows = database.execute(f"FROM out_{table}")
            into = f"INSERT INTO {quoted(table)} VALUES ({', '.join('?' * len(described))})"
            while batch := rows.fetchmany(10_000):
                other.executemany(into, [[_plain(cell) for cell in row] for row in batch])


def _affinity(kind: str) -> str:
    """Return the type of a column of SQLite; under the right one a decimal, which is handed over as a text, is a number."""
    return "NUMERIC" if kind.startswith("DECIMAL") else _AFFINITIES.get(kind, "TEXT")


def _plain(cell: object) -> object:
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)


def _workbook(database: duckdb.DuckDBPyConnection, made: Path, tables: Sequence[str], language: Language) -> None:
    from .workbook import write_workbook

    write_workbook(database, made, tables, language)


_FILES = {".xlsx": _workbook, ".duckdb": _duckdb, ".db": _duckdb, ".sqlite": _sqlite, ".sqlite3": _sqlite}
