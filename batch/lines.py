"""Reads CSV and JSON lines: a clean file at once, and any other line by line, so that only the bad lines are lost.

DuckDB reads a clean file far faster than Python could. What it stumbles over, or numbers otherwise
than by line, is read again: then each line that can't be read is told, with the deal that it is about.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from string import whitespace
from typing import TextIO

import duckdb

from ..facts.encoding import decode
from ..facts.problems import Rejected
from .cells import literal
from .filling import ROW, quoted, text_of_cell, told_apart
from .headers import Headers
from .records import LONGEST_TEXT, records, wrong_with
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
_LARGEST_OBJECT = 1 << 26
_STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[1-9a-cefA-CEF][0-9a-fA-F]{3}|u00[2-9a-fA-F][0-9a-fA-F]))*"'
_NUMBER = r"(?:0|-?[1-9][0-9]{0,10})(?:\.[0-9]{1,4})?"  # of which a float loses nothing
_VALUE = rf"(?:{_STRING}|true|false|null|{_NUMBER}|\[(?:{_STRING}(?:[ \t]*,[ \t]*{_STRING})*)?\])"
_PAIR = rf"[ \t]*{_STRING}[ \t]*:[ \t]*{_VALUE}[ \t]*"
_PLAIN_OBJECT = rf"[ \t\r]*\{{(?:{_PAIR}(?:,{_PAIR})*|[ \t]*)\}}[ \t\r]*"  # DuckDB reads it as JSON has it
_FRACTION = r":[ \t]*-?[0-9]+\."  # of a number, or something like it in a text
_MEMBER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",{}\[\]]+))')


class _Odd(Exception):
    """A file holds what DuckDB would not read as it is read line by line."""


_AT_ONCE_FAILS = (_Odd, duckdb.InvalidInputException, duckdb.BinderException, UnicodeDecodeError)


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
        if _has_lone_returns(path):  # which end lines too, but not all for DuckDB
            raise _Odd
        at_once(database, path, into)
        (last,) = database.execute(f"SELECT coalesce(max({ROW}), 0) FROM {into}").fetchone() or (0,)
        if last == _line_count(path):
            drop_blanks(database, into)
            return True
    except _AT_ONCE_FAILS:
        pass
    database.execute(f"DROP TABLE IF EXISTS {into}")
    return False


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield what a file holds in blocks of whole lines."""
    with path.open("rb") as file:
        while block := file.read(1 << 18):  # small enough to stay at hand for those who search it
            yield block + file.readline()


def _has_lone_returns(path: Path) -> bool:
    return any(b"\r" in block and re.search(rb"\r(?!\n)", block) for block in _blocks(path))


def _has_odd_quotes(path: Path, separator: str) -> bool:
    """Tell whether several blanks come before a quote, or only blanks between two: these DuckDB reads in ways of its own."""
    start = f"[{re.escape(separator)}\n]".encode()
    before, between = re.compile(start + b' {2,}"'), re.compile(b"(?<!" + start + b')" +"')
    return any(
        (b'  "' in block and before.search(b"\n" + block)) or (b'" ' in block and between.search(b"\n" + block))
        for block in _blocks(path) if b'"' in block  # which is far sooner told
    )


def _line_count(path: Path) -> int:
    count, last = 0, b"\n"
    for block in _blocks(path):
        count += block.count(b"\n")
        last = block[-1:]
    return count + (last != b"\n")


def _cells_at_once(database: duckdb.DuckDBPyConnection, path: Path, into: str) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator, before = _separator(path, file)
        header = next((record.cells for record in records(file, separator)), None) or []
    if is_blank(header) or _has_odd_quotes(path, separator):
        raise _Odd
    _, *names = told_apart([ROW, *(name.strip() for name in header)])
    columns = {f"c{place}": name for place, name in enumerate(names)}
    kept = ", ".join(f"{column} AS {quoted(name)}" for column, name in columns.items())
    options = (f"delim = {literal(separator)}, skip = {before}, max_line_size = {LONGEST_TEXT},"
               f" columns = {dict.fromkeys(columns, 'VARCHAR')}")
    reader = f"read_csv(?, auto_detect = false, header = true, quote = '\"', escape = '\"', {options})"
    row = f"row_number() OVER () + {before + 1} AS {ROW}"
    database.execute(f"CREATE TABLE {into} AS SELECT {row}, {kept} FROM {reader}", [str(path)])


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
    return "\t" if path.suffix.lower() == ".tsv" else max(_SEPARATORS, key=_QUOTED.sub("", header.rstrip("\r\n")).count), 0


def _objects_at_once(database: duckdb.DuckDBPyConnection, path: Path, into: str) -> None:
    """Read the objects of a file, each value as a text; whether the same name always has the same type is nobody's business."""
    objects = f"read_json_objects(?, format = 'newline_delimited', maximum_object_size = {_LARGEST_OBJECT})"
    database.execute(f"CREATE OR REPLACE TEMP TABLE objects AS SELECT row_number() OVER () AS {ROW}, json FROM {objects}",
                     [str(path)])
    try:
        plain = f"coalesce(regexp_full_match(json, {literal(_PLAIN_OBJECT)}), false)"
        if database.execute(f"SELECT 1 FROM objects WHERE NOT {plain} LIMIT 1").fetchone():
            raise _Odd
        keys = database.execute(f"SELECT json_keys(json) AS names FROM objects GROUP BY names ORDER BY min({ROW})").fetchall()
        if any(len(set(names)) < len(names) for (names,) in keys):
            raise _Odd
        header = list(dict.fromkeys(name for (names,) in keys for name in names))
        has_fractions = database.execute(
            f"SELECT 1 FROM objects WHERE regexp_matches(json, {literal(_FRACTION)}) LIMIT 1").fetchone()
        kind, columns = ("JSON", map(_text_of_json, header)) if has_fractions else ("VARCHAR", ["cells.*"])
        types = literal(json.dumps(dict.fromkeys(header, kind), ensure_ascii=False))
        cells = f"SELECT {ROW}, from_json(json, {types}) AS cells FROM objects"
        database.execute(f"CREATE TABLE {into} AS SELECT {', '.join([ROW, *columns])} FROM ({cells})")
    finally:
        database.execute("DROP TABLE objects")


def _text_of_json(name: str) -> str:
    """Return the SQL of a value as text: of 1.0 that is 1, as it is in other tables."""
    cell = f"cells.{quoted(name)}"
    text = f"({cell} ->> '$')"
    return f"CASE WHEN json_type({cell}) = 'DOUBLE' THEN regexp_replace({text}, '[.]0$', '') ELSE {text} END AS {quoted(name)}"


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
    unread: list[Unread] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator, before = _separator(path, file)
        found = records(file, separator, before + 1)
        names = next((record.cells for record in found if record.cells and not is_blank(record.cells)), [])
        header = [name.strip() for name in names]
        key = key_place(header, headers)
        named = [place for place, name in enumerate(header) if name]

        def rows() -> Iterator[tuple[int, list[str | None]]]:
            for record in found:
                code, words = wrong_with(record, len(header), undecoded)
                cells = record.cells
                if not code and cells:
                    yield record.line, [cell or None for cell in cells]
                elif code and (cells is None or not is_blank([cells[place] for place in named if place < len(cells)])):
                    parts = cells or record.text.split(separator)
                    deal_id = parts[key].strip('" \r\n') if key < len(parts) else ""
                    unread.append(Unread(record.line, record.text.strip(), deal_id, code, words))

        return [*fill_rows(database, into, header, rows(), headers), *unread]


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
        found = json.loads(line, object_pairs_hook=_told_once)
    except _KeyTwice:
        return {}, "batch-line-key-twice"
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {}, "batch-line-json"
    if "\\u" in line and is_broken([json.dumps(found, ensure_ascii=False)]):
        return {}, "batch-line-sign"
    return found, ""


class _KeyTwice(Exception):
    """An object has a key twice; which of the values is meant nobody can tell."""


def _told_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _KeyTwice
    return found


def _key_of(line: str, headers: Headers) -> str:
    """Return the id of the deal that a broken object seems to be of."""
    return next((text or bare for name, text, bare in _MEMBER.findall(line) if headers.is_key(name)), "")
