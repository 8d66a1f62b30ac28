"""Writes queries in the dialect of an engine, where the SQL library's own translation does not reach."""

from __future__ import annotations

from sqlglot import exp


def written(query: exp.Expr, dialect: str, pretty: bool = False) -> str:
    """Return a query in a dialect, with comments only if it is meant to be read."""
    if dialect == "postgres":
        query = query.transform(_for_postgres)
    return query.sql(dialect=dialect, pretty=pretty, comments=pretty)


def _for_postgres(node: exp.Expr) -> exp.Expr:
    """PostgreSQL counts the bits of bit strings only."""
    if isinstance(node, exp.BitwiseCount):
        bits = exp.Cast(this=node.this, to=exp.DataType.build("bit(64)", dialect="postgres"))
        return exp.Anonymous(this="BIT_COUNT", expressions=[bits])
    return node
