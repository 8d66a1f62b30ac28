"""Lifelike pipelines of any size, the same for the same seed.

Most deals are small and a few are not: they have three stakeholders on average, some have forty. A
quarter of the facts of a deal that its rep has got round to are unknown. All of it is drawn from
hashes of seed, deal and column, so a deal does not depend on how many others there are.

    python benchmarks/data.py DEALS FOLDER [SEED]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
from dealready.coach.tally import observed
from dealready.facts.deal import Deal, Item
from dealready.facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, Column, Table, listed_column, tables
from dealready.facts.vocabulary import Fact, Vocabulary, load_vocabulary

UNKNOWN = 0.25
MEAN_ITEMS, MOST_ITEMS = {"stakeholders": 3.0}, 40
OTHER_MEAN = 1.0
UNLISTED = 0.25
SEEN, INFERRED = 0.3, 0.1  # of the known facts
DAY = "DATE '2026-03-16'"


class Draw:
    """SQL for numbers between 0 and 1 that depend on the seed, the row and a name."""

    def __init__(self, seed: int, *keys: str) -> None:
        self.seed = seed
        self.keys = ", ".join(keys)

    def number(self, name: str) -> str:
        """Return a number drawn evenly."""
        return f"(hash({self.seed}, '{name}', {self.keys}) % 1000003 / 1000003.0)"

    def below(self, name: str, limit: int) -> str:
        """Return a whole number from 0 up to, not including, a limit."""
        return f"CAST(floor({self.number(name)} * {limit}) AS BIGINT)"


def column(entry: Column, draw: Draw, size_of: dict[str, str]) -> str:
    """Return the SQL of a column."""
    fact = entry.fact
    assert fact is not None
    known = f"{draw.number(fact.id)} >= {UNKNOWN}"
    own = f"{fact.id}:{entry.role}"
    match entry.role:
        case "seen":
            if not fact.stale_after:
                return "CAST(NULL AS DATE)"
            ago = f"CAST({draw.below(own + ':ago', 90)} AS INTEGER)"
            return f"CASE WHEN {known} AND {draw.number(own)} < {SEEN} THEN {DAY} - {ago} END"
        case "by":
            return "CAST(NULL AS VARCHAR)"
        case "confirmed":
            return f"CASE WHEN {known} AND {draw.number(own)} < {INFERRED} THEN false END"
    return f"CASE WHEN {known} THEN {value_of(fact, own, draw, size_of)} END"


def value_of(fact: Fact, own: str, draw: Draw, size_of: dict[str, str]) -> str:
    """Return the SQL of a value of a fact, any of those that it may have."""
    ids = [value.id for value in fact.values]
    match fact.type:
        case "bool":
            value = f"{draw.number(own)} < 0.6"
        case "enum" | "ordinal":
            value = f"[{', '.join(map(repr, ids))}][1 + {draw.below(own, len(ids))}]"
        case "int":
            value = draw.below(own, 5)
        case "money":
            value = f"CAST(round(exp(11 + 7 * {draw.number(own)})) AS DECIMAL(18, 4))"
        case "decimal":
            low, high = float(fact.minimum or 0), float(1 if fact.maximum is None else fact.maximum)
            value = f"CAST({low} + {high - low} * {draw.number(own)} AS DECIMAL(18, 4))"
        case "date":
            value = f"{DAY} - CAST({draw.below(own, 200)} AS INTEGER)"
        case "set":
            bits = draw.below(own, 1 << len(ids))
            value = f"list_filter([{', '.join(map(repr, ids))}], lambda m, i: ({bits} >> (i - 1)) % 2 = 1)"
        case "ref":
            value = f"'i' || CAST(floor({draw.number(own)} * greatest({size_of[fact.to]}, 1)) AS BIGINT)"
        case "refs":
            value = f"['i' || CAST(floor({draw.number(own)} * greatest({size_of[fact.to]}, 1)) AS BIGINT)]"
        case "list":
            value = f"['note ' || {draw.below(own, 100)}]"
        case _:
            value = f"'text ' || {draw.below(own, 1000)}"
    return value


def size(collection: str, draw: Draw) -> str:
    """Return the SQL of how many items a deal has: many have few, few have many."""
    mean = MEAN_ITEMS.get(collection, OTHER_MEAN)
    drawn = f"CAST(floor(-ln({draw.number('size ' + collection)} + 0.0000001) * {mean}) AS BIGINT)"
    return f"CASE WHEN {draw.number('listed ' + collection)} < {UNLISTED} THEN -1 ELSE least({drawn}, {MOST_ITEMS}) END"


def table_query(table: Table, deals: int, seed: int, collections: list[str]) -> str:
    """Return the query that draws a table."""
    by_deal = Draw(seed, "n")
    size_of = {name: size(name, by_deal) for name in collections}
    rows = f"range({deals}) AS deals(n)"
    draw = by_deal
    keys = [f"'d' || lpad(CAST(n AS VARCHAR), 9, '0') AS {KEY}"]
    if table.name != DEALS:
        rows = f"(SELECT n, unnest(range({size_of[table.name]})) AS m FROM {rows} WHERE {size_of[table.name]} > 0)"
        draw = Draw(seed, "n", "m", f"'{table.name}'")
        keys.append(f"'i' || m AS {ITEM_KEY}")
    parts = list(keys)
    for entry in table.columns.values():
        if entry.name == AS_OF:
            parts.append(f"{DAY} AS {AS_OF}")
        elif entry.role == "listed":
            of = next(name for name in collections if listed_column(name) == entry.name)
            parts.append(f"{size_of[of]} >= 0 AS {entry.name}")
        elif entry.role != "key":
            parts.append(f'{column(entry, draw, size_of)} AS "{entry.name}"')
    return f"SELECT {', '.join(parts)} FROM {rows}"


def write(deals: int, folder: Path, seed: int = 1) -> None:
    """Write the tables of a pipeline as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    layout = tables(load_vocabulary())
    collections = [name for name in layout if name != DEALS]
    with duckdb.connect() as database:
        database.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true; SET memory_limit = '4GB'")
        for table in layout.values():
            query = table_query(table, deals, seed, collections)
            database.execute(f"COPY ({query}) TO '{folder / table.name}.parquet' (FORMAT parquet)")


def sample(folder: Path, vocabulary: Vocabulary, count: int) -> list[Deal]:
    """Return the first deals of a pipeline as the engine for single deals takes them."""
    with duckdb.connect() as database:
        first = f"SELECT {KEY} FROM '{folder / DEALS}.parquet' ORDER BY {KEY} LIMIT {count}"
        rows = {
            name: _rows(database, f"SELECT * FROM '{folder / name}.parquet' WHERE {KEY} IN ({first}) ORDER BY {KEY}")
            for name in tables(vocabulary)
        }
    items: dict[tuple[str, str], list[Item]] = {}
    for collection in vocabulary.collections.values():
        for row in rows[collection.id]:
            item = Item(row[ITEM_KEY], observed(row, collection.facts))
            items.setdefault((row[KEY], collection.id), []).append(item)
    return [
        Deal(observed(row, vocabulary.facts), {
            name: tuple(items.get((row[KEY], name), ())) for name in vocabulary.collections
            if row[listed_column(name)] or (row[KEY], name) in items
        }, row[KEY])
        for row in rows[DEALS]
    ]


def _rows(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = database.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
