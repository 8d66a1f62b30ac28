"""Opens an input and lays its tables down in DuckDB as they are: ``raw_deals`` and the like.

Every raw table has ``_row``, where a row stands in its source: the line of a file, the row of a sheet,
or else its number in the table.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ..facts.deal import Deal, load_deal
from ..facts.problems import Problem, Rejected, nearest
from ..facts.tables import DEALS, ITEM_KEY, KEY, Table, deal_rows, tables
from ..facts.vocabulary import Vocabulary
from .cells import RawColumn, literal
from .engines import DuckEngine
from .filling import ROW, fill_table, quoted, text_of_cell
from .headers import MOST_NAMED, Headers, those_beyond
from .lines import PACKED, TEXT_FILES, read_lines
from .postgres import is_address
from .previous import is_output_workbook
from .refusal import BadSource, is_full
from .rows import Unread, escaped
from .stores import DATABASES, WORKBOOKS, open_store, unreadable

DEAL_FILES = frozenset({".yaml", ".yml", ".json"})
PARQUET = ".parquet"
TABLE_FILES = TEXT_FILES | {PARQUET}
_NO_TYPE = '"NULL"'  # of a column of Parquet that holds nothing
_OWN = (".", "~$")  # how the names of files begin that programs keep for themselves


@dataclass(frozen=True)
class Refused:
    """A file that is no deal: the id that the deal would have had, and all that is wrong with the file."""

    file: str
    deal_id: str
    problems: tuple[Problem, ...]


@dataclass
class Opened:
    """What an input holds: raw tables by name, whether they are made of deal files, and what of it could not be read."""

    tables: list[str] = field(default_factory=list)
    of_deal_files: bool = False
    refused: list[Refused] = field(default_factory=list)
    unread: dict[str, Sequence[Unread]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def open_source(
    database: duckdb.DuckDBPyConnection, source: str, vocabulary: Vocabulary
) -> Opened:
    """Read an input into raw tables, or, if it is a folder or glob of deal files, into deals.

    Raises :class:`BadSource` if there is nothing to read, or nothing that can be a table of deals.
    """
    opening = _Opening(database, vocabulary)
    if is_address(source):
        opening.store(source, source)
    else:
        try:
            paths = _paths(source, opening)
        except OSError as error:
            raise unreadable(source, error) from None
        opening.files(paths)
    opened = opening.opened
    opened.ignored = named(opened.ignored)
    if DEALS not in opened.tables:
        raise BadSource("batch-no-deals", source=source, tables=", ".join([*opened.tables, *opened.ignored]) or "-")
    return opened


def named(ignored: list[str]) -> list[str]:
    """Return the names of what is not read; those beyond what a person reads are only counted."""
    return [*ignored[:MOST_NAMED], *those_beyond(ignored)]


def is_tables(source: str) -> bool:
    """Tell whether a source holds tables rather than deal files: a table, a workbook, a database, or a folder of tables."""
    path = Path(source)
    if path.is_dir():
        return any(_ending(entry) in TABLE_FILES for entry in path.iterdir())
    return is_address(source) or _ending(path) in TABLE_FILES | WORKBOOKS | DATABASES


def lay_down_deals(
    database: duckdb.DuckDBPyConnection, deals: Iterable[tuple[str, Deal]], vocabulary: Vocabulary, opened: Opened
) -> None:
    """Make raw tables out of deals, each with its id."""
    found: dict[str, list[dict[str, object]]] = {name: [] for name in tables(vocabulary)}
    for deal_id, deal in deals:
        for name, row in deal_rows(deal, deal_id):
            found[name].append(row)
    for name, rows in found.items():
        header = list(dict.fromkeys([KEY, *([] if name == DEALS else [ITEM_KEY]), *(column for row in rows for column in row)]))
        cells = ((number, *(text_of_cell(row.get(column)) for column in header)) for number, row in enumerate(rows, 1))
        fill_table(database, f"raw_{name}", [ROW, *header], cells)
        opened.tables.append(name)


def table_name(name: str, vocabulary: Vocabulary) -> str:
    """Return the table that a file, sheet or table of a database is meant to be, or nothing."""
    plain = name.strip().lower()
    if plain in (DEALS, "deal", "商机"):
        return DEALS
    for collection in vocabulary.collections.values():
        if plain in (collection.id, collection.item, collection.label.zh, collection.label.en.lower()):
            return collection.id
    return ""


def _ending(path: Path) -> str:
    """Return how the name of a file ends; of one that is packed, with the ending of what is in it: ``.csv.gz``."""
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() + last if last == PACKED else last


def _title(path: Path) -> str:
    """Return what a file, or a folder of files, is called without its ending."""
    return path.name[: -len(_ending(path))] if _ending(path) in TABLE_FILES else path.name


def _shown(path: Path) -> str:
    """Return how people are told of a file or folder that is not read."""
    return escaped(f"{path.name}/" if path.is_dir() else path.name)


def _is_file(path: Path) -> bool:
    """Tell whether a file is meant to be here; a link to one that is gone is told of when it is read."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def parquet_files(folder: Path) -> list[Path]:
    """Return the files of a table that lies in a folder."""
    return [path for path in _files_of(folder) if path.suffix == PARQUET]


@contextmanager
def read_in_place(source: str) -> Iterator[None]:
    """Raise :class:`BadSource` if something fails because a Parquet file is damaged; only reading all of it tells which."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except duckdb.Error as error:
        path = Path(source)
        if not is_full(error):
            for place in _entries(path) if path.is_dir() else [path] if path.exists() else _matching(source):
                _check_parts(place, "SELECT bit_xor(hash(file)) FROM read_parquet({}) AS file")
        raise


def _check_parts(path: Path, query: str) -> None:
    """Raise :class:`BadSource` for the first Parquet file of a table of which a query fails."""
    with duckdb.connect() as database:
        for file in parquet_files(path) if path.is_dir() else [path] * (_ending(path) == PARQUET):
            try:
                database.execute(query.format(literal(file))).fetchall()
            except (duckdb.Error, OSError) as error:
                raise unreadable(escaped(file.relative_to(path.parent).as_posix()), error, "batch-damaged") from None


def _files_of(folder: Path) -> list[Path]:
    """Return the files below a folder; what begins with a dot or underscore is a program's own."""
    return sorted(
        path for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )


def _paths(source: str, opening: _Opening) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        found = _of_folder(path, opening)
    elif path.exists():
        found = [path]
    else:
        matches = _matching(source)
        found = [match for match in matches if _is_file(match)]
        holders = {folder for file in found for folder in file.parents}
        opening.leave_out(match for match in matches if not _is_file(match) and match not in holders)
    if not found and opening.opened.ignored:
        raise BadSource("batch-none-read", source=source, found=", ".join(named(opening.opened.ignored)))
    if not found:
        raise BadSource("batch-nothing", source=source)
    return found


def _matching(pattern: str) -> list[Path]:
    """Return what a pattern matches."""
    return sorted(map(Path, glob.glob(pattern, recursive=True)))


def _of_folder(folder: Path, opening: _Opening) -> list[Path]:
    """Return the tables that lie in a folder, or if there are none, its deal files."""
    entries = _entries(folder)
    tables = [
        entry for entry in entries if (_is_file(entry) and _ending(entry) in TABLE_FILES)
        or (entry.is_dir() and table_name(_title(entry), opening.vocabulary) and parquet_files(entry))
    ]
    found = tables or [entry for entry in entries if _is_file(entry) and _ending(entry) in DEAL_FILES]
    opening.opened.ignored += left_over(folder, set(found))
    return found


def left_over(folder: Path, taken: Collection[Path]) -> list[str]:
    """Return the names of what lies in a folder and is not taken."""
    return [_shown(entry) for entry in _entries(folder) if entry not in taken]


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, but for what programs keep for themselves."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(_OWN))


class _Opening:
    """Reads one thing after another into the raw tables of an input."""

    def __init__(self, database: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> None:
        self.database = database
        self.vocabulary = vocabulary
        self.layout = tables(vocabulary)
        self.opened = Opened()

    def leave_out(self, paths: Iterable[Path]) -> None:
        """Note files and folders that are not read."""
        self.opened.ignored += map(_shown, paths)

    def files(self, paths: Sequence[Path]) -> None:
        """Read files, of tables or of deals; among tables, files of deals are left out."""
        if all(_ending(path) in DEAL_FILES for path in paths):
            self.deal_files(paths)
            return
        for path in paths:
            ending = _ending(path)
            if ending in WORKBOOKS | DATABASES:
                self.store(str(path), path.name)
            elif ending in TABLE_FILES or path.is_dir():
                self.table_file(path, DEALS if len(paths) == 1 else "")
            elif ending in DEAL_FILES:
                self.leave_out([path])
            else:
                hint = nearest(ending, TABLE_FILES | WORKBOOKS | DATABASES) or ".csv"
                raise BadSource("batch-ending", file=path.name, hint=hint)

    def deal_files(self, paths: Sequence[Path]) -> None:
        """Read files of deals."""
        self.opened.of_deal_files = True
        deals = []
        for path, deal_id in zip(paths, _ids(paths), strict=True):
            try:
                deals.append((deal_id, load_deal(str(path), self.vocabulary)))
            except Rejected as rejected:
                self.opened.refused.append(Refused(escaped(str(path)), deal_id, rejected.problems))
        lay_down_deals(self.database, deals, self.vocabulary, self.opened)

    def table(self, title: str, place: str, otherwise: str = "") -> Table | None:
        """Return which table something is meant to be; note it if it is none.

        Raises :class:`BadSource` if that table has been read already.
        """
        name = table_name(title, self.vocabulary) or otherwise
        if not name:
            self.opened.ignored.append(place)
            return None
        if name in self.opened.tables:
            raise BadSource("batch-table-twice", table=name, file=place)
        self.opened.tables.append(name)
        return self.layout[name]

    def table_file(self, path: Path, otherwise: str) -> None:
        """Read a file, or a folder of Parquet files, that is one table."""
        table = self.table(_title(path), path.name, otherwise)
        if table is None:
            return
        try:
            if _ending(path) == PARQUET or path.is_dir():
                self.parquet(path, table)
            else:
                self.opened.unread[table.name] = read_lines(self.database, path, f"raw_{table.name}", Headers(table))
        except duckdb.OutOfMemoryException:
            raise
        except (duckdb.Error, OSError) as error:
            _check_parts(path, "FROM parquet_schema({})")
            raise unreadable(path.name, error) from None

    def parquet(self, path: Path, table: Table) -> None:
        """Parquet is read in place: what nobody asks for is never read. Rows of many files have no numbers."""
        without_numbers = f"CAST(NULL AS BIGINT) AS {ROW}, *"
        if path.is_dir():
            others = [file for file in _files_of(path) if file.suffix != PARQUET]
            self.opened.ignored += [escaped(file.relative_to(path.parent).as_posix()) for file in others]
            self.parquet_view(table, without_numbers, self.united(parquet_files(path)))
            return
        try:
            with_numbers = f"file_row_number + 1 AS {ROW}, * EXCLUDE (file_row_number)"
            self.parquet_view(table, with_numbers, f"read_parquet({literal(path)}, file_row_number = true)")
        except duckdb.BinderException:  # a column of the file is called so itself
            self.parquet_view(table, without_numbers, f"read_parquet({literal(path)})")

    def parquet_view(self, table: Table, columns: str, source: str) -> None:
        """Let a raw table be some columns of Parquet files."""
        self.database.execute(f"CREATE VIEW raw_{table.name} AS SELECT {columns} FROM {source}")

    def united(self, files: Sequence[Path]) -> str:
        """Return what reads the files of a table: those of one schema at once, and those of several united by name.

        DuckDB would read all as it reads the first. A column that is not of one type everywhere becomes text, each
        value as a cell of its own type is read.
        """
        listed = f"parquet_schema([{', '.join(map(literal, files))}])"
        schemas = f"SELECT file_name, list((name, duckdb_type) ORDER BY column_id) AS schema FROM {listed} GROUP BY file_name"
        alike = self.database.execute(
            f"SELECT list(file_name ORDER BY file_name) AS files FROM ({schemas}) GROUP BY schema ORDER BY files").fetchall()
        sources = [f"read_parquet([{', '.join(map(literal, of))}], hive_partitioning = true)" for (of,) in alike]
        if len(sources) == 1:
            return sources[0]
        parts = [DuckEngine(self.database).columns(f"SELECT * FROM {source}") for source in sources]
        kinds: dict[str, set[str]] = {}
        for part in parts:
            for name, kind in part.items():
                kinds.setdefault(name.lower(), set()).update({kind} - {_NO_TYPE})
        queries = []
        for source, part in zip(sources, parts, strict=True):
            columns = (f"{RawColumn(name, kind).text} AS {quoted(name)}" if len(kinds[name.lower()]) > 1 else quoted(name)
                       for name, kind in part.items())
            queries.append(f"SELECT {', '.join(columns)} FROM {source}")
        return f"({' UNION ALL BY NAME '.join(queries)})"

    def store(self, source: str, name: str) -> None:
        """Read a workbook or database; the only sheet of a workbook is taken for the deals."""
        with open_store(self.database, source) as store:
            if is_output_workbook(self.database, store):
                raise BadSource("batch-is-output")
            alone = DEALS if len(store.names) == 1 and Path(name).suffix.lower() in WORKBOOKS else ""
            for place, title in store.names.items():
                table = self.table(title, place, alone)
                if table is not None:
                    self.opened.unread[table.name] = store.read(place, f"raw_{table.name}", Headers(table)) or ()


def _ids(paths: Sequence[Path]) -> list[str]:
    """Return an id for each file: where it lies below the folder of all, without its ending if that is enough."""
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    full = [path.absolute().relative_to(folder) for path in paths]
    short = [path.with_suffix("").as_posix() for path in full]
    times = Counter(short)
    return [escaped(name if times[name] == 1 else path.as_posix()) for name, path in zip(short, full, strict=True)]
