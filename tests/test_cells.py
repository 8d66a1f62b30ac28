"""A cell is taken from a table as it is only where that is what it means."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import duckdb
import pytest
from dealready.batch.cells import RawColumn
from dealready.facts.tables import DEALS, Column, tables
from hypothesis import given
from hypothesis import strategies as st

from .product import base

FREE, KNOWN = "needs_benefits", "proposal_sections"
MEMBERS = {FREE: ["", "one", "two", "three", "four", "五"], KNOWN: ["", "team", "background_and_trend", "unheard_of"]}
Lists = list[list[str] | None]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


@cache
def column(name: str) -> Column:
    return tables(base().vocabulary)[DEALS].columns[name]


def asked(database: duckdb.DuckDBPyConnection, name: str, lists: Lists, sql: str) -> list[object]:
    """Return what an expression says of a column that holds some lists."""
    database.execute(f"CREATE OR REPLACE TABLE cells ({name} VARCHAR[])")
    database.executemany("INSERT INTO cells VALUES (?)", [(members,) for members in lists])
    return [value for (value,) in database.execute(f"SELECT {sql} FROM cells").fetchall()]


def is_bare(name: str, members: list[str] | None) -> bool:
    if members is None:
        return True
    fact = column(name).fact
    assert fact is not None
    known = {value.id for value in fact.values} or set(members) - {""}
    return known.issuperset(members) and len(set(members)) == len(members)


@pytest.mark.parametrize("name", [FREE, KNOWN])
@given(data=st.data())
def test_a_list_is_taken_as_it_is_if_no_member_is_empty_unknown_or_there_twice(
    database: duckdb.DuckDBPyConnection, name: str, data: st.DataObject
) -> None:
    lists = data.draw(st.lists(st.none() | st.lists(st.sampled_from(MEMBERS[name]), max_size=6), min_size=1, max_size=4))
    raw = RawColumn(name, "VARCHAR[]")
    taken = asked(database, name, lists, raw.quick(column(name)))
    assert taken == [members if is_bare(name, members) else None for members in lists]
    (all_bare,) = asked(database, name, lists, raw.all_bare(column(name)))
    assert all_bare == all(is_bare(name, members) for members in lists)
