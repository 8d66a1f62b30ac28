"""Reads the tables of a workbook, a DuckDB or SQLite file, or a PostgreSQL database, all in the same way."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import duckdb

from .cells import literal
from .filling import ROW, quoted, text_of_cell
from .formulas import has_formulas, lost_rows, unstored
from .headers import Headers
from .postgres import connected, is_address, reading, schema_of, table_names
from .refusal import BadSource
from .rows import Unread, drop_blanks, fill_rows, is_blank

WORKBOOKS = frozenset({".xlsx", ".xlsm"})
DATABASES = frozenset({".duckdb", ".db", ".sqlite", ".sqlite3"})
_SERIALS = range(20_000, 80_000)  # numbers of days that a workbook may mean: 1954 to 2119
# Of what libraries say, in words for programmers, of a file that they can't read: a part, and the code of what we say instead.
_CAUSES = (
    ("not a zip file", "batch-not-workbook"),
    ("[Content_Types].xml", "batch-not-workbook"),
    ("no valid workbook", "batch-not-workbook"),
    ("No magic bytes", "batch-not-parquet"),
    ("too small to be a Parquet file", "batch-not-parquet"),
    ("not a valid DuckDB database", "batch-not-database"),
    ("file is not a database", "batch-not-database"),
    ("Could not set lock", "batch-in-use"),
    ("Permission denied", "batch-no-permission"),
    ("No such file", "batch-gone"),
    ("No files found", "batch-gone"),
    ("surrogate", "batch-name"),
)


class Store(Protocol):
    """Something with tables in it: ``names`` has the name of each by what people know it as."""

    names: dict[str, str]

    def read(
        self, table: str, into: str, headers: Headers | None = None, most: int | None = None
    ) -> Sequence[Unread] | None:
        """Make a table out of one that is known as ``table``, or of its first rows; its rows are numbered in ``_row``.

        ``headers`` tells what its columns mean. Returns the rows that can't be read.
        """


@contextmanager
def open_store(database: duckdb.DuckDBPyConnection, source: str, schema: str = "") -> Iterator[Store]:
    """Open a file or an address. Raises :class:`BadSource` for whatever goes wrong with it, also later on."""
    path = Path(source)
    if is_address(source):
        with connected(source) as connection:
            yield _Postgres(database, connection, schema or schema_of(source, connection))
    elif path.suffix.lower() in WORKBOOKS:
        with _workbook(database, path) as store:
            yield store
    else:
        try:
            with _sqlite(database, path) if _is_sqlite(path) else _duckdb(database, path) as store:
                yield store
        except duckdb.OutOfMemoryException:
            raise
        except (duckdb.Error, sqlite3.Error, OSError) as error:
            raise unreadable(path.name, error) from None


def unreadable(name: str, error: Exception, otherwise: str = "batch-unreadable") -> BadSource:
    """Return how it is said that a file can't be read: in our own words, unless the cause is a rare one.

    ``otherwise`` is the code of the message for those.
    """
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    code = next((code for part, code in _CAUSES if part in reason), otherwise)
    return BadSource(code, file=name, reason=reason)


class _Duckdb:
    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database
        found = database.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'source' ORDER BY ALL")
        self.places = {f"{schema}.{table}": (schema, table) for schema, table in found.fetchall()}
        self.names = {place: table for place, (_, table) in self.places.items()}

    def read(self, table: str, into: str, headers: Headers | None = None, most: int | None = None) -> Sequence[Unread]:
        limit = "" if most is None else f" LIMIT {most}"
        place = ".".join(map(quoted, ("source", *self.places[table])))
        self.database.execute(f"CREATE TABLE {into} AS SELECT row_number() OVER () AS {ROW}, * FROM {place}{limit}")
        drop_blanks(self.database, into)
        return ()


@contextmanager
def _duckdb(database: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Store]:
    database.execute(f"ATTACH {literal(path)} AS source (READ_ONLY)")
    try:
        yield _Duckdb(database)
    finally:
        database.execute("DETACH source")


class _Sqlite:
    def __init__(self, database: duckdb.DuckDBPyConnection, other: sqlite3.Connection) -> None:
        self.database = database
        self.other = other
        found = other.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")
        self.names = {name: name for (name,) in found}

    def read(self, table: str, into: str, headers: Headers | None = None, most: int | None = None) -> Sequence[Unread]:
        rows = self.other.execute(f"SELECT * FROM {quoted(table)}")
        return _fill(self.database, into, [column[0] for column in rows.description], islice(rows, most), headers)


@contextmanager
def _sqlite(database: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Store]:
    other = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    other.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # a text that is not UTF-8 costs its row
    try:
        yield _Sqlite(database, other)
    finally:
        other.close()


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(15) == b"SQLite format 3" or path.suffix.lower().startswith(".sqlite")


class _Postgres:
    def __init__(self, database: duckdb.DuckDBPyConnection, connection: Any, schema: str) -> None:
        self.database = database
        self.connection = connection
        self.schema = schema
        self.names = {name: name for name in table_names(connection, schema)}

    def read(self, table: str, into: str, headers: Headers | None = None, most: int | None = None) -> Sequence[Unread]:
        with reading(self.connection, table, self.schema) as (header, rows):
            return _fill(self.database, into, header, islice(rows, most), headers)


class _Workbook:
    """Sheets as two books read them: one their results, the other, which is there only if there are any, their formulas."""

    def __init__(self, database: duckdb.DuckDBPyConnection, file: str, book: Any, formulas: Any) -> None:
        self.database = database
        self.file = file
        self.book = book
        self.formulas = formulas
        self.names = {sheet.title: sheet.title for sheet in book.worksheets}

    def read(self, table: str, into: str, headers: Headers | None = None, most: int | None = None) -> Sequence[Unread]:
        with _told_of(self.file):
            lost = unstored(self.book[table], self.formulas[table]) if self.formulas and headers else {}
        rows: Iterator[tuple[int, tuple[Any, ...]]] = enumerate(self._rows(table), 1)
        titles = (
            (number, [str(lost.get(number, {}).get(place, cell) or "").strip() for place, cell in enumerate(row)])
            for number, row in rows
        )
        above, header = next(((number, row) for number, row in titles if not is_blank(row)), (0, []))
        dates = {place for place, name in enumerate(header) if headers and headers.is_date(name)}
        shares = {place for place, name in enumerate(header) if headers and headers.is_share(name)}
        if shares:  # what is shown as 80% is stored as 0.8
            rows = islice(enumerate(self._rows(table, shares), 1), above, None)
        known = {place for place, name in enumerate(header) if headers and headers.column(name)}
        filled = (
            (number, [text_of_cell(self._day(cell) if place in dates else cell) for place, cell in enumerate(row)])
            for number, row in islice(rows, most)
        )
        return fill_rows(self.database, into, header, filled, headers, lost_rows(lost, known))

    def _rows(self, table: str, shares: Collection[int] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a sheet, which is parsed meanwhile; in some places as they are shown if that is in percent."""
        rows = self.book[table].iter_rows(values_only=not shares)
        while True:
            with _told_of(self.file):
                row = next(rows, None)
            if row is None:
                return
            yield tuple(_shown(cell) if place in shares else cell.value for place, cell in enumerate(row)) if shares else row

    def _day(self, cell: object) -> object:
        """Return the day that a number means in a column of days that are not shown as such."""
        from openpyxl.utils.datetime import from_excel

        if isinstance(cell, int | float) and int(cell) in _SERIALS:
            return from_excel(int(cell), self.book.epoch)
        return cell


@contextmanager
def _workbook(database: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Store]:
    import openpyxl

    with ExitStack() as books:
        with _told_of(path.name):
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            books.callback(book.close)
            formulas = openpyxl.load_workbook(path, read_only=True) if has_formulas(path) else None
            if formulas is not None:
                books.callback(formulas.close)
        yield _Workbook(database, path.name, book, formulas)


def _shown(cell: Any) -> object:
    """Return the value of a cell, with its sign if it is shown in percent."""
    is_percent = type(cell.value) in (int, float) and "%" in (cell.number_format or "")  # a yes is no number
    return f"{cell.value * 100:.2f}%" if is_percent else cell.value  # a share has four decimals


@contextmanager
def _told_of(file: str) -> Iterator[None]:
    """Raise :class:`BadSource` for whatever openpyxl raises: it is what the zip or XML reader below it does."""
    try:
        yield
    except Exception as error:
        raise unreadable(file, error) from None


def _fill(
    database: duckdb.DuckDBPyConnection, into: str, header: Sequence[str], rows: Iterable[Sequence[object]],
    headers: Headers | None,
) -> Sequence[Unread]:
    numbered = ((number, list(map(text_of_cell, row))) for number, row in enumerate(rows, 1))
    return fill_rows(database, into, header, numbered, headers)
