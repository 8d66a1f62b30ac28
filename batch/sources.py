"""Opens an input and lays its tables down in DuckDB as they are: ``raw_deals`` and the like.

Every raw table gets ``_row``, the number of the row in its source, counted from 1 below the header.
"""

from __future__ import annotations

import datetime as dt
import glob
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ..facts.deal import Deal, load_deal
from ..facts.encoding import decode
from ..facts.problems import Problem, Rejected, nearest
from ..facts.tables import DEALS, KEY, deal_rows, tables
from ..facts.vocabulary import Vocabulary
from .filling import fill_table, quoted
from .postgres import connected, is_address, reading, table_names
from .refusal import BadSource

DEAL_FILES = frozenset({".yaml", ".yml", ".json"})
TABLE_FILES = frozenset({".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"})
WORKBOOKS = frozenset({".xlsx", ".xlsm"})
DATABASES = frozenset({".duckdb", ".db", ".sqlite", ".sqlite3"})
ROW = "_row"


@dataclass
class Opened:
    """What an input holds: raw tables by name, and what of it could not be read."""

    tables: list[str] = field(default_factory=list)
    refused: list[tuple[str, tuple[Problem, ...]]] = field(default_factory=list)
    unread: list[tuple[str, int, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def open_source(
    database: duckdb.DuckDBPyConnection, source: str, vocabulary: Vocabulary
) -> Opened:
    """Read an input into raw tables, or, if it is a folder or glob of deal files, into deals.

    Raises :class:`BadSource` if there is nothing to read, or nothing that can be a table of deals.
    """
    opened = Opened()
    if is_address(source):
        _postgres(database, source, vocabulary, opened)
    else:
        paths = _paths(source)
        endings = {path.suffix.lower() for path in paths}
        if endings <= DEAL_FILES:
            _deal_files(database, paths, vocabulary, opened)
            return opened
        _files(database, paths, vocabulary, opened)
    if DEALS not in opened.tables:
        raise BadSource("batch-no-deals", source=source, tables=", ".join(opened.tables) or "-")
    return opened


def is_tables(source: str) -> bool:
    """Tell whether a source holds tables rather than deal files: a table, a workbook, a database, or a folder of tables."""
    path = Path(source)
    if path.is_dir():
        return any(entry.suffix.lower() in TABLE_FILES for entry in path.iterdir())
    return is_address(source) or path.suffix.lower() in TABLE_FILES | WORKBOOKS | DATABASES


def _paths(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        known = DEAL_FILES | TABLE_FILES
        found = sorted(entry for entry in path.iterdir() if entry.is_file() and entry.suffix.lower() in known)
        tables = [entry for entry in found if entry.suffix.lower() in TABLE_FILES]
        found = tables or found
    elif path.exists():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file())
    if not found:
        raise BadSource("batch-nothing", source=source)
    return found


def _deal_files(
    database: duckdb.DuckDBPyConnection, paths: Iterable[Path], vocabulary: Vocabulary, opened: Opened
) -> None:
    deals = []
    for path in paths:
        try:
            deals.append((path.stem, load_deal(str(path), vocabulary)))
        except Rejected as rejected:
            opened.refused.append((str(path), rejected.problems))
    lay_down_deals(database, deals, vocabulary, opened)


def lay_down_deals(
    database: duckdb.DuckDBPyConnection, deals: Iterable[tuple[str, Deal]], vocabulary: Vocabulary, opened: Opened
) -> None:
    """Make raw tables out of deals, each with its id."""
    found: dict[str, list[dict[str, object]]] = {name: [] for name in tables(vocabulary)}
    for deal_id, deal in deals:
        for name, row in deal_rows(deal, deal_id):
            found[name].append(row)
    for name, rows in found.items():
        header = list(dict.fromkeys(column for row in rows for column in row)) or [KEY]
        cells = ([_text_of(row.get(column)) for column in header] for row in rows)
        fill_table(database, f"raw_{name}", header, cells, ROW)
        opened.tables.append(name)


def _text_of(value: object) -> str | None:
    """Return a value of a deal file as a table has it; a list as JSON, so that its members are told apart."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else _cell(value)


def _files(database: duckdb.DuckDBPyConnection, paths: Sequence[Path], vocabulary: Vocabulary, opened: Opened) -> None:
    alone = len(paths) == 1
    for path in paths:
        ending = path.suffix.lower()
        if ending in WORKBOOKS:
            _workbook(database, path, vocabulary, opened)
        elif ending in DATABASES:
            _database(database, path, vocabulary, opened)
        elif ending in TABLE_FILES:
            name = _table_name(path.stem, vocabulary) or (DEALS if alone else "")
            if not name:
                opened.ignored.append(path.name)
            elif name in opened.tables:
                raise BadSource("batch-table-twice", table=name, file=path.name)
            else:
                _file(database, path, name, opened)
        elif ending in DEAL_FILES:
            opened.ignored.append(path.name)
        else:
            raise BadSource("batch-ending", file=path.name, hint=nearest(ending, TABLE_FILES | WORKBOOKS | DATABASES) or ".csv")


def _table_name(name: str, vocabulary: Vocabulary) -> str:
    """Return the table that a file, sheet or table of a database is meant to be, or nothing."""
    plain = name.strip().lower()
    if plain in (DEALS, "deal", "商机"):
        return DEALS
    for collection in vocabulary.collections.values():
        if plain in (collection.id, collection.item, collection.label.zh, collection.label.en.lower()):
            return collection.id
    return ""


def _file(database: duckdb.DuckDBPyConnection, path: Path, name: str, opened: Opened) -> None:
    ending = path.suffix.lower()
    if ending == ".parquet":
        _parquet(database, path, name)
        opened.tables.append(name)
        return
    if ending in (".jsonl", ".ndjson"):
        reader = "read_json(?, format = 'newline_delimited', maximum_object_size = 67108864)"
    else:
        path = _as_utf8(path)
        separator = ", delim = '\t'" if ending == ".tsv" else ""
        reader = f"read_csv(?, all_varchar = true, header = true, null_padding = false, store_rejects = true{separator})"
    try:
        database.execute(f"CREATE TABLE raw_{name} AS SELECT row_number() OVER () AS {ROW}, * FROM {reader}", [str(path)])
    except duckdb.Error as error:
        raise BadSource("batch-unreadable", file=path.name, reason=str(error).splitlines()[0]) from None
    if ending in (".csv", ".tsv"):
        rejected = database.execute("SELECT line, error_message FROM reject_errors ORDER BY line").fetchall()
        opened.unread += [(name, line - 1, reason.splitlines()[0]) for line, reason in rejected]
        database.execute("DELETE FROM reject_errors")
        database.execute("DELETE FROM reject_scans")
    opened.tables.append(name)


def _parquet(database: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Parquet is read in place: what nobody asks for is never read."""
    file = str(path).replace("'", "''")
    try:
        database.execute(
            f"CREATE VIEW raw_{name} AS SELECT file_row_number + 1 AS {ROW}, * EXCLUDE (file_row_number)"
            f" FROM read_parquet('{file}', file_row_number = true)"
        )
    except duckdb.Error as error:
        raise BadSource("batch-unreadable", file=path.name, reason=str(error).splitlines()[0]) from None


def _as_utf8(path: Path) -> Path:
    """Return the file, or a copy beside the temporary files if it is written in another encoding that can be told."""
    import tempfile

    with path.open("rb") as file:
        head = file.read(1 << 20)
    try:
        head[: head.rfind(b"\n") + 1 or None].decode("utf-8-sig")
    except UnicodeDecodeError:
        text = decode(path.read_bytes(), str(path))
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=path.suffix, delete=False) as copy:
            copy.write(text)
        return Path(copy.name)
    return path


def _workbook(database: duckdb.DuckDBPyConnection, path: Path, vocabulary: Vocabulary, opened: Opened) -> None:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever the zip or XML reader below it raises
        raise BadSource("batch-unreadable", file=path.name, reason=str(error)) from None
    for sheet in book.worksheets:
        name = _table_name(sheet.title, vocabulary) or (DEALS if len(book.worksheets) == 1 else "")
        if not name:
            opened.ignored.append(sheet.title)
            continue
        rows = sheet.iter_rows(values_only=True)
        header = [str(cell or "").strip() for cell in next(rows, ())]
        fill_table(database, f"raw_{name}", header, (_cells(row) for row in rows if any(cell is not None for cell in row)), ROW)
        opened.tables.append(name)
    book.close()


def _cell(cell: object) -> str | None:
    """Return a cell as text; a date without a time as a plain date."""
    if cell is None:
        return None
    if isinstance(cell, list):
        return ";".join(map(str, cell)) or "-"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return ("true" if cell else "false") if isinstance(cell, bool) else str(cell)


def _database(database: duckdb.DuckDBPyConnection, path: Path, vocabulary: Vocabulary, opened: Opened) -> None:
    if path.read_bytes()[:15] == b"SQLite format 3":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
            listed = other.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name").fetchall()
            for (table,) in listed:
                name = _table_name(table, vocabulary)
                if not name:
                    opened.ignored.append(table)
                    continue
                rows = other.execute(f"SELECT * FROM {quoted(table)}")
                header = [column[0] for column in rows.description]
                fill_table(database, f"raw_{name}", header, map(_cells, rows), ROW)
                opened.tables.append(name)
        other.close()
        return
    try:
        database.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS source (READ_ONLY)")
    except duckdb.Error as error:
        raise BadSource("batch-unreadable", file=path.name, reason=str(error).splitlines()[0]) from None
    tables = database.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'source' ORDER BY 1").fetchall()
    for (table,) in tables:
        name = _table_name(table, vocabulary)
        if not name:
            opened.ignored.append(table)
            continue
        database.execute(f'CREATE TABLE raw_{name} AS SELECT row_number() OVER () AS {ROW}, * FROM source.{quoted(table)}')
        opened.tables.append(name)
    database.execute("DETACH source")


def _postgres(database: duckdb.DuckDBPyConnection, address: str, vocabulary: Vocabulary, opened: Opened) -> None:
    with connected(address) as connection:
        for table in table_names(connection):
            name = _table_name(table, vocabulary)
            if not name:
                opened.ignored.append(table)
                continue
            with reading(connection, table) as (header, rows):
                fill_table(database, f"raw_{name}", header, map(_cells, rows), ROW)
            opened.tables.append(name)


def _cells(row: Sequence[object]) -> list[str | None]:
    return [_cell(cell) for cell in row]
