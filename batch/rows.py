"""Rows on their way into a raw table: those that hold nothing are none, and one that can't be laid down is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from .cells import BLANKS, literal
from .engines import DuckEngine
from .filling import ROW, fill_table, is_nameless, quoted
from .headers import Headers

_BROKEN = re.compile("[\ud800-\udfff]")  # half a sign, or a byte that decodes to none
_BLANK = literal(f"[{BLANKS}]*")


@dataclass(frozen=True)
class Unread:
    """A line or row that can't be read: its number and text, the deal that it seems to be of, and why."""

    row: int
    text: str
    deal_id: str
    code: str
    words: Mapping[str, str] = field(default_factory=dict)


def fill_rows(
    database: duckdb.DuckDBPyConnection, into: str, header: Sequence[str], rows: Iterable[tuple[int, Sequence[str | None]]],
    headers: Headers | None, told: Mapping[int, Unread] | None = None,
) -> list[Unread]:
    """Make a raw table out of numbered rows, without those that are ``told`` and those with a sign that no file can hold.

    ``headers`` tells what its columns mean. Returns the rows that are left out, each with the deal that it is about.
    """
    unread: list[Unread] = []
    key = len(header) if headers is None else key_place(header, headers)
    named = [place for place, name in enumerate(header) if name]

    def good() -> Iterator[Sequence[object]]:
        for number, cells in rows:
            bad = told.get(number) if told else None
            if bad is None and is_blank(cells[place] for place in named if place < len(cells)):
                continue
            if bad is None and is_broken(cells):
                bad = Unread(number, escaped(", ".join(filter(None, cells))), "", "batch-line-sign")
            if bad is None:
                yield number, *cells
            else:
                deal_id = cells[key] if key < len(cells) else ""
                unread.append(replace(bad, deal_id=escaped(deal_id or "")))

    fill_table(database, into, [ROW, *header], good())
    return unread


def key_place(header: Sequence[str], headers: Headers) -> int:
    """Return the place of the column with the ids of the deals; one beyond the last if there is none."""
    return next((place for place, name in enumerate(header) if headers.is_key(name)), len(header))


def is_blank(cells: Iterable[str | None]) -> bool:
    """Tell whether there is nothing in any of these cells, or nothing but blanks."""
    return not any(cell and not cell.isspace() for cell in cells)


def is_broken(cells: Iterable[str | None]) -> bool:
    """Tell whether there is a sign in some of these cells that no file can hold."""
    return any(cell and _BROKEN.search(cell) for cell in cells)


def escaped(text: str) -> str:
    """Return a text in which signs that no file can hold are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def drop_blanks(database: duckdb.DuckDBPyConnection, table: str) -> None:
    """Take out of a raw table the columns without a name, and the rows, in which there is nothing but blanks."""
    columns = {name: f"coalesce(regexp_full_match(CAST({quoted(name)} AS VARCHAR), {_BLANK}), true)"
               for name in DuckEngine(database).columns(table) if name != ROW}
    for name in filter(is_nameless, columns):
        if not database.execute(f"SELECT 1 FROM {table} WHERE NOT {columns[name]} LIMIT 1").fetchone():
            database.execute(f"ALTER TABLE {table} DROP COLUMN {quoted(name)}")
    blank = [test for name, test in columns.items() if not is_nameless(name)]
    if blank and database.execute(f"SELECT 1 FROM {table} WHERE {blank[0]} LIMIT 1").fetchone():  # hardly ever, and soon told
        database.execute(f"DELETE FROM {table} WHERE {' AND '.join(blank)}")
