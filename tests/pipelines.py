"""Pipelines as tables, for the tests that score them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
from dealready.facts.deal import load_deal
from dealready.facts.tables import deal_rows
from dealready.facts.vocabulary import Vocabulary

EXAMPLES = Path(__file__).parent.parent / "facts" / "examples"
Rows = dict[str, list[dict[str, Any]]]


def example_files() -> list[Path]:
    return sorted((*EXAMPLES.glob("*.yaml"), *EXAMPLES.glob("*.json")))


def example_rows(vocabulary: Vocabulary) -> Rows:
    found: Rows = {}
    for path in example_files():
        for table, row in deal_rows(load_deal(str(path), vocabulary), path.stem):
            found.setdefault(table, []).append(row)
    return found


def write_parquet(folder: Path, tables: Rows, parts: int = 1) -> Path:
    """Write each table as a Parquet file, or as a folder of several."""
    folder.mkdir()
    for name, rows in tables.items():
        lines = folder / f"{name}.jsonl"
        lines.write_text("\n".join(json.dumps(row, default=str) for row in rows), "utf-8")
        target = folder / f"{name}.parquet"
        if parts > 1:
            target.mkdir()
        for part in range(parts):
            file = target / f"part-{part}.parquet" if parts > 1 else target
            numbered = f"SELECT *, row_number() OVER () % {parts} AS part FROM read_json('{lines}')"
            duckdb.execute(f"COPY (SELECT * EXCLUDE (part) FROM ({numbered}) WHERE part = {part}) TO '{file}'")
        lines.unlink()
    return folder


def rows_of(found: Any) -> list[str]:
    """Return the rows of what was executed, as texts in order."""
    return sorted(str(tuple(row)) for row in found.fetchall())


def statements_of(script: str) -> list[str]:
    """Return the statements of a script, as a program that runs scripts tells them apart."""
    return [statement.strip() for statement in script.split(";") if statement.strip()]
