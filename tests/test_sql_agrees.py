"""The SQL engine concludes what the meaning of rules says, for any rule base and any tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import duckdb
import pytest
from dealready.engine.case import Case, Row
from dealready.engine.dialects import written
from dealready.engine.fact_tests_sql import inferred_column, name_test, stale_column
from dealready.engine.pending import judge
from dealready.engine.questions import Slot
from dealready.engine.questions_sql import QuestionTables, Root
from dealready.engine.reference import conclude
from dealready.engine.sql import Compiled, compile_program
from dealready.engine.statements import laid_down
from dealready.engine.strata import Stratum, with_strata
from dealready.facts.tables import column_name, listed_column
from dealready.rules.language import FactPath, FactTest
from dealready.rules.program import Program
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from .strategies import COLLECTIONS, FACTS, cases, programs

_TYPES = {"bool": "BOOLEAN", "level": "VARCHAR", "number": "DECIMAL(18, 4)", "day": "DATE", "members": "VARCHAR[]",
          "ref": "VARCHAR"}


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    yield connection
    connection.close()


def fact_types(scope: str) -> dict[str, str]:
    own = dict(FACTS[scope])
    if scope == "signs":
        own |= {"by.id": "ref"} | {f"by.{name}": kind for name, kind in FACTS["people"].items()}
    return own


def fill(database: duckdb.DuckDBPyConnection, deals: Sequence[Case]) -> None:
    """Lay the cases down as the tables that the query reads."""
    for scope in ("", *COLLECTIONS):
        types = fact_types(scope)
        columns = ["deal_id VARCHAR", "as_of DATE" if not scope else "id VARCHAR"]
        columns += [f'"{column_name(name)}" {_TYPES[kind]}' for name, kind in types.items()]
        columns += [f"{flag(name)} BOOLEAN" for name in types for flag in (stale_column, inferred_column)]
        if not scope:
            columns += [f"{listed_column(collection)} BOOLEAN" for collection in COLLECTIONS]
        database.execute(f"CREATE OR REPLACE TABLE {scope or 'deals'} ({', '.join(columns)})")
        rows = [values(str(number), deal, row, scope) for number, deal in enumerate(deals) for row in deal.rows(scope)]
        if rows:
            database.executemany(f"INSERT INTO {scope or 'deals'} VALUES ({', '.join('?' * len(columns))})", rows)


def values(deal_id: str, deal: Case, row: Row, scope: str) -> list[Any]:
    types = fact_types(scope)
    found: list[Any] = [deal_id, deal.as_of if not scope else row.id]
    found += [list(value) if isinstance(value := row.values.get(name), tuple) else value for name in types]
    found += [name in marked for name in types for marked in (row.stale, row.inferred)]
    return found + ([collection in deal.items for collection in COLLECTIONS] if not scope else [])


def asked(compiled: Compiled) -> dict[str, tuple[str, str]]:
    """Return the scope and column of every conclusion, and of every rule that may have fired."""
    scopes = compiled.program.scopes
    wanted = {name: (scopes[name], column) for name, column in compiled.columns.items()}
    return wanted | {f"fired {rule.id}": (rule.scope, compiled.fired[rule.id]) for rule in compiled.program.rules}


def concluded(
    database: duckdb.DuckDBPyConnection, compiled: Compiled, query: Callable[[exp.Select], exp.Query]
) -> dict[str, dict[str, set[str]]]:
    """Return what is concluded: by deal, by conclusion or fired rule, the items."""
    found: dict[str, dict[str, set[str]]] = {}
    wanted = asked(compiled)
    for scope, relation in compiled.last.items():
        names = [name for name, (of, _) in wanted.items() if of == scope]
        keys = ["deal_id"] if not scope else ["deal_id", "id"]
        select = exp.select(*keys, *(exp.alias_(exp.column(wanted[name][1]), f"c{at}") for at, name in enumerate(names)))
        for row in database.execute(written(query(select.from_(relation)), "duckdb")).fetchall():
            about = row[1] if scope else ""
            for name, truth in zip(names, row[len(keys):], strict=True):
                assert truth is not None
                if truth:
                    found.setdefault(row[0], {}).setdefault(name, set()).add(about)
    return found


@given(programs(), st.lists(cases(), min_size=1, max_size=4))
def test_sql_concludes_what_the_meaning_says(
    database: duckdb.DuckDBPyConnection, program: Program, deals: list[Case]
) -> None:
    fill(database, deals)
    compiled = compile_program(program)
    found = concluded(database, compiled, compiled.query)
    for number, deal in enumerate(deals):
        outcome = conclude(program, deal)
        expected = {name: set(about) for name, about in outcome.concluded.items() if about}
        for firing in outcome.fired:
            expected.setdefault(f"fired {firing.rule}", set()).add(firing.about)
        assert found.get(str(number), {}) == expected


@given(programs(), st.lists(cases(), min_size=1, max_size=4))
def test_statements_conclude_what_the_query_does(
    database: duckdb.DuckDBPyConnection, program: Program, deals: list[Case]
) -> None:
    fill(database, deals)
    tables = {scope: f"{scope or 'deals'}_known" for scope in ("", *COLLECTIONS)}
    known = [
        Stratum(name, scope, exp.select(*(column for column, *_ in database.execute(f"DESCRIBE {scope or 'deals'}").fetchall()))
                .from_(scope or "deals")) for scope, name in tables.items()
    ]
    compiled = compile_program(program, tables)
    later = {scope: {column for of, column in asked(compiled).values() if of == scope} for scope in ("", *COLLECTIONS)}
    ends = {*compiled.last.values(), *compiled.counted} & {stratum.name for stratum in compiled.strata}
    for statement in laid_down((*known, *compiled.strata), ends, later, flags=compiled.flags):
        database.execute(f"CREATE OR REPLACE TABLE {statement.name} AS {written(statement.select, 'duckdb')}")
    told = concluded(database, compiled, partial(with_strata, known))
    assert told == concluded(database, compiled, partial(with_strata, (*known, *compiled.strata)))


@given(programs(most_rules=4), st.lists(cases(), min_size=1, max_size=3))
def test_sql_shares_points_among_open_tests_as_the_meaning_says(
    database: duckdb.DuckDBPyConnection, program: Program, deals: list[Case]
) -> None:
    fill(database, deals)
    compiled = compile_program(program, {scope: scope or "deals" for scope in ("", *COLLECTIONS)})
    worth = 60
    for relation in compiled.last.values():
        if relation not in ("deals", *COLLECTIONS):
            query = written(compiled.query(exp.select("*").from_(relation)), "duckdb")
            database.execute(f"CREATE OR REPLACE TABLE {relation} AS {query}")
    roots = [Root(rule.scope, rule.when, exp.Literal.number(worth), exp.true()) for rule in program.rules]
    tables = QuestionTables(compiled, COLLECTIONS, roots)
    tables.build()
    for name, select in tables.statements:
        database.execute(f"CREATE OR REPLACE TABLE {name} AS {written(select, 'duckdb')}")
    slots = {("", fact): Slot(0) for fact in FACTS[""]}
    slots |= {(of, fact): Slot(0) for of in COLLECTIONS for fact in ("", *FACTS[of])}
    found = database.execute(written(tables.query(slots, 1000), "duckdb")).fetchall()
    expected: dict[tuple[str, str, str, str], int] = {}
    for number, deal in enumerate(deals):
        outcome = conclude(program, deal)
        for rule in program.rules:
            for row in deal.rows(rule.scope):
                waiting = judge(rule.when, row, deal, outcome).waiting
                share = worth // max(1, len({place for place, _ in waiting}))
                for _, unknown in waiting:
                    key = (str(number), unknown.collection, unknown.fact, unknown.about)
                    expected[key] = expected.get(key, 0) + share
    assert {row[:4]: row[4] for row in found} == {key: points for key, points in expected.items() if points}


def test_tests_that_read_alike_have_columns_of_their_own_with_names_that_every_warehouse_takes() -> None:
    path = FactPath("deal", "a.level")
    taken = {"a_level_is_high"}
    for value in ("high", "é", "è", "x" * 80, "x" * 81):
        name = name_test(FactTest(path, "in", (value,)), taken)
        assert re.fullmatch(r"a_level_is_\w{1,49}", name, re.ASCII)
        assert name not in taken
        taken.add(name)
    assert "a_level_is_high_2" in taken
