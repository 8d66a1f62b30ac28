"""The rule base as one query, or as a script of several statements, for a warehouse or a dbt model of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sqlglot import Dialect, exp

from ..engine.dialects import MAKING, written
from ..engine.expressions import Cases, col, named, negated, selection
from ..engine.score_sql import compile_scoring
from ..engine.statements import Statement, as_script, dropped
from ..engine.strata import Stratum, reads_of, with_strata
from ..facts.problems import suggestion
from ..facts.tables import KEY, tables
from ..rules.base import RuleBase
from .compiled import MOST_QUESTIONS
from .refusal import BadSource

_OURS = "dealready_"  # begins the names of the tables that a script lays down, which then are nobody else's
_TEMPLATE = re.compile(r"\{\{.*\}\}", re.DOTALL)
_ABOUT = ("collection", "about")
_COLUMNS: Mapping[str, tuple[str, ...]] = {  # by output; those of deals follow from the steps
    "criteria": ("step", "criterion", "state"),
    "findings": ("finding", "kind", "severity", *_ABOUT),
    "actions": ("rank", "action", *_ABOUT, "within_days"),
    "questions": ("rank", "fact", *_ABOUT, "points"),
    "fired": ("rule", *_ABOUT),
}
_CALLED = {("deals", "first_action_about"): "first_action_with", ("actions", "about"): "with"}


def query_text(base: RuleBase, dialect: str, output: str = "deals", renamed: Iterable[str] = ()) -> str:
    """Return the query of an output table in a dialect; its columns are those of ``score``, without the texts.

    ``renamed`` holds ``deals=warehouse.deals`` for tables that have other names; ``{{ ref('deals') }}``
    will do as a name. Raises :class:`BadSource` for what is no such pair, for a table
    that is named twice, and for a name that the query uses itself.
    """
    names = _names(base, dialect, renamed)
    query = query_tree(base, output, names)
    _check_free(names, [query])
    return written(query, dialect, pretty=True)


def script_text(base: RuleBase, dialect: str, output: str = "deals", renamed: Iterable[str] = ()) -> str:
    """Return what :func:`query_text` does as a script: a table after another, and then a query with the same columns.

    Temporary tables are dropped when nothing reads them any more. Where there are none, or where they can't be
    replaced when the script runs again, the last lines drop what is left, also after a script that has failed.
    ``renamed`` is as there, and so is what is raised.
    """
    given = _names(base, dialect, renamed)
    names: dict[str, exp.Expr] = {**given}
    scoring = compile_scoring(base, (output,), MOST_QUESTIONS)
    making = MAKING[dialect]
    sets = () if making.null_arrays else _sets(base)
    statements: list[Statement] = []
    for made in scoring.statements:
        noted = [part.name for part in made.select.selects if isinstance(part, exp.Column) and part.name.endswith(sets)]
        statements.append(Statement(f"{_OURS}{made.name}", _noting_nulls(_redirected(made.select, names), noted)))
        names[made.name] = _with_nulls(statements[-1].name, noted)
    last = _redirected(_shown(scoring.outputs[output], output), names)
    _check_free(given, [*(made.select for made in statements), last])
    kept = [made.name for made in statements if not making.temporary or made.name in reads_of(last).tables]
    steps = as_script(statements, kept, dialect, making.begins, pretty=True)
    parts = [*(step.sql for step in steps), written(last, dialect, pretty=True)]
    parts += [] if making.replaced else map(dropped, kept)
    return ";\n\n".join(parts).replace(";\n\nDROP", ";\nDROP") + ";"


def _sets(base: RuleBase) -> tuple[str, ...]:
    """Return the columns of sets, with which the name of a column that a set is passed on in ends."""
    columns = [column for table in tables(base.vocabulary).values() for column in table.columns.values()]
    return tuple(column.name for column in columns if column.type == "texts")


def _noting_nulls(select: exp.Query, noted: Iterable[str]) -> exp.Query:
    """Return a query that tells of some columns whether they are NULL."""
    flags = [named(exp.Is(this=col(name), expression=exp.null()), _is_null(name)) for name in noted]
    return select.select(*flags, copy=False) if flags else select


def _with_nulls(table: str, noted: Sequence[str]) -> exp.Expr:
    """Return what to read for a table with such notes: its columns, NULL where they were."""
    if not noted:
        return exp.to_table(table)
    given = [Cases().when(negated(col(_is_null(name))), col(name)).end() for name in noted]
    columns = [named(value, name) for value, name in zip(given, noted, strict=True)]
    star = exp.Star(except_=[col(_is_null(name)) for name in noted], replace=columns)
    return selection(star).from_(table, copy=False).subquery(copy=False)


def _is_null(name: str) -> str:
    return f"{name}_is_null"


def query_tree(base: RuleBase, output: str, names: Mapping[str, exp.Table] | None = None) -> exp.Query:
    """Return the query of an output table: what is a temporary table in a run is a common table expression of it."""
    scoring = compile_scoring(base, (output,), MOST_QUESTIONS)
    strata: dict[str, Stratum] = {}
    for statement in scoring.statements:
        _redirected(statement.select, names or {})
        for inner in statement.select.ctes:
            strata.setdefault(inner.alias, Stratum(inner.alias, "", inner.this))
        statement.select.set("with_", None)
        strata[statement.name] = Stratum(statement.name, "", statement.select)
    return with_strata(strata.values(), _shown(scoring.outputs[output], output))


def _names(base: RuleBase, dialect: str, renamed: Iterable[str]) -> dict[str, exp.Table]:
    """Return the tables that have other names, by the plain table that each stands for."""
    layout = list(tables(base.vocabulary))
    names: dict[str, exp.Table] = {}
    for name, table in (_renamed(pair, layout, dialect) for pair in renamed):
        if name in names:
            raise BadSource("batch-table-again", found=name)
        names[name] = table
    return names


def _renamed(pair: str, known_names: list[str], dialect: str) -> tuple[str, exp.Table]:
    """Return a pair as a plain table and what is read for it: a name just as it is written, whose capitals may matter."""
    name, _, table = (part.strip() for part in pair.partition("="))
    if name not in known_names:
        hint = suggestion(name, known_names)
        raise BadSource("batch-no-table", found=name, hint=hint, choices=", ".join(known_names))
    if not _TEMPLATE.fullmatch(table) and not _is_name(table, dialect):
        raise BadSource("batch-table-name", found=pair, dialect=dialect)
    return name, exp.Table(this=exp.var(table))


def _is_name(table: str, dialect: str) -> bool:
    """Tell whether a dialect would take a text for the name of a table, be it with its schema."""
    (quote, *_) = Dialect.get_or_raise(dialect).tokenizer_class.IDENTIFIERS
    plain = r"[\w$-]+" if dialect == "bigquery" else r"[\w$]+"  # its projects have a dash in their names
    part = f"({plain}|{quote}[^{quote}]+{quote})"
    return re.fullmatch(rf"{part}(\.{part})*", table) is not None


def _check_free(names: Mapping[str, exp.Table], queries: Iterable[exp.Query]) -> None:
    """Raise :class:`BadSource` for a table without a schema whose name a common table expression has, too."""
    taken = {part.alias for query in queries for part in query.find_all(exp.CTE)}
    for table in names.values():
        if table.name.strip("`\"").lower() in taken:
            raise BadSource("batch-table-taken", found=table.name)


def _redirected(query: exp.Query, names: Mapping[str, exp.Expr]) -> exp.Query:
    """Let a query read other tables under the names that it has for them, and return it."""
    for table in list(query.find_all(exp.Table)):
        if table.name in names:
            table.replace(named(names[table.name].copy(), table.alias_or_name, table=True))
    return query


def _shown(query: exp.Query, output: str) -> exp.Select:
    """Return the query with the columns of ``score``, called as there."""
    columns: list[exp.Expr] = [col(KEY)]
    for name in _COLUMNS.get(output) or [name for name in query.named_selects if name != KEY]:
        called = _CALLED.get((output, name), name)
        columns.append(named(_whole_fact() if name == "fact" else col(name), called))
    return selection(*columns).from_(query.subquery("judged", copy=False), copy=False)


def _whole_fact() -> exp.Expr:
    """Return a fact with its collection before it; one of the two may be empty."""
    collection, fact = col("collection"), col("fact")
    both = exp.Concat(expressions=[collection.copy(), exp.Literal.string("."), fact.copy()], coalesce=False)
    empty = exp.Literal.string("")
    whole = Cases().when(exp.EQ(this=collection.copy(), expression=empty), fact)
    return whole.when(exp.EQ(this=fact.copy(), expression=empty.copy()), collection).otherwise(both)
