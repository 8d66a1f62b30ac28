"""Reads an output that was written before, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..engine.outputs import CONDITIONS, OUTPUTS
from ..facts.tables import DEALS, KEY
from ..facts.texts import LANGUAGES
from ..render.words import say
from .cells import literal
from .contradictions import CONTRADICTIONS
from .filling import ROW, quoted
from .headers import Headers
from .postgres import SCHEMA, is_address
from .refusal import BadSource
from .stores import DATABASES, WORKBOOKS, Store, open_store, unreadable

OUTPUT_TABLES = (*OUTPUTS, CONDITIONS, CONTRADICTIONS, "changes", "errors", "run")
IDS = "ids"  # the hidden sheet of a workbook that tells which id each label stands for, and in which place:
HEADER = ""  # among the headers, or in the column of that name
_READERS = {".parquet": "read_parquet(?)", ".csv": "read_csv(?, all_varchar = true, header = true)",
            ".jsonl": "read_json(?, format = 'newline_delimited')"}


def read_output(
    database: duckdb.DuckDBPyConnection, output: str, tables: Sequence[str], prefix: str, most_rows: int | None = None
) -> list[str]:
    """Read some tables of an output, each into ``prefix`` and its name; return the names of those that are there.

    Raises :class:`BadSource` if it is no output of a run.
    """
    with _opened(database, output) as store:
        there = {_meant(title): place for place, title in store.names.items()}
        found = [name for name in tables if name in there]
        for name in found:
            store.read(there[name], f"{prefix}{name}", most=most_rows)
            database.execute(f"ALTER TABLE {prefix}{name} DROP COLUMN IF EXISTS {ROW}")
        if IDS in store.names:
            _put_ids_back(database, store, [f"{prefix}{name}" for name in found])
    if DEALS not in found or not is_output(_columns(database, f"{prefix}{DEALS}")):
        raise BadSource("batch-not-ours", target=output)
    return found


def check_is_output(output: str) -> None:
    """Raise :class:`BadSource` if a place holds anything but what a run wrote there."""
    with duckdb.connect() as database:
        read_output(database, output, (DEALS,), "", most_rows=0)
        with _opened(database, output) as store:
            others = [place for place, title in store.names.items() if _meant(title) not in (*OUTPUT_TABLES, "help", IDS)]
    if others:
        raise BadSource("batch-holds-others", target=output, names=", ".join(others[:3]))


def is_output(columns: Collection[str]) -> bool:
    """Tell whether a table of deals is one that a run wrote."""
    return {KEY, "scored", "step", "readiness_low", "criteria_met"} <= set(columns)


def _put_ids_back(database: duckdb.DuckDBPyConnection, store: Store, tables: Sequence[str]) -> None:
    """Turn the labels of the tables of a workbook, of columns and of values, back into the ids that they stand for."""
    store.read(IDS, "previous_ids")
    told = database.execute("SELECT place, label, id FROM previous_ids").fetchall()
    database.execute("DROP TABLE previous_ids")
    ids: dict[str, dict[str, str]] = {}
    for place, label, id_ in told:
        ids.setdefault(place or HEADER, {})[label] = id_
    for table in tables:
        columns = []
        for label in _columns(database, table):
            name = ids.get(HEADER, {}).get(label, label)
            cases = "".join(f" WHEN {literal(shown)} THEN {literal(id_)}" for shown, id_ in ids.get(name, {}).items())
            value = f"CASE {quoted(label)}{cases} ELSE {quoted(label)} END" if cases else quoted(label)
            columns.append(f"{value} AS {quoted(name)}")
        database.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {', '.join(columns)} FROM {table}")


def _columns(database: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [name for (name,) in database.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()]


def _meant(title: str) -> str:
    """Return the table that something in an output is: its name, or, of a sheet, its title in some language."""
    sheets = {say(f"score.sheet.{name}", language): name for name in (*OUTPUT_TABLES, "help") for language in LANGUAGES}
    return sheets.get(title, title)


@contextmanager
def _opened(database: duckdb.DuckDBPyConnection, output: str) -> Iterator[Store]:
    path = Path(output)
    if is_address(output):
        with open_store(database, output, SCHEMA) as store:
            yield store
    elif not path.exists():
        raise BadSource("batch-nothing", source=output)
    elif path.is_dir():
        try:
            yield _Folder(database, path)
        except (duckdb.Error, OSError) as error:
            raise unreadable(path.name, error) from None
    elif path.suffix.lower() not in WORKBOOKS | DATABASES:
        raise BadSource("batch-not-ours", target=output)
    else:
        with open_store(database, output) as store:
            yield store


class _Folder:
    """A folder of files, or of folders of Parquet files as Spark writes them."""

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.names = {entry.name: entry.stem if entry.suffix in _READERS else entry.name for entry in sorted(folder.iterdir())}

    def read(self, table: str, into: str, headers: Headers | None = None, most: int | None = None) -> None:
        """Read a file; in a CSV file the sign that keeps a text from being a formula is taken away again."""
        file = self.folder / table
        reader = _READERS.get(file.suffix, _READERS[".parquet"])
        armed = r"regexp_replace(COLUMNS(*), '^''([=+\-@\t\r])', '\1')" if file.suffix == ".csv" else "*"
        limit = "" if most is None else f" LIMIT {most}"
        self.database.execute(
            f"CREATE TABLE {into} AS SELECT {armed} FROM {reader}{limit}", [str(file / "*.parquet" if file.is_dir() else file)])
