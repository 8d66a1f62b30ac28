"""Writes queries in the dialect of an engine, where the SQL library's own translation does not reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from .sql_tests import Cases, paren, sum_of, whole


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
    if dialect in _ADAPTED:
        query = query.transform(_ADAPTED[dialect])
    return query.sql(dialect=dialect, pretty=pretty, comments=pretty, copy=False)  # nothing in our queries gets rewritten


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


_ADAPTED: dict[str, Callable[[exp.Expr], exp.Expr]] = {"postgres": _for_postgres, "snowflake": _for_snowflake}
