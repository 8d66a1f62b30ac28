"""The roll-up of an output for a manager: by owner, by team, by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from .changes import CHANGES
from .engines import duckdb_at_work
from .previous import read_output

_PREFIX = "summed_"
OPEN, WON, LOST = "open", "won", "lost"


@dataclass(frozen=True)
class Share:
    """How many deals there are, and what they add up to, by currency."""

    deals: int
    amounts: dict[str, float]


@dataclass(frozen=True)
class Group:
    """The open deals of one owner, team or step; readiness is the mean over them, in percent."""

    name: str
    deals: int
    amounts: dict[str, float]
    readiness_low: float
    readiness_high: float
    at_risk: int
    ahead: int
    steps: dict[str, int]
    changes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """An output in groups; ``by`` holds the groups of each kind, the largest first.

    A deal that is won or lost is in no group: its share stands in ``outcomes`` beside that of the open ones.
    ``changes`` counts all that moved, deals included that are in no group.
    """

    deals: int
    scored: int
    outcomes: dict[str, Share]
    by: dict[str, list[Group]]
    changes: dict[str, int] = field(default_factory=dict)


def summarise(output: str, steps: list[str]) -> Summary:
    """Roll an output up; ``steps`` gives the order of the steps, those of other rules come last.

    Raises :class:`~.refusal.BadSource` if it is no output of ours.
    """
    with duckdb_at_work() as (database, _):
        found = read_output(database, output, ("deals", "changes"), _PREFIX)
        # outputs of earlier versions lack it
        database.execute(f"ALTER TABLE {_PREFIX}deals ADD COLUMN IF NOT EXISTS deal_outcome VARCHAR")
        order = " ".join(f"WHEN '{step}' THEN {number}" for number, step in enumerate(steps))
        database.execute(
            "CREATE TABLE told AS SELECT deal_id, coalesce(nullif(deal_owner, ''), '-') AS owner,"
            " coalesce(nullif(deal_team, ''), '-') AS team, step, coalesce(nullif(deal_currency, ''), '-') AS currency,"
            " CAST(deal_amount AS DECIMAL(18, 4)) AS amount, CAST(readiness_low AS DOUBLE) AS low,"
            " CAST(readiness_high AS DOUBLE) AS high, CAST(risk_count AS INTEGER) AS risks,"
            f" CASE claimed_step {order} END > CASE step {order} END AS ahead,"
            # as the rules have it, a contract that is signed makes a deal won even if nobody has said so
            f" CASE WHEN deal_outcome IN ('{WON}', '{LOST}') THEN deal_outcome WHEN step = '{steps[-1]}' THEN '{WON}'"
            f" ELSE '{OPEN}' END AS outcome FROM {_PREFIX}deals WHERE CAST(scored AS BOOLEAN)"
        )
        database.execute(f"CREATE VIEW pipeline AS SELECT * FROM told WHERE outcome = '{OPEN}'")
        (deals,) = database.execute(f"SELECT count(*) FROM {_PREFIX}deals").fetchone() or (0,)
        (scored,) = database.execute("SELECT count(*) FROM told").fetchone() or (0,)
        counted = dict(database.execute("SELECT outcome, count(*) FROM told GROUP BY 1").fetchall())
        amounts = _amounts(database, "outcome", "told")
        outcomes = {name: Share(counted.get(name, 0), amounts.get(name, {})) for name in (OPEN, WON, LOST)}
        at = {step for (step,) in database.execute("SELECT DISTINCT step FROM pipeline").fetchall()}
        steps = [*steps, *sorted(at.difference(steps))]
        by = {kind: _groups(database, kind, steps, "changes" in found) for kind in ("owner", "team", "step")}
        moved = f"SELECT change, count(*) FROM {_PREFIX}changes GROUP BY 1"
        changes = _in_order(dict(database.execute(moved).fetchall())) if "changes" in found else {}
        return Summary(deals, scored, outcomes, by, changes)


def _groups(database: duckdb.DuckDBPyConnection, kind: str, steps: list[str], with_changes: bool) -> list[Group]:
    amounts = _amounts(database, kind, "pipeline")
    at_step = _pairs(database, f"SELECT {kind}, step, count(*) FROM pipeline GROUP BY ALL")
    moved = _pairs(
        database, f"SELECT {kind}, change, count(*) FROM pipeline JOIN {_PREFIX}changes USING (deal_id) GROUP BY ALL"
    ) if with_changes else {}
    rows = database.execute(
        f"SELECT {kind}, count(*), avg(low), avg(high), count(*) FILTER (risks > 0), count(*) FILTER (ahead)"
        " FROM pipeline GROUP BY 1"
    ).fetchall()
    groups = [
        Group(
            name, count, amounts.get(name, {}), round(low, 1), round(high, 1), at_risk, ahead,
            {step: int(at_step[name].get(step, 0)) for step in steps},
            _in_order(moved.get(name, {})),
        )
        for name, count, low, high, at_risk, ahead in rows
    ]
    if kind == "step":
        return sorted(groups, key=lambda group: steps.index(group.name))
    return sorted(groups, key=lambda group: (-group.deals, group.name))


def _in_order(moved: Mapping[str, float]) -> dict[str, int]:
    return {change: int(moved[change]) for change in CHANGES if change in moved}


def _amounts(database: duckdb.DuckDBPyConnection, kind: str, deals: str) -> dict[str, dict[str, float]]:
    """Return the sum of each currency; of decimals it is exact, in whatever order they are added."""
    total = "CAST(sum(amount) AS DOUBLE)"
    return _pairs(database, f"SELECT {kind}, currency, {total} FROM {deals} WHERE amount IS NOT NULL GROUP BY ALL ORDER BY 2")


def _pairs(database: duckdb.DuckDBPyConnection, query: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, key, value in database.execute(query).fetchall():
        found.setdefault(name, {})[key] = value
    return found
