"""Writes queries in the dialect of an engine, where the SQL library's own translation does not reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from sqlglot import exp

from .packed_sql import IN_BITS
from .sql_tests import Cases, cast, negated, number_if, paren, sum_of, whole


@dataclass(frozen=True)
class Making:
    """How a dialect makes a table that is needed for a while.

    ``begins`` is how the statement begins, with a place for the name. A ``temporary`` table goes with its session, and
    one that is ``replaced`` by the next of its name need not be dropped at all. Where ``null_arrays`` is false, a table
    has an empty array in place of NULL.
    """

    begins: str
    temporary: bool = False
    replaced: bool = False
    null_arrays: bool = True


_SEVEN = 7  # bits of a signed byte that can be used without its sign
_REPLACED = Making("CREATE OR REPLACE TEMPORARY TABLE {}", temporary=True, replaced=True)
MAKING: Mapping[str, Making] = {
    "duckdb": _REPLACED,
    "snowflake": _REPLACED,
    "bigquery": replace(_REPLACED, null_arrays=False),
    "postgres": Making("CREATE TEMPORARY TABLE {}", temporary=True),
    "spark": Making("CREATE TABLE {} USING PARQUET"),  # a view would be put in wherever it is read; no format may mean Hive
    "databricks": Making("CREATE TABLE {}"),  # not all of its computers make temporary ones, and its catalogue no Parquet
    "trino": Making("CREATE TABLE {}"),
}


def written(query: exp.Expr, dialect: str, pretty: bool = False) -> str:
    """Return a query in a dialect, with comments only if it is meant to be read. The query stays as it is."""
    query = query.copy()
    for node in list(query.find_all(exp.Anonymous)):
        if node.name == IN_BITS:
            quickly = dialect == "duckdb" and not pretty
            node.replace(_bits_by_sevens(node.expressions) if quickly else _bits(node.expressions))
    if dialect in _ADAPTED:
        query = query.transform(_ADAPTED[dialect], copy=False)
    return query.sql(dialect=dialect, pretty=pretty, comments=pretty, copy=False)  # nothing in our queries gets rewritten


def _bits(flags: Sequence[exp.Expr]) -> exp.Expr:
    return paren(sum_of([number_if(flag, 1 << bit) for bit, flag in enumerate(flags)]))


def _bits_by_sevens(flags: Sequence[exp.Expr]) -> exp.Expr:
    """Return the bits of seven flags at a time in numbers of a byte, put together: DuckDB takes half the time for it."""
    parts: list[exp.Expr] = []
    for start in range(0, len(flags), _SEVEN):
        bits: list[exp.Expr] = [
            paren(exp.BitwiseAnd(this=exp.Neg(this=cast(flag, "tinyint")), expression=whole(1 << bit)))
            for bit, flag in enumerate(flags[start : start + _SEVEN])
        ]
        number = cast(reduce(lambda one, other: exp.BitwiseOr(this=one, expression=other), bits), "bigint")
        parts.append(exp.Mul(this=number, expression=whole(1 << start)) if start else number)
    return paren(sum_of(parts))


def _for_duckdb(node: exp.Expr) -> exp.Expr:
    """DuckDB looks a value up once for each that a block of a file has, but only if it is a function that looks it up."""
    test = node.this if isinstance(node, exp.Coalesce) and node.expressions[0] == exp.false() else None
    if isinstance(test, exp.In) and all(value.is_string for value in test.expressions):
        place = exp.Anonymous(this="ARRAY_POSITION", expressions=[exp.Array(expressions=test.expressions), test.this])
        return negated(exp.Is(this=place, expression=exp.null()))
    return node


def _for_postgres(node: exp.Expr) -> exp.Expr:
    """PostgreSQL counts the bits of bit strings only; and a member that is no NULL needs no care about NULL."""
    if isinstance(node, exp.BitwiseCount):
        bits = exp.Cast(this=node.this, to=exp.DataType.build("bit(64)", dialect="postgres"))
        return exp.Anonymous(this="BIT_COUNT", expressions=[bits])
    if isinstance(node, exp.ArrayContains) and isinstance(node.expression, exp.Literal):
        return exp.EQ(this=node.expression, expression=exp.Any(this=paren(node.this)))
    return node


def _for_snowflake(node: exp.Expr) -> exp.Expr:
    """Snowflake counts no bits; and it keeps names in capitals unless they are quoted, so quoted ones are in capitals too."""
    if isinstance(node, exp.BitwiseCount):
        masked = node.this.unnest()
        mask = int(masked.expression.this)
        bits = [bit for bit in (1 << place for place in range(mask.bit_length())) if mask & bit]
        return paren(sum_of([_bit(masked.this, bit) for bit in bits]))
    if isinstance(node, exp.Identifier) and node.quoted:
        return exp.to_identifier(node.name.upper(), quoted=True)
    return node


def _bit(word: exp.Expr, bit: int) -> exp.Expr:
    """Return 1 if a number has a bit, else 0."""
    there = exp.NEQ(this=paren(exp.BitwiseAnd(this=word.copy(), expression=whole(bit))), expression=whole(0))
    return Cases().when(there, whole(1)).otherwise(whole(0))


_ADAPTED: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    "duckdb": _for_duckdb, "postgres": _for_postgres, "snowflake": _for_snowflake,
}
