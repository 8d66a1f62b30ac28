"""Lays rows of text down in DuckDB as a table."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb


def fill_table(
    database: duckdb.DuckDBPyConnection, table: str, header: Sequence[str], rows: Iterable[Sequence[object]],
    row_column: str = "",
) -> None:
    """Make a table of text columns; ``row_column`` names one that counts the rows from 1.

    Columns without a name are left out, and so is what a row holds beyond its header. A temporary
    file is by far the fastest way in.
    """
    keep = [place for place, name in enumerate(header) if name]
    names = [header[place] for place in keep]
    columns = {f"c{number}": "VARCHAR" for number in range(len(keep))}
    with tempfile.TemporaryDirectory(prefix="dealready-") as scratch:
        path = Path(scratch) / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for row in rows:
                cells = {f"c{number}": row[place] for number, place in enumerate(keep) if place < len(row)}
                file.write(json.dumps(cells, ensure_ascii=False) + "\n")
        counted = f"row_number() OVER () AS {row_column}, " if row_column else ""
        parts = ", ".join(f"c{number} AS {quoted(name)}" for number, name in enumerate(names))
        database.execute(
            f"CREATE TABLE {table} AS SELECT {counted}{parts} FROM read_json(?, format = 'newline_delimited',"
            f" columns = {columns}, maximum_object_size = 67108864)", [str(path)],
        )


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
