"""Reads CSV and JSON lines: a clean file at once, and any other line by line, so that only the bad lines are lost.

DuckDB reads a clean file far faster than Python could. What it stumbles over, or numbers otherwise
than by line, is read again: then each line that can't be read is told, with the deal that it is about.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from string import whitespace
from typing import TextIO

import duckdb

from ..facts.encoding import decode
from ..facts.problems import Rejected
from .cells import literal
from .filling import ROW, is_nameless, quoted, text_of_cell, told_apart
from .headers import Headers
from .refusal import BadSource
from .rows import Unread, drop_blanks, fill_rows, is_blank, is_broken, key_place

CSV_FILES = frozenset({".csv", ".tsv"})
PACKED = ".gz"  # after the ending of what is packed
_OF_TEXT = CSV_FILES | {".jsonl", ".ndjson"}
TEXT_FILES = _OF_TEXT | {ending + PACKED for ending in _OF_TEXT}
_SEPARATORS = ",;\t|"
_NOTHING = f'{_SEPARATORS}"{whitespace}'
_QUOTED = re.compile(r'(?<![^,;\t|])"(?:[^"]|"")*(?:"|$)')  # where a cell begins
_TOLD = re.compile(r'"?sep=([,;:|^~\t])"?\s*', re.IGNORECASE)  # as Excel may say it in a line before the header
_LONGEST_RECORD = 1_000  # lines; a cell that goes on for longer has a quote that nobody closed
_LONGEST_TEXT = 500_000  # signs of a record; DuckDB takes lines of two million bytes
_LARGEST_OBJECT = 1 << 26
_ENDS = "\r\n"
_MEMBER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",{}\[\]]+))')
_AT_ONCE_FAILS = (duckdb.InvalidInputException, duckdb.BinderException, UnicodeDecodeError, csv.Error)


def read_lines(database: duckdb.DuckDBPyConnection, path: Path, into: str, headers: Headers) -> list[Unread]:
    """Make a raw table out of a file; return the lines that could not be read.

    ``headers`` tells which column has the ids of the deals. Raises :class:`BadSource` if a
    packed file can't be unpacked.
    """
    with _unpacked(path) as plain:
        return _read_plain(database, plain, into, headers)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Give a file, or a copy of what is in it if it is packed."""
    if path.suffix.lower() != PACKED:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="dealready-") as scratch:
        copy = Path(scratch) / path.stem
        try:
            with gzip.open(path) as packed, copy.open("wb") as file:
                shutil.copyfileobj(packed, file)
        except (gzip.BadGzipFile, zlib.error, EOFError):
            raise BadSource("batch-not-packed", file=path.name) from None
        yield copy


def _read_plain(database: duckdb.DuckDBPyConnection, path: Path, into: str, headers: Headers) -> list[Unread]:
    of_cells = path.suffix.lower() in CSV_FILES
    at_once = _cells_at_once if of_cells else _objects_at_once
    if _succeeds(at_once, database, path, into):
        return []
    with _in_utf8(path) as (text, undecoded):
        if text != path and not undecoded and _succeeds(at_once, database, text, into):
            return []
        slowly = _cells_slowly if of_cells else _objects_slowly
        return slowly(database, text, into, headers, undecoded)


def _succeeds(
    at_once: Callable[[duckdb.DuckDBPyConnection, Path, str], None], database: duckdb.DuckDBPyConnection, path: Path, into: str,
) -> bool:
    """Read a file at once; tell whether all of it was read, and each line is a row, so that counting rows counts lines."""
    try:
        at_once(database, path, into)
        (last,) = database.execute(f"SELECT coalesce(max({ROW}), 0) FROM {into}").fetchone() or (0,)
        if last == _line_count(path):
            drop_blanks(database, into)
            return True
    except _AT_ONCE_FAILS:
        pass
    database.execute(f"DROP TABLE IF EXISTS {into}")
    return False


def _line_count(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _cells_at_once(database: duckdb.DuckDBPyConnection, path: Path, into: str) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator, before = _separator(path, file)
        header = next(csv.reader(file, delimiter=separator), [])
    if is_blank(header):
        raise csv.Error("the header stands further down")
    columns = _columns(header)
    row = f"row_number() OVER () + {before + 1} AS {ROW}"
    _take_cells(database, path, into, separator, columns, row, columns, before)


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Return the columns of a file, numbered, with the name that each is to have."""
    _, *names = told_apart([ROW, *(name.strip() for name in header)])
    return {f"c{place}": name for place, name in enumerate(names)}


def _take_cells(
    database: duckdb.DuckDBPyConnection, path: Path, into: str, separator: str, there: Iterable[str], row: str,
    columns: Mapping[str, str], before: int = 0,
) -> None:
    """Make a table out of a file with a header, in which ``there`` are the columns; ``row`` is the SQL of a row's number.

    ``before`` the header there are so many other lines.
    """
    kept = ", ".join([row, *(f"{column} AS {quoted(name)}" for column, name in columns.items())])
    options = f"delim = {literal(separator)}, skip = {before}, columns = {dict.fromkeys(there, 'VARCHAR')}"
    reader = f"read_csv(?, auto_detect = false, header = true, quote = '\"', escape = '\"', {options})"
    database.execute(f"CREATE TABLE {into} AS SELECT {kept} FROM {reader}", [str(path)])


def _separator(path: Path, file: TextIO) -> tuple[str, int]:
    """Return what stands between cells, and how many lines come before the header; there the file is left.

    If nothing tells it, it is, of all that could, what stands most often in the header, outside quotes.
    """
    first = file.readline()
    told = _TOLD.fullmatch(first)
    if told:
        return told[1], 1
    header = next((line for line in chain([first], file) if line.strip(_NOTHING)), "")
    file.seek(0)
    return "\t" if path.suffix.lower() == ".tsv" else max(_SEPARATORS, key=_QUOTED.sub("", header.rstrip(_ENDS)).count), 0


def _objects_at_once(database: duckdb.DuckDBPyConnection, path: Path, into: str) -> None:
    """Read the objects of a file, each value as a text; whether the same name always has the same type is nobody's business."""
    objects = (f"read_json_objects(?, format = 'newline_delimited', ignore_errors = true,"
               f" maximum_object_size = {_LARGEST_OBJECT})")
    database.execute(f"CREATE OR REPLACE TEMP TABLE objects AS SELECT row_number() OVER () AS {ROW}, json FROM {objects}",
                     [str(path)])
    keys = f"SELECT {ROW}, unnest(json_keys(json)) AS name, generate_subscripts(json_keys(json), 1) AS place FROM objects"
    names = database.execute(
        f"SELECT name FROM ({keys}) GROUP BY name ORDER BY min({ROW}), arg_min(place, {ROW})").fetchall()
    types = literal(json.dumps({name: "VARCHAR" for (name,) in names}, ensure_ascii=False))
    cells = f"SELECT {ROW}, from_json(json, {types}) AS cells FROM objects WHERE json_type(json) = 'OBJECT'"
    database.execute(f"CREATE TABLE {into} AS SELECT {ROW}, cells.* FROM ({cells})")
    (lost,) = database.execute(f"SELECT (SELECT count(*) FROM objects) - count(*) FROM {into}").fetchone() or (0,)
    database.execute("DROP TABLE objects")
    if lost:
        raise duckdb.InvalidInputException(f"{lost} lines are no objects")


@contextmanager
def _in_utf8(path: Path) -> Iterator[tuple[Path, frozenset[int]]]:
    """Give a file, or a copy of it if it is in another encoding; with the lines, of a mixed one, that no encoding fits."""
    if _is_utf8(path):
        yield path, frozenset()
        return
    text, undecoded = _decoded(path.read_bytes(), path.name)
    with tempfile.TemporaryDirectory(prefix="dealready-") as scratch:
        copy = Path(scratch) / path.name
        copy.write_text(text, "utf-8", newline="")
        yield copy, undecoded


def _is_utf8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _decoded(data: bytes, file: str) -> tuple[str, frozenset[int]]:
    """Return a text in which each line may have an encoding of its own, and the numbers of those that have none."""
    try:
        return decode(data, file), frozenset()
    except Rejected:
        pass
    lines, undecoded = [], set()
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        try:
            lines.append(decode(line, file))
        except Rejected:
            lines.append(line.decode("utf-8", "replace"))
            undecoded.add(number)
    return "".join(lines), frozenset(undecoded)


def _cells_slowly(
    database: duckdb.DuckDBPyConnection, path: Path, into: str, headers: Headers, undecoded: frozenset[int]
) -> list[Unread]:
    """Copy the good lines, each with its number before it, for DuckDB to read."""
    unread: list[Unread] = []
    with (path.open(encoding="utf-8-sig", newline="") as file, tempfile.TemporaryDirectory(prefix="dealready-") as scratch,
          (Path(scratch) / path.name).open("w", encoding="utf-8", newline="") as copy):
        separator, before = _separator(path, file)
        records = _records(file, separator, before + 1)
        header = next((cells for record in records if (cells := record.cells) and not is_blank(cells)), [])
        columns = _columns(header)
        names = list(columns.values())
        key = key_place(names, headers)
        writer = csv.writer(copy, delimiter=separator, lineterminator="\n")
        writer.writerow([ROW, *columns])
        for record in records:
            code, words = _wrong_with(record, len(columns), undecoded)
            if record.cells is not None and is_blank(
                cell for cell, name in zip_longest(record.cells, names, fillvalue="") if not is_nameless(name)
            ):
                continue
            if code:
                parts = record.cells or record.text.split(separator)
                deal_id = parts[key].strip('" \r\n') if key < len(parts) else ""
                unread.append(Unread(record.line, record.text.strip(), deal_id, code, words))
            elif record.is_plain and len(record.cells or ()) == len(columns):
                copy.write(f"{record.line}{separator}{record.text.rstrip(_ENDS)}\n")
            elif record.cells:
                writer.writerow([record.line, *record.cells[:len(columns)]])
        copy.flush()
        row = f"CAST({ROW} AS BIGINT) AS {ROW}"
        _take_cells(database, Path(copy.name), into, separator, (ROW, *columns), row, columns)
        drop_blanks(database, into)
    return unread


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of a CSV file: where it begins and how many lines it takes; without cells if it is none.

    A blank line has no cells either, but an empty list.
    """

    line: int
    lines: int
    text: str
    cells: list[str] | None
    is_plain: bool


def _wrong_with(record: _Record, expected: int, undecoded: frozenset[int]) -> tuple[str, dict[str, str]]:
    """Return the message of what is wrong with a record, and the words that fill it; empty cells at its end are not."""
    cells = record.cells
    if undecoded and not undecoded.isdisjoint(range(record.line, record.line + record.lines)):
        return "batch-line-encoding", {}
    if cells is None or len(record.text) > _LONGEST_TEXT:
        return "batch-line-quotes", {}
    if cells and (len(cells) < expected or any(cells[expected:])):
        return "batch-line-cells", {"found": str(len(cells)), "expected": str(expected)}
    return "", {}


def _records(lines: Iterable[str], separator: str, number: int = 1) -> Iterator[_Record]:
    """Yield each record of a CSV file; the first line has this number.

    A line that opens a quote which is not closed as it should be has no cells, and the next record
    begins right after it.
    """
    source, waiting = iter(lines), deque[str]()

    def take() -> str:
        return waiting.popleft() if waiting else next(source, "")

    while line := take():
        taken, is_plain = [line], '"' not in line
        plain = line.rstrip(_ENDS)
        cells = (plain.split(separator) if plain else []) if is_plain else _cells(taken, take, separator)
        if cells is None:
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        yield _Record(number, len(taken), "".join(taken), cells, is_plain)
        number += len(taken)


def _cells(taken: list[str], take: Callable[[], str], separator: str) -> list[str] | None:
    """Return the cells of the record that begins with the line in ``taken``, which gains those that it goes on over."""

    def lines() -> Iterator[str]:
        yield taken[0]
        while len(taken) < _LONGEST_RECORD and (line := take()):
            taken.append(line)
            yield line

    try:
        return next(csv.reader(lines(), delimiter=separator, strict=True))
    except csv.Error:
        return None


def _objects_slowly(
    database: duckdb.DuckDBPyConnection, path: Path, into: str, headers: Headers, undecoded: frozenset[int]
) -> list[Unread]:
    unread: list[Unread] = []
    header = list(dict.fromkeys(name for _, _, found, _ in _objects(path) for name in found))

    def rows() -> Iterator[tuple[int, list[str | None]]]:
        for number, line, found, code in _objects(path):
            wrong = "batch-line-encoding" if number in undecoded else code
            if wrong:
                unread.append(Unread(number, line, _key_of(line, headers), wrong))
            else:
                yield number, [text_of_cell(found.get(name)) for name in header]

    return [*fill_rows(database, into, header, rows(), headers), *unread]


def _objects(path: Path) -> Iterator[tuple[int, str, dict[str, object], str]]:
    """Yield each line that is not empty, with its number, and the object that it holds or the code of what is wrong."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.strip(), *_object(line)


def _object(line: str) -> tuple[dict[str, object], str]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {}, "batch-line-json"
    if "\\u" in line and is_broken([json.dumps(found, ensure_ascii=False)]):
        return {}, "batch-line-sign"
    return found, ""


def _key_of(line: str, headers: Headers) -> str:
    """Return the id of the deal that a broken object seems to be of."""
    return next((text or bare for name, text, bare in _MEMBER.findall(line) if headers.is_key(name)), "")
