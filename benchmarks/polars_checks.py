"""The checks that ``dealready score`` makes of its input, hand-written in Polars: every cell, every key.

They tell only in which column something is wrong, where ``score`` tells of each row what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
from dealready.batch.cells import BLANKS, values_of
from dealready.facts.tables import DEALS, ITEM_KEY, KEY, Column, tables
from dealready.facts.values import LONGEST_TEXT, SHEET_ERRORS, UNKNOWN_WORDS
from dealready.facts.vocabulary import Vocabulary


def check(vocabulary: Vocabulary, folder: Path) -> None:
    """Raise :class:`ValueError` if a deal of a folder of Parquet files would be rejected."""
    wrong: list[str] = []
    deals = pl.DataFrame()
    for table in tables(vocabulary).values():
        rows = pl.scan_parquet(folder / f"{table.name}.parquet")
        there = set(rows.collect_schema().names())
        tests = [
            test.all().alias(column.name) for column in table.columns.values() if column.name in there
            for test in _tests(column)
        ]
        good = rows.select(tests).collect(engine="streaming").row(0, named=True)
        wrong += [f"{table.name}.{name}" for name, is_good in good.items() if not is_good]
        keys = rows.select(name for name in (KEY, ITEM_KEY) if name in table.columns).collect(engine="streaming")
        if any(keys.null_count().row(0)) or keys.is_duplicated().any():
            wrong.append(f"the keys of {table.name}")
        if table.name == DEALS:
            deals = keys
        elif keys.join(deals, on=KEY, how="anti").height:
            wrong.append(f"the deals of {table.name}")
    if wrong:
        raise ValueError(f"wrong: {', '.join(wrong)}")


def _tests(column: Column) -> Iterator[pl.Expr]:
    """Yield the test of the cells of a column, if any of them can be wrong; NULL is nothing wrong."""
    cell, fact, values = pl.col(column.name), column.fact, values_of(column)
    if column.role == "by" or column.type == "bool" or column.role == "seen":
        return
    if column.type == "date":
        yield cell.is_between(date.min, date.max)
    elif column.type == "texts":
        members = cell.list.explode(empty_as_null=False, keep_nulls=False)
        known = members.is_in(values) if values else members.is_not_null() & (members != "")
        yield known.all() & (cell.list.n_unique() == cell.list.len()).all()
    elif column.type == "text" and values:
        yield cell.is_in(values)
    elif column.type == "text":
        stripped = cell.str.strip_chars(BLANKS) == cell
        yield stripped & ~cell.is_in(sorted(UNKNOWN_WORDS | SHEET_ERRORS)) & (cell.str.len_chars() <= LONGEST_TEXT)
    elif fact is not None:
        low, high = max(0.0, float(fact.minimum or 0)), float(fact.maximum if fact.maximum is not None else 1e12)
        yield cell.is_between(low, high)
