"""Why each rule fired, as a table, says of every condition what the meaning of rules says."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from dealready.batch.job import Job
from dealready.batch.run import score
from dealready.engine.diagnose import Diagnoser
from dealready.engine.explain_sql import leaves
from dealready.engine.pending import judge
from dealready.engine.reference import holds
from dealready.facts.deal import load_deal
from dealready.rules.language import FactTest, Quantifier, walk

from .pipelines import EXAMPLES, example_files
from .product import base

Row = dict[str, str]


TABLES = ("deals", "criteria", "findings", "actions", "fired")  # as elsewhere, so that they are compiled once


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("explained") / "out"
    score(base(), Job(str(EXAMPLES), str(target), threads=1, format="csv", explain=True, tables=TABLES))
    return target


def rows(folder: Path, table: str) -> list[Row]:
    with (folder / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def about(row: Row) -> tuple[str, str, str]:
    return row["deal_id"], row["rule"], row["about"]


def test_every_rule_that_fired_is_explained(explained: Path) -> None:
    fired = {about(row) for row in rows(explained, "fired")}
    assert any(rule.startswith("criterion.") for _, rule, _ in fired)
    assert {about(row) for row in rows(explained, "conditions")} == fired


def test_the_state_of_each_condition_is_what_the_meaning_says(explained: Path) -> None:
    diagnoser = Diagnoser(base())
    rules = {rule.id: rule for rule in base().program.rules}
    outcomes = {path.stem: diagnoser.outcome(load_deal(str(path), base().vocabulary)) for path in example_files()}
    open_quantifiers = 0
    for line in rows(explained, "conditions"):
        case, outcome = outcomes[line["deal_id"]]
        rule = rules[line["rule"]]
        row, part = case.row(rule.scope, line["about"]), list(leaves(rule.when))[int(line["number"]) - 1]
        assert (line["state"] == "holds") == holds(part, row, case, outcome.concluded), line
        if line["state"] != "holds" and not asks_about_knowledge(part):
            assert (line["state"] == "unknown") == (judge(part, row, case, outcome).truth is None), line
            open_quantifiers += isinstance(part, Quantifier) and line["state"] == "unknown"
    assert open_quantifiers


def asks_about_knowledge(condition: object) -> bool:
    kinds = ("known", "unknown", "stale", "inferred")
    return any(isinstance(part, FactTest) and part.kind in kinds for part in walk(condition))  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "condition", "about_", "expected"), [
    ("accounts.big-deal", "deal.amount: {at_least: $key_account_amount_cny}", "", ("38000000.0000", "1000000", "37000000.0")),
    ("attitudes.accept-decision", "attitude: {is: accept}", "lu", ("accept", "accept", "0.0")),
    ("criterion.visits.follow-up.met", "some of visits: state: {is: done}", "", ("4", "1", "3.0")),
    ("health.rhythm-kept", "contact.last_customer_response: {within_days: $contact_stale_days}", "",
     ("2026-03-12", "0..30", "4.0")),
])
def test_a_threshold_is_told_as_a_number_with_the_distance_to_it(
    explained: Path, rule: str, condition: str, about_: str, expected: tuple[str, str, str]
) -> None:
    (row,) = [row for row in rows(explained, "conditions") if row["deal_id"] == "steel-rolling-line"
              and (row["rule"], row["condition"], row["about"]) == (rule, condition, about_)]
    assert (row["value"], row["threshold"], row["distance"]) == expected
