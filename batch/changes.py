"""What moved since an earlier output, and the rules behind each move."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from ..facts.tables import DEALS
from ..rules.base import RuleBase
from ..rules.language import reads
from .filling import quoted
from .previous import read_output

PREFIX = "before_"
_READ = (DEALS, "fired")
FORWARD, BACK, PROGRESSED, SLIPPED, STALLED = "forward", "back", "progressed", "slipped", "stalled"
_SILENCING = ("paused", "lost")  # conclusions about a deal of which nobody expects a move
CHANGES = (FORWARD, PROGRESSED, STALLED, "unchanged", SLIPPED, BACK, "new", "gone", "not_scored")


def check_comparable(since: str) -> None:
    """Raise :class:`~.refusal.BadSource` if ``since`` is no output of a run, as far as its columns tell."""
    with duckdb.connect() as database:
        read_output(database, since, _READ, PREFIX, most_rows=0)


def check_values(database: duckdb.DuckDBPyConnection, since: str) -> None:
    """Raise :class:`~.refusal.BadSource` if a value of ``since`` can't be compared: better now than once all is scored."""
    read_output(database, since, (DEALS,), PREFIX)
    database.execute(f"DROP TABLE {PREFIX}{DEALS}")


def compare(database: duckdb.DuckDBPyConnection, base: RuleBase, since: str) -> bool:
    """Make the table ``out_changes``; return whether the earlier output tells which rules fired.

    A deal is ``stalled`` if time has passed and no criterion more is met, unless it is paused until a
    date, or lost. The rules behind a move are those that bear on the step; behind a stall those that
    find something. Raises :class:`~.refusal.BadSource` if ``since`` is no output of a run.
    """
    found = read_output(database, since, _READ, PREFIX)
    place = " ".join(f"WHEN '{step.id}' THEN {number}" for number, step in enumerate(base.steps))
    for name, table in (("now", "out_deals"), ("past", f"{PREFIX}deals")):
        database.execute(
            f"CREATE TEMP TABLE {name} AS SELECT DISTINCT deal_id, CAST(scored AS BOOLEAN) AS scored, step,"
            f" CASE step {place} END AS place,"
            " CAST(criteria_met AS INTEGER) AS met, CAST(readiness_low AS INTEGER) AS readiness_low,"
            " CAST(readiness_high AS INTEGER) AS readiness_high, CAST(CAST(as_of AS TIMESTAMP) AS DATE) AS as_of"
            f" FROM {table} WHERE deal_id <> ''"  # rejected ones may have no id, or the same one
        )
    told = "fired" in found
    before = f"{PREFIX}fired" if told else "out_fired"
    for kind, rules in (("moving", bearing_on_step(base)), ("finding", _finding(base))):
        _rules(database, f"{kind}_gained", rules, "out_fired", before)
        _rules(database, f"{kind}_lost", rules, before, "out_fired")
    silencing = _listed(rule.id for name in _SILENCING for rule in base.program.concluding(name))
    database.execute(f"CREATE TEMP TABLE silenced AS SELECT DISTINCT deal_id FROM out_fired WHERE rule IN ({silencing})")
    database.execute(
        f"""CREATE TABLE out_changes AS
        SELECT deal_id, change, past.step AS step_before, now.step AS step_now,
            past.readiness_low AS readiness_low_before, now.readiness_low AS readiness_low_now,
            past.readiness_high AS readiness_high_before, now.readiness_high AS readiness_high_now,
            now.met - past.met AS criteria_gained, past.as_of AS as_of_before, now.as_of AS as_of_now,
            {_behind("gained")} AS rules_gained, {_behind("lost")} AS rules_lost
        FROM (SELECT coalesce(now.deal_id, past.deal_id) AS deal_id, {_change()} AS change
              FROM now FULL JOIN past ON now.deal_id = past.deal_id
              LEFT JOIN silenced ON silenced.deal_id = now.deal_id) AS judged
        LEFT JOIN now USING (deal_id) LEFT JOIN past USING (deal_id)
        LEFT JOIN moving_gained USING (deal_id) LEFT JOIN moving_lost USING (deal_id)
        LEFT JOIN finding_gained USING (deal_id) LEFT JOIN finding_lost USING (deal_id)
        ORDER BY deal_id"""
    )
    return told


def _behind(way: str) -> str:
    return (f"CASE WHEN change IN ('{FORWARD}', '{BACK}', '{PROGRESSED}', '{SLIPPED}') THEN moving_{way}.rules"
            f" WHEN change = '{STALLED}' THEN finding_{way}.rules END")


def _change() -> str:
    return f"""CASE WHEN past.deal_id IS NULL THEN 'new' WHEN now.deal_id IS NULL THEN 'gone'
        WHEN NOT now.scored OR NOT past.scored THEN 'not_scored'
        WHEN now.place > past.place THEN '{FORWARD}' WHEN now.place < past.place THEN '{BACK}'
        WHEN now.met > past.met THEN '{PROGRESSED}' WHEN now.met < past.met THEN '{SLIPPED}'
        WHEN now.as_of > past.as_of AND silenced.deal_id IS NULL THEN '{STALLED}' ELSE 'unchanged' END"""


def _listed(rules: Iterable[str]) -> str:
    return ", ".join(f"'{rule}'" for rule in sorted(rules)) or "NULL"


def _rules(database: duckdb.DuckDBPyConnection, name: str, rules: Iterable[str], here: str, there: str) -> None:
    """Note which of some rules fired in one table and not in the other."""
    keys = f"SELECT deal_id, rule, coalesce(about, '') AS about FROM {{}} WHERE rule IN ({_listed(rules)})"
    database.execute(
        f"CREATE TEMP TABLE {quoted(name)} AS SELECT deal_id,"
        " string_agg(rule || CASE about WHEN '' THEN '' ELSE '@' || about END,"
        f" ';' ORDER BY rule, about) AS rules FROM ({keys.format(here)} EXCEPT {keys.format(there)}) GROUP BY deal_id"
    )


def _finding(base: RuleBase) -> set[str]:
    """Return the rules that find something, unless it is a strength."""
    found = {f"find.{finding.id}" for finding in base.findings.values() if finding.kind != "strength"}
    return {rule.id for rule in base.rules.values() if found & set(rule.concludes)}


def bearing_on_step(base: RuleBase) -> set[str]:
    """Return the rules on which it depends where a deal stands."""
    makers: dict[str, list[str]] = {}
    rules = {rule.id: rule for rule in base.program.rules}
    for rule in rules.values():
        for name in rule.concludes:
            makers.setdefault(name, []).append(rule.id)
    waiting = [rule for step in base.steps for rule in makers[f"step.{step.id}"]]
    found: set[str] = set()
    while waiting:
        rule_id = waiting.pop()
        if rule_id not in found:
            found.add(rule_id)
            waiting += [maker for name, _ in reads(rules[rule_id].when) for maker in makers.get(name, ())]
    return found
