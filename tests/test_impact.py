"""What an edit changes is, deal for deal, what diagnosing with both rule bases and comparing tells."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from dealready.batch.engines import duckdb_at_work
from dealready.cli import cli
from dealready.coach.edits import rule_edits, with_edits
from dealready.coach.impact import Comparison, Impact, affected, impact
from dealready.engine.diagnose import Diagnoser
from dealready.facts.deal import Deal
from dealready.rules.base import RuleBase, load_rule_base
from dealready.rules.layers import OURS, layer_of

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
from data import sample, write  # noqa: E402

DEALS = 100
SMALL = """\
rules:
  - {id: health.rhythm-kept, off: true}
  - {id: closing.false-scarcity, when: {any: [{offer.limit_real: false}, {closing.methods: {has: scarcity}}]}}
  - {id: people.champion, when: {holds: has_power, attitude: {at_least: neutral}}}
"""
LARGE = """\
parameters: [{id: review_days, value: 5}, {id: contact_stale_days, value: 75}, {id: attitude_stale_days, value: 30}]
rules:
  - {id: health.rhythm-kept, off: true}
  - {id: closing.false-scarcity, when: {any: [{offer.limit_real: false}, {closing.methods: {has: scarcity}}]}}
  - {id: people.champion, when: {holds: has_power, attitude: {at_least: neutral}}}
actions: [{id: festival_visit, off: true}, {id: learn_their_procedure, withheld_when: [key_account]}]
steps: [{id: visits, criteria: [{id: visits.trusted, when: {some: {of: stakeholders, where: {rung: {at_least: acquainted}}}}}]}]
"""


@functools.cache
def bases(folder: Path) -> tuple[RuleBase, RuleBase]:
    return load_rule_base(), load_rule_base((OURS, layer_of(folder)))


def layer(folder: Path, text: str) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "edit.yaml").write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("portfolio")
    write(DEALS, folder)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layer(tmp_path_factory.mktemp("small"), SMALL)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layer(tmp_path_factory.mktemp("large"), LARGE)


def shown(base: RuleBase, deals: list[Deal], names: set[str]) -> dict[str, set[str]]:
    """Return what is concluded of each deal, of some names, as the moves are written."""
    diagnoser = Diagnoser(base)
    told = {}
    for deal in deals:
        _, outcome = diagnoser.outcome(deal)
        told[deal.file] = {
            f"{name}@{about}" if about else name for name in names for about in outcome.about(name)
        }
    return told


def moves(old: RuleBase, new: RuleBase, deals: list[Deal], names: set[str]) -> dict[str, list[str]]:
    before, after = shown(old, deals, names), shown(new, deals, names)
    found = {
        deal: sorted([f"+{name}" for name in after[deal] - before[deal]] + [f"-{name}" for name in before[deal] - after[deal]])
        for deal in before
    }
    return {deal: moved for deal, moved in found.items() if moved}


def compared(
    old: RuleBase, new: RuleBase, source: Path, blame: bool = True
) -> tuple[Impact, dict[str, list[str]], set[str]]:
    with duckdb_at_work() as (database, _):
        comparison = Comparison(database, old, new)
        found = comparison.run(str(source), blame)
        rows = database.execute("SELECT deal_id, moves FROM moved").fetchall()
        return found, dict(rows), set(comparison.shown())


def test_the_moves_are_those_of_diagnosing_twice(portfolio: Path, large: Path) -> None:
    old, new = bases(large)
    found, told, names = compared(old, new, portfolio, blame=False)
    deals = sample(portfolio, old.vocabulary, DEALS)
    assert found.deals == len(deals) == DEALS
    expected = moves(old, new, deals, names)
    assert len(expected) > 20
    assert {deal: sorted(moved) for deal, moved in told.items()} == expected


def test_the_blamed_edits_alone_bring_about_the_whole_change_and_no_fewer_do(
    portfolio: Path, small: Path, tmp_path: Path
) -> None:
    old, new = bases(small)
    found, told, names = compared(old, new, portfolio)
    by_id = {deal.file: deal for deal in sample(portfolio, old.vocabulary, DEALS)}
    assert sum(blamed.deals for blamed in found.blamed) == found.changed == len(told)
    for blamed in found.blamed:
        deals = [by_id[deal] for deal, _ in blamed.examples]
        whole = with_edits(old, new, blamed.edits)
        assert whole is not None
        assert moves(old, whole, deals, names) == {deal.file: sorted(told[deal.file]) for deal in deals}
        for left_out in blamed.edits if len(blamed.edits) > 1 else ():
            part = with_edits(old, new, [one for one in blamed.edits if one is not left_out])
            assert part is None or all(
                moved != sorted(told[deal]) for deal, moved in moves(old, part, deals, names).items()
            )


def test_an_edit_falls_apart_into_what_can_be_made_alone(large: Path) -> None:
    old, new = bases(large)
    assert [one.name for one in rule_edits(old, new)] == [
        "actions festival_visit", "actions learn_their_procedure", "criteria visits.trusted", "parameters attitude_stale_days",
        "parameters contact_stale_days", "rules closing.false-scarcity", "rules health.rhythm-kept", "rules people.champion",
    ]
    everything = with_edits(old, new, rule_edits(old, new))
    assert everything is not None
    assert {rule.id: rule.when for rule in everything.program.rules} == {rule.id: rule.when for rule in new.program.rules}


def test_nothing_changes_nothing(portfolio: Path) -> None:
    base = load_rule_base()
    assert affected(base, base) == frozenset()
    assert impact(base, base, str(portfolio)).changed == 0


def test_the_command_tells_it_in_words_and_as_data(small: Path, portfolio: Path) -> None:
    command = ["rules", "impact", "--rules", str(small), "--deals"]
    told = CliRunner().invoke(cli, [*command, str(portfolio), "--lang", "zh"])
    assert told.exit_code == 0
    assert "rules closing.false-scarcity" in told.output
    data = json.loads(CliRunner().invoke(cli, [*command, str(portfolio), "--json"]).output)
    assert data["changed"] == sum(blamed["deals"] for blamed in data["blamed"])
    assert CliRunner().invoke(cli, [*command, str(portfolio / "nowhere")]).exit_code == 2
