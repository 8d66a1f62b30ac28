"""The rule base as one query, for a warehouse or a model of its own."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from ..engine.case_sql import case_strata, known
from ..engine.dialects import written
from ..engine.sql import compile_program, with_strata
from ..facts.problems import messages, suggestion
from ..facts.tables import KEY, tables
from ..facts.texts import Language
from ..rules.base import RuleBase


class Unknown(Exception):
    """A name of a table that the query does not read."""

    def __init__(self, name: str, known_names: Iterable[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known_names = list(known_names)

    def message(self, language: Language) -> str:
        """Return what is wrong, in one sentence."""
        return messages()["batch-no-table"].read(
            language, found=self.name, hint=suggestion(self.name, self.known_names), choices=", ".join(self.known_names))


def query_text(base: RuleBase, dialect: str, renamed: Iterable[str] = ()) -> str:
    """Return the query in a dialect: every conclusion about each deal.

    ``renamed`` holds ``deals=warehouse.deals`` for tables that have other names. Raises :class:`Unknown`.
    """
    layout = tables(base.vocabulary)
    names = dict(pair.partition("=")[::2] for pair in renamed)
    for name, table in names.items():
        if name not in layout or not table:
            raise Unknown(name, layout)
    scopes = ("", *base.vocabulary.collections)
    compiled = compile_program(base.program, {scope: known(scope) for scope in scopes})
    strata = (*case_strata(base.program, base.vocabulary, base.stale_limits, names), *compiled.strata)
    wanted = sorted(column for name, column in compiled.columns.items() if not base.program.scopes[name])
    select = exp.select(KEY, *(exp.column(name) for name in wanted)).from_(compiled.last[""])
    return written(with_strata(strata, select), dialect, pretty=True) + ";"
