"""The SQL that scores typed tables, compiled once for each version of the rules; a run mostly finds it ready."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ..engine.script import Step
from ..rules.base import RuleBase
from ..rules.cache import kept

MOST_QUESTIONS = 10  # of a deal


@dataclass(frozen=True)
class Sql:
    """The steps that fill tables, and drop those that are done with, and the query of each output.

    ``reads`` tells which columns they read of each plain table.
    """

    steps: Sequence[Step]
    outputs: dict[str, str]
    reads: Mapping[str, frozenset[str]]


def scoring_sql(base: RuleBase, outputs: Sequence[str], most_questions: int = MOST_QUESTIONS) -> Sql:
    """Return the SQL that scores the typed tables of a job."""
    made_from = (base.hash, tuple(outputs), most_questions, version("sqlglot"))
    key = hashlib.sha256(repr(made_from).encode()).hexdigest()
    root = Path(__file__).parent.parent
    code = [root / name for name in ("facts", "rules", "engine", "batch")]
    return kept("sql", key, code, Sql, lambda: _compile(base, outputs, most_questions))


def _compile(base: RuleBase, outputs: Sequence[str], most_questions: int) -> Sql:
    from ..engine.dialects import written  # the compiler takes longer to load than what it made before
    from ..engine.score_sql import compile_scoring
    from ..engine.statements import as_script
    from ..engine.strata import reads_of

    with _without_collection():
        scoring = compile_scoring(base, outputs=outputs, most_questions=most_questions, narrow=True)
        read_later = set().union(*(reads_of(query).tables for query in scoring.outputs.values()))
        steps = as_script(scoring.statements, read_later)
        return Sql(steps, {name: written(query, "duckdb") for name, query in scoring.outputs.items()}, scoring.reads)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Let nobody look for garbage: a query is needed to its last node until it is written, and looking takes a third longer."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
