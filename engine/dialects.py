"""Writes queries in the dialect of an engine, where the SQL library's own translation does not reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, reduce

from sqlglot import Dialect, Generator, exp

from .expressions import cast, negated, number_if, paren, sum_of, whole
from .packed_sql import IN_BITS, has_bit


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


Written = Callable[[Generator, exp.Expr], str]
Other = Callable[[exp.Expr], exp.Expr | None]  # from a node to the one that is written for it; None if it is to stay
# Words that some dialect reserves: the library lists them for these, and Redshift's include PostgreSQL's.
_RESERVED = frozenset().union(*(
    Dialect.get_or_raise(name).generator_class.RESERVED_KEYWORDS for name in ("bigquery", "duckdb", "redshift", "trino")))
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
    """Return a query in a dialect: ``pretty``, with comments, if it is meant to be read, else in a form that runs quicker.

    The query stays as it is.
    """
    own = Dialect.get_or_raise(dialect)
    generator = _generator(type(own), pretty)(dialect=own, pretty=pretty, comments=pretty)
    return generator.generate(query, copy=False)  # nothing in our queries gets rewritten


@cache
def _generator(dialect: type[Dialect], pretty: bool) -> type[Generator]:
    """Return what writes a dialect: as the library does, but for the nodes that are written as other ones."""
    library = dialect.generator_class
    name = dialect.__name__.lower()
    quicker = {} if pretty else _QUICKER.get(name, {})
    others: dict[type[exp.Expr], Other] = {exp.Anonymous: _bits, exp.Collate: _as_it_sorts, **_OTHERS.get(name, {}), **quicker}
    transforms = {kind: _as_other(library, kind, other) for kind, other in others.items()}
    own = {"TRANSFORMS": {**library.TRANSFORMS, **transforms}, "RESERVED_KEYWORDS": _RESERVED}
    return type("Generator", (library,), own)


def _as_other(library: type[Generator], kind: type[exp.Expr], other: Other) -> Written:
    plainly = library.TRANSFORMS.get(kind, getattr(library, f"{kind.key}_sql", None))

    def write(generator: Generator, node: exp.Expr) -> str:
        if (found := other(node)) is not None:
            return generator.sql(found)
        if plainly is None:
            assert isinstance(node, exp.Func), "the library writes everything else by a method"
            return generator.function_fallback_sql(node)
        return str(plainly(generator, node))

    return write


def _bits(node: exp.Expr) -> exp.Expr | None:
    """Return flags as bits of a number."""
    if node.name != IN_BITS:
        return None
    return paren(sum_of([number_if(flag.copy(), 1 << bit) for bit, flag in enumerate(node.expressions)]))


def _bits_by_sevens(node: exp.Expr) -> exp.Expr | None:
    """Return the bits of seven flags at a time in numbers of a byte, put together: DuckDB takes half the time for it."""
    if node.name != IN_BITS:
        return None
    parts: list[exp.Expr] = []
    for start in range(0, len(node.expressions), _SEVEN):
        bits: list[exp.Expr] = [
            paren(exp.BitwiseAnd(this=exp.Neg(this=cast(flag.copy(), "tinyint")), expression=whole(1 << bit)))
            for bit, flag in enumerate(node.expressions[start : start + _SEVEN])
        ]
        number = cast(reduce(lambda one, more: exp.BitwiseOr(this=one, expression=more), bits), "bigint")
        parts.append(exp.Mul(this=number, expression=whole(1 << start)) if start else number)
    return paren(sum_of(parts))


def _looked_up(node: exp.Expr) -> exp.Expr | None:
    """DuckDB looks a value up once for each that a block of a file has, but only if it is a function that looks it up."""
    test = node.this
    if not isinstance(test, exp.In) or node.expressions[0] != exp.false() or not all(v.is_string for v in test.expressions):
        return None
    values = exp.Array(expressions=[value.copy() for value in test.expressions])
    place = exp.Anonymous(this="ARRAY_POSITION", expressions=[values, test.this.copy()])
    return negated(exp.Is(this=place, expression=exp.null()))


def _as_it_sorts(node: exp.Expr) -> exp.Expr:
    """Return a text as it is: most engines sort by code points, as Python does, unless they are told otherwise."""
    text: exp.Expr = node.this.copy()
    return text


def _by_collation(_node: exp.Expr) -> None:
    """PostgreSQL sorts by the language of its database."""


def _count_of_string(node: exp.Expr) -> exp.Expr:
    """PostgreSQL counts the bits of bit strings only."""
    bits = exp.Cast(this=node.this.copy(), to=exp.DataType.build("bit(64)", dialect="postgres"))
    return exp.Anonymous(this="BIT_COUNT", expressions=[bits])


def _member(node: exp.Expr) -> exp.Expr | None:
    """In PostgreSQL a member that is no NULL needs no care about NULL."""
    if not isinstance(node.expression, exp.Literal):
        return None
    return exp.EQ(this=node.expression.copy(), expression=exp.Any(this=paren(node.this.copy())))


def _worked_out_once(node: exp.Expr) -> exp.Expr | None:
    """PostgreSQL would put strata into one another, until each conclusion is spelled out down to its last fact."""
    if node.args.get("materialized") or node.alias.endswith(("_known", "_known_plain")):
        return None
    return exp.CTE(this=node.this.copy(), alias=node.args["alias"].copy(), materialized=True)


def _count_one_by_one(node: exp.Expr) -> exp.Expr:
    """Snowflake counts no bits."""
    masked = node.this.unnest()
    mask = int(masked.expression.this)
    bits = [bit for bit in (1 << place for place in range(mask.bit_length())) if mask & bit]
    return paren(sum_of([number_if(has_bit(masked.this.copy(), whole(bit)), 1) for bit in bits]))


def _in_capitals(node: exp.Expr) -> exp.Expr | None:
    """Snowflake keeps names in capitals unless they are quoted, so quoted ones are in capitals too."""
    capitals = node.name.upper()
    is_quoted = node.args.get("quoted") or node.name in _RESERVED
    return exp.to_identifier(capitals, quoted=True) if is_quoted and node.name != capitals else None


_QUICKER: Mapping[str, Mapping[type[exp.Expr], Other]] = {  # than what is good to read
    "duckdb": {exp.Anonymous: _bits_by_sevens, exp.Coalesce: _looked_up},
}
_OTHERS: Mapping[str, Mapping[type[exp.Expr], Other]] = {
    "postgres": {
        exp.ArrayContains: _member, exp.BitwiseCount: _count_of_string, exp.Collate: _by_collation, exp.CTE: _worked_out_once,
    },
    "snowflake": {exp.BitwiseCount: _count_one_by_one, exp.Identifier: _in_capitals},
}
