"""Strata as statements that follow one another, so that what several of them read is worked out once.

Each stratum with several readers becomes a table with only the columns that are still needed; the
others stay common table expressions of the statement that reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from ..facts.tables import ITEM_KEY, KEY
from .dialects import written
from .expressions import col, named, selection
from .packed_sql import Packed
from .script import Step
from .strata import Stratum, reads_of, with_strata

IN_A_RUN = "CREATE OR REPLACE TABLE {}"  # not temporary: several connections know it
Beside = Callable[[str, Collection[str]], Sequence[exp.Expr]]


@dataclass(frozen=True)
class Statement:
    """A table of a run and the query that fills it."""

    name: str
    select: exp.Query


def laid_down(
    strata: Sequence[Stratum], ends: Collection[str], later: Mapping[str, Collection[str]], beside: Beside | None = None,
    flags: Collection[str] = (),
) -> list[Statement]:
    """Return the statements that lay down every stratum with several readers, and those named in ``ends``.

    ``later`` names by scope the columns that are read when all is laid down. ``beside`` is called with the scope and
    the columns of each table and returns columns to work out beside them, which later tables of the scope keep.
    ``flags`` names columns that are TRUE or FALSE: many of them share a number in all tables but the ``ends``, since a
    table of many columns takes longer to write than they take to work out.
    """
    made: dict[str, set[str]] = {}  # the columns of each stratum
    kept: dict[str, list[str]] = {}  # by scope: the columns that ``beside`` gave
    shared = _read_often(strata) | set(ends)
    reads = [stratum.reads.column_names for stratum in strata]
    waiting: list[Stratum] = []  # for a statement that reads them
    statements: list[Statement] = []
    for number, stratum in enumerate(strata):
        made[stratum.name] = _columns(stratum.select, made)
        if stratum.name not in shared:
            waiting.append(stratum)
            continue
        read = set().union(later.get(stratum.scope, ()), *reads[number + 1 :])
        keys = [KEY, *([ITEM_KEY] if stratum.scope else [])]
        before = [name for name in kept.get(stratum.scope, ()) if name in made[stratum.name]]
        names = [*keys, *sorted((made[stratum.name] & read).difference(keys, before)), *before]
        more = beside(stratum.scope, made[stratum.name]) if beside else ()
        others = [part.alias for part in more]
        kept.setdefault(stratum.scope, []).extend(others)
        made[stratum.name] = {*names, *others}
        together = [] if stratum.name in ends else [name for name in names if name in flags]
        statement, unpacking = _packed(stratum, waiting, names, together, more)
        statements.append(statement)
        waiting += unpacking
    return statements


def _packed(
    stratum: Stratum, before: Sequence[Stratum], names: Iterable[str], together: Collection[str], more: Sequence[exp.Expr],
) -> tuple[Statement, list[Stratum]]:
    """Return the statement that lays a stratum down, and what makes the stratum again out of its table, where that is packed.

    ``before`` are strata that it reads and that are no tables; ``names`` are the columns that are kept, of which those
    ``together`` share numbers; ``more`` are columns to work out beside them.
    """
    alone = [name for name in names if name not in together]
    pack = Packed(stratum.scope, f"{stratum.name}_flags")
    words = pack.add([(name, name) for name in together])
    inner = Stratum(f"{stratum.name}_all", stratum.scope, stratum.select)
    select = selection(*map(col, alone), *words, *more).from_(inner.name, copy=False)
    table = f"{stratum.name}_packed" if together else stratum.name
    statement = Statement(table, with_strata((*before, inner), select))
    if not together:
        return statement, []
    unpacked = (named(pack.true(name), name) for name in together)
    others = (col(part.alias) for part in more)
    again = selection(*map(col, alone), *unpacked, *others).from_(table, copy=False)
    return statement, [Stratum(stratum.name, stratum.scope, again)]


def _read_often(strata: Iterable[Stratum]) -> set[str]:
    """Return the strata with several readers, except those that only read plain tables, which cost little."""
    readers: dict[str, int] = {}
    for stratum in strata:
        for name in stratum.reads.tables:
            readers[name] = readers.get(name, 0) + 1
    return {name for name, count in readers.items() if count > 1 and not name.endswith(("_known", "_known_plain"))}


def _columns(select: exp.Query, made: Mapping[str, set[str]]) -> set[str]:
    """Return the names of a select's columns, stars written out."""
    names: set[str] = set()
    source = select.args["from_"].this.name
    for part in select.selects:
        if part.is_star:
            names |= made.get(source, set())
        else:
            names.add(part.alias_or_name)
    return names


def as_script(
    statements: Sequence[Statement], kept: Collection[str], dialect: str = "duckdb", begins: str = IN_A_RUN,
    pretty: bool = False,
) -> list[Step]:
    """Return SQL that makes one table after another, and drops each that no later one reads and that is not ``kept``.

    ``begins`` is how a statement that makes a table begins, with a place for its name.
    """
    reads = [reads_of(statement.select).tables for statement in statements]
    last = {name: number for number, statement in enumerate(statements) for name in (statement.name, *reads[number])}
    script: list[Step] = []
    users: dict[str, list[int]] = {}  # by table: the step that makes it and those that read it
    for number, statement in enumerate(statements):
        read = [steps for name, steps in users.items() if name in reads[number]]
        before = tuple(steps[0] for steps in read)
        for steps in (*read, users.setdefault(statement.name, [])):
            steps.append(len(script))
        script.append(Step(f"{begins.format(statement.name)} AS\n{written(statement.select, dialect, pretty)}", before))
        done = [made.name for made in statements if last[made.name] == number and made.name not in kept]
        script += [Step(dropped(name), tuple(users[name])) for name in done]
    return script


def dropped(name: str) -> str:
    """Return SQL that drops a table."""
    return f"DROP TABLE IF EXISTS {name}"
