"""Lays rows of text down in DuckDB as a table."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

ROW = "_row"  # the column of a raw table that tells where in its source a row stands
NAMELESS = "_nameless_"  # begins the name of a column that has none, before its number
_DECIMALS = 4  # as many as a number of a deal has


def fill_table(
    database: duckdb.DuckDBPyConnection, table: str, header: Sequence[str], rows: Iterable[Sequence[object]],
) -> None:
    """Make a table of text columns; one that is named :data:`ROW` holds numbers.

    Columns without a name that hold nothing are left out, and so is what a row holds beyond its header. A
    temporary file is by far the fastest way in.
    """
    names = list(enumerate(told_apart(header)))
    keep = {place for place, name in names if not is_nameless(name)}
    others = [place for place, _ in names if place not in keep]
    with tempfile.TemporaryDirectory(prefix="dealready-") as scratch:
        path = Path(scratch) / "rows.jsonl"
        encode = json.JSONEncoder(ensure_ascii=False).encode
        with path.open("w", encoding="utf-8") as file:
            for row in rows:
                keep.update(place for place in others if place < len(row) and row[place] and not str(row[place]).isspace())
                cells = {f"c{place}": row[place] for place in keep if place < len(row)}
                file.write(encode(cells) + "\n")
        kept = [(place, name) for place, name in names if place in keep]
        if not kept:
            database.execute(f"CREATE TABLE {table} AS SELECT CAST(NULL AS BIGINT) AS {ROW} WHERE false")
            return
        columns = {f"c{place}": "BIGINT" if name == ROW else "VARCHAR" for place, name in kept}
        parts = ", ".join(f"c{place} AS {quoted(name)}" for place, name in kept)
        database.execute(
            f"CREATE TABLE {table} AS SELECT {parts} FROM read_json(?, format = 'newline_delimited',"
            f" columns = {columns}, maximum_object_size = 67108864)", [str(path)],
        )


def told_apart(header: Sequence[str]) -> list[str]:
    """Return the names of columns, with a number after each that stands there already; SQL does not tell A from a.

    A column that has none is called by its place.
    """
    seen: set[str] = set()
    found = []
    for place, name in enumerate(header):
        number, other = 0, name or f"{NAMELESS}{place}"
        while other.lower() in seen:
            number += 1
            other = f"{name}_{number}"
        seen.add(other.lower())
        found.append(other)
    return found


def is_nameless(name: str) -> bool:
    """Tell whether a column of a raw table has no name in its source."""
    return name.startswith(NAMELESS)


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text_of_cell(cell: object) -> str | None:
    """Return a cell as text: a date without a time as a plain date, a number without what arithmetic added to it."""
    if cell is None:
        return None
    if isinstance(cell, list | dict):
        # As DuckDB writes it; members are told apart in it, as they would not be between signs.
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"), default=text_of_cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return f"{cell:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return str(cell)
