"""The rule base as one query, for a warehouse or a dbt model of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlglot import exp

from ..engine.dialects import written
from ..engine.score_sql import compile_scoring
from ..engine.sql_tests import RESERVED, Cases, col, named, selection
from ..engine.strata import Stratum, with_strata
from ..facts.problems import suggestion
from ..facts.tables import KEY, tables
from ..rules.base import RuleBase
from .job import MOST_QUESTIONS
from .refusal import BadSource

_TEMPLATE = re.compile(r"\{\{.*\}\}", re.DOTALL)
_NAME = re.compile(r"""([\w$-]+|"[^"]+"|`[^`]+`)(\.([\w$-]+|"[^"]+"|`[^`]+`))*""")  # as warehouses write it, with its schema
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
    will do as a name. Raises :class:`BadSource` for what is no such pair.
    """
    layout = list(tables(base.vocabulary))
    names = dict(_renamed(pair, layout, dialect) for pair in renamed)
    return written(query_tree(base, output, names), dialect, pretty=True)


def query_tree(base: RuleBase, output: str, names: Mapping[str, exp.Table] | None = None) -> exp.Query:
    """Return the query of an output table: what is a temporary table in a run is a common table expression of it."""
    scoring = compile_scoring(base, (output,), MOST_QUESTIONS)
    strata: dict[str, Stratum] = {}
    for statement in scoring.statements:
        _redirect(statement.select, names or {})
        for inner in statement.select.ctes:
            strata.setdefault(inner.alias, Stratum(inner.alias, "", inner.this))
        statement.select.set("with_", None)
        strata[statement.name] = Stratum(statement.name, "", statement.select)
    return with_strata(strata.values(), _shown(scoring.outputs[output], output))


def _renamed(pair: str, known_names: list[str], dialect: str) -> tuple[str, exp.Table]:
    name, _, table = (part.strip() for part in pair.partition("="))
    if name not in known_names:
        hint = suggestion(name, known_names)
        raise BadSource("batch-no-table", found=name, hint=hint, choices=", ".join(known_names))
    if _TEMPLATE.fullmatch(table):
        return name, exp.Table(this=exp.var(table))
    if not _NAME.fullmatch(table):
        raise BadSource("batch-table-name", found=pair)
    return name, exp.to_table(table, dialect=dialect)


def _redirect(query: exp.Query, names: Mapping[str, exp.Table]) -> None:
    """Let a query read other tables under the names that it has for them."""
    for table in list(query.find_all(exp.Table)):
        if table.name in names:
            table.replace(named(names[table.name].copy(), table.alias_or_name, table=True))


def _shown(query: exp.Query, output: str) -> exp.Select:
    """Return the query with the columns of ``score``, called as there."""
    columns: list[exp.Expr] = [col(KEY)]
    for name in _COLUMNS.get(output) or [name for name in query.named_selects if name != KEY]:
        called = _CALLED.get((output, name), name)
        columns.append(named(_whole_fact() if name == "fact" else col(name), called, quoted=called in RESERVED))
    return selection(*columns).from_(query.subquery("judged", copy=False), copy=False)


def _whole_fact() -> exp.Expr:
    """Return a fact with its collection before it; one of the two may be empty."""
    collection, fact = col("collection"), col("fact")
    both = exp.Concat(expressions=[collection.copy(), exp.Literal.string("."), fact.copy()], coalesce=False)
    empty = exp.Literal.string("")
    whole = Cases().when(exp.EQ(this=collection.copy(), expression=empty), fact)
    return whole.when(exp.EQ(this=fact.copy(), expression=empty.copy()), collection).otherwise(both)
