"""Deals as plain tables: ``deals`` with a row a deal, and a table for each collection with a row an item.

The columns follow from the vocabulary: ``budget.status`` is ``budget_status``. A fact may be
followed by ``…_seen`` (the day it was observed), ``…_by`` (who said it) and ``…_confirmed``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .deal import Deal, Item, Observation
from .vocabulary import Fact, Vocabulary

DEALS = "deals"
KEY, ITEM_KEY, AS_OF = "deal_id", "id", "as_of"

ColumnType = Literal["text", "bool", "int", "decimal", "date", "texts"]
Role = Literal["key", "value", "seen", "by", "confirmed", "listed"]

_TYPES: dict[str, ColumnType] = {
    "bool": "bool", "int": "int", "decimal": "decimal", "money": "decimal", "date": "date",
    "set": "texts", "list": "texts", "refs": "texts",
}


@dataclass(frozen=True)
class Column:
    """A column of a table; ``fact`` is None for keys and for ``…_listed``."""

    name: str
    type: ColumnType
    role: Role
    fact: Fact | None = None


@dataclass(frozen=True)
class Table:
    """The columns of one table, by name; ``collection`` is empty for the deals."""

    name: str
    collection: str
    columns: dict[str, Column]

Row = Mapping[str, Any]  # the values of a row by column


def column_name(some_id: str) -> str:
    """Return the column of a fact, conclusion or rule."""
    return re.sub(r"[.-]", "_", some_id)


def listed_column(collection: str) -> str:
    """Return the column of the deals that tells whether a collection is given at all, be it empty."""
    return f"{collection}_listed"


def tables(vocabulary: Vocabulary) -> dict[str, Table]:
    """Return every table by name, the deals first."""
    listed = [Column(listed_column(name), "bool", "listed") for name in vocabulary.collections]
    found = [_table(DEALS, "", [Column(KEY, "text", "key")], vocabulary.facts, listed)]
    for collection in vocabulary.collections.values():
        keys = [Column(KEY, "text", "key"), Column(ITEM_KEY, "text", "key")]
        found.append(_table(collection.id, collection.id, keys, collection.facts, []))
    return {table.name: table for table in found}


def _table(name: str, collection: str, keys: list[Column], facts: dict[str, Fact], more: list[Column]) -> Table:
    columns = [*keys, *(column for fact in facts.values() for column in _columns(fact)), *more]
    by_name = {column.name: column for column in columns}
    assert len(by_name) == len(columns), "two facts share a column"
    return Table(name, collection, by_name)


def _columns(fact: Fact) -> Iterator[Column]:
    name = column_name(fact.id)
    yield Column(name, _TYPES.get(fact.type, "text"), "value", fact)
    if fact.id != AS_OF:
        yield Column(f"{name}_seen", "date", "seen", fact)
        yield Column(f"{name}_by", "text", "by", fact)
        yield Column(f"{name}_confirmed", "bool", "confirmed", fact)


def deal_rows(deal: Deal, deal_id: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield a deal as rows: the name of a table, and the known values of a row by column."""
    top = _row(deal.facts)
    top |= {KEY: deal_id} | {listed_column(name): True for name in deal.items}
    yield DEALS, top
    for name, items in deal.items.items():
        for item in items:
            yield name, {KEY: deal_id, ITEM_KEY: item.id, **_row(item.facts)}


def _row(observed: Mapping[str, Observation]) -> dict[str, object]:
    row: dict[str, object] = {}
    for fact_id, observation in observed.items():
        name, value = column_name(fact_id), observation.value
        row[name] = list(value) if isinstance(value, tuple) else value
        if observation.seen is not None:
            row[f"{name}_seen"] = observation.seen
        if observation.by:
            row[f"{name}_by"] = observation.by
        if not observation.confirmed:
            row[f"{name}_confirmed"] = False
    return row


def deals_of(rows: Mapping[str, Sequence[Row]], vocabulary: Vocabulary) -> list[Deal]:
    """Return the deals that rows of typed tables hold, by table, in the order of their rows: :func:`deal_rows` backwards."""
    items: dict[str, dict[str, list[Item]]] = {row[KEY]: {} for row in rows[DEALS]}
    for collection in vocabulary.collections.values():
        for row in rows[collection.id]:
            item = Item(row[ITEM_KEY], _observed(row, collection.facts))
            items[row[KEY]].setdefault(collection.id, []).append(item)
    return [
        Deal(_observed(row, vocabulary.facts), {
            name: tuple(items[row[KEY]].get(name, ())) for name in vocabulary.collections
            if row.get(listed_column(name)) or name in items[row[KEY]]
        }, row[KEY])
        for row in rows[DEALS]
    ]


def _observed(row: Row, facts: Mapping[str, Fact]) -> dict[str, Observation]:
    found = {}
    for fact in facts.values():
        name = column_name(fact.id)
        value = row.get(name)
        if value is not None:
            seen = row.get(f"{name}_seen") if fact.id != AS_OF else None
            confirmed = fact.id == AS_OF or row.get(f"{name}_confirmed") is not False
            found[fact.id] = Observation(tuple(value) if isinstance(value, list) else value, seen=seen, confirmed=confirmed)
    return found
