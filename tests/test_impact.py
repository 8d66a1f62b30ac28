"""What an edit changes is, deal for deal, what scoring with both rule bases and comparing the tables tells."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from dealready.batch.engines import duckdb_at_work
from dealready.batch.job import Job
from dealready.batch.run import score
from dealready.cli import cli
from dealready.coach.aspects import KINDS, differing, told
from dealready.coach.blame import blame
from dealready.coach.edits import rule_edits, with_edits
from dealready.coach.impact import impact
from dealready.coach.side_by_side import Comparison, Move
from dealready.rules.base import RuleBase, load_rule_base
from dealready.rules.layers import OURS, layer_of

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
from data import write  # noqa: E402

from .product import base  # noqa: E402

SOAK = "DEALREADY_EXAMPLES" in os.environ
DEALS = 100
NORTHGATE = ROOT / "examples" / "own-rules" / "northgate"
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
actions:
  - {id: festival_visit, off: true}
  - {id: learn_their_procedure, withheld_when: [key_account]}
  - {id: reach_out_with_reason, priority: 97, within_days: 2}
findings: [{id: veto_raised, severity: low, blocks: [needs, closing]}]
steps:
  - id: visits
    criteria: [{id: visits.trusted, when: {some: {of: stakeholders, where: {rung: {at_least: acquainted}}}}}]
  - {id: closing, criteria: [{id: closing.consensus, off: true}]}
"""
KINDS_OF = {"large": {*KINDS} - {"step"}, "northgate": {"readiness"}}
NEW_RULE = "label: {{en: {name}, zh: 甲}}, because: [X-CHAMPION], when: {when}, then: {then}"
LINKED = "rules:\n  - {id: health.rhythm-kept, off: true}\n" + "".join(
    f"  - {{id: {name}, {NEW_RULE.format(name=name, when=when, then=then)}}}\n" for name, when, then in (
        ("p.makes", "{budget.status: {is_not: approved}}", "{conclude: [p_ready]}"),
        ("p.makes-too", "{budget.status: {is: approved}}", "{conclude: [p_ready]}"),
        ("p.reads", "{holds: p_ready}", "{find: no_champion}"),
    ))
THREE = """\
parameters: [{id: attitude_stale_days, value: 30}]
rules: [{id: closing.false-scarcity, when: {any: [{offer.limit_real: false}, {closing.methods: {has: scarcity}}]}}]
steps: [{id: closing, criteria: [{id: closing.consensus, off: true}]}]
"""
LAYERS = {"three": THREE, "small": SMALL, "large": LARGE, "linked": LINKED}


@functools.cache
def ours() -> RuleBase:
    return base()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("impact")


@pytest.fixture(scope="module")
def portfolio(folder: Path) -> Path:
    write(DEALS, folder / "portfolio")
    return folder / "portfolio"


def layer(folder: Path, name: str) -> Path:
    rules = folder / name / "rules"
    if not rules.is_dir():
        rules.mkdir(parents=True)
        (rules / "edit.yaml").write_text(LAYERS[name], "utf-8")
    return folder / name


def theirs(folder: Path, name: str) -> RuleBase:
    return load_rule_base((OURS, layer_of(layer(folder, name))))


Told = dict[tuple[str, str, str], str]  # kind, id and item of what scoring tells of a deal, with its value


def scored(base: RuleBase, portfolio: Path, target: Path) -> tuple[dict[str, Told], dict[str, list[tuple[str, str]]]]:
    """Return what the tables of a run tell of each deal, and the actions in the order of their rank."""
    if not target.exists():
        score(base, Job(str(portfolio), str(target), tables=("deals", "criteria", "findings", "actions")))
    with duckdb.connect() as database:
        def rows(query: str) -> list[tuple[Any, ...]]:
            return database.execute(query.format(folder=target)).fetchall()

        steps = [step.id for step in base.steps]
        statuses = ", ".join(f"status_{step}" for step in steps)
        deals: dict[str, Told] = {}
        for deal, step, low, high, *states in rows(
            f"SELECT deal_id, step, readiness_low, readiness_high, {statuses} FROM '{{folder}}/deals.parquet'"
        ):
            deals[deal] = {("step", "", ""): step, ("readiness", "low", ""): str(low), ("readiness", "high", ""): str(high)}
            deals[deal] |= {("status", name, ""): state for name, state in zip(steps, states, strict=True)}
        for deal, criterion, state in rows("SELECT deal_id, criterion, state FROM '{folder}/criteria.parquet'"):
            deals[deal]["criteria", criterion, ""] = state
        for deal, finding, about, kind, severity in rows(
            "SELECT deal_id, finding, about, kind, severity FROM '{folder}/findings.parquet'"
        ):
            deals[deal]["findings", finding, about] = f"{kind} {severity}"
        ranked: dict[str, list[tuple[str, str]]] = {}
        for deal, action, about, days in rows(
            "SELECT deal_id, action, \"with\", due - as_of FROM '{folder}/actions.parquet'"
            " JOIN '{folder}/deals.parquet' USING (deal_id) ORDER BY deal_id, \"rank\""
        ):
            deals[deal]["actions", action, about] = f"{base.actions[action].priority} {days}"
            ranked.setdefault(deal, []).append((action, about))
        return deals, ranked


def scored_twice(old: dict[str, Told], new: dict[str, Told]) -> dict[str, set[Move]]:
    """Return what moves of each deal between two runs; a criterion that only one run knows does not move."""
    criteria = [{key for deal in run.values() for key in deal if key[0] == "criteria"} for run in (old, new)]
    moved = {}
    for deal, before in old.items():
        keys = [key for key in {*before, *new[deal]} if key[0] != "criteria" or all(key in known for known in criteria)]
        moves = {Move(key[0], key[1], before.get(key, ""), new[deal].get(key, ""), key[2]) for key in keys}
        moved[deal] = {move for move in moves if move.before != move.after}
    return {deal: moves for deal, moves in moved.items() if moves}


def compared(old: RuleBase, new: RuleBase, portfolio: Path) -> dict[str, set[Move]]:
    """Return what moves of each deal; that somebody has power now, no table tells but by the rank."""
    with duckdb_at_work() as (database, _):
        comparison = Comparison(database, old, new)
        assert comparison.read(str(portfolio)) == 0
        comparison.compare()
        moved: dict[str, set[Move]] = {}
        for deal, number, about, before, after in database.execute("FROM moved").fetchall():
            kind, name = key = comparison.keys[number]
            values = comparison.values[key]
            moved.setdefault(deal, set()).add(Move(kind, name, values[before], values[after], about))
        return moved


def without_power(moved: dict[str, set[Move]]) -> dict[str, set[Move]]:
    plain = {
        deal: {
            Move(move.kind, move.id, move.before.removesuffix(" power"), move.after.removesuffix(" power"), move.about)
            for move in moves
        }
        for deal, moves in moved.items()
    }
    kept = {deal: {move for move in moves if move.before != move.after} for deal, moves in plain.items()}
    return {deal: moves for deal, moves in kept.items() if moves}


@pytest.mark.parametrize("name", ["large", "northgate"] if SOAK else ["large"])
def test_the_moves_are_those_of_scoring_twice(name: str, folder: Path, portfolio: Path) -> None:
    new = load_rule_base((OURS, layer_of(NORTHGATE))) if name == "northgate" else theirs(folder, name)
    before, ranks_before = scored(ours(), portfolio, folder / "scored-ours")
    after, ranks_after = scored(new, portfolio, folder / f"scored-{name}")
    moved = compared(ours(), new, portfolio)
    expected = scored_twice(before, after)
    assert len(before) == DEALS
    assert {move.kind for moves in expected.values() for move in moves} >= KINDS_OF[name]
    assert without_power(moved) == expected
    reordered = {deal for deal in before if ranks_before.get(deal) != ranks_after.get(deal)}
    assert reordered <= set(moved)
    assert set(moved) - set(expected) <= reordered


@pytest.mark.parametrize("name", ["small", "linked"] if SOAK else ["linked"])
def test_each_deal_is_blamed_on_a_smallest_set_of_edits(name: str, folder: Path, portfolio: Path) -> None:
    old, new = ours(), theirs(folder, name)
    with duckdb_at_work() as (database, _):
        comparison = Comparison(database, old, new)
        comparison.read(str(portfolio))
        comparison.compare()
        edits = rule_edits(old, new)
        causes = blame(comparison, edits)
        blamed = {deal: causes[cause] for deal, cause in database.execute("FROM blamed").fetchall()}
        unlike = {
            chosen: unlike_all_edits(comparison, with_edits(old, new, chosen))
            for size in range(1, len(edits) + 1) for chosen in itertools.combinations(edits, size)
        }
        moved = {deal for (deal,) in database.execute("SELECT DISTINCT deal_id FROM moved").fetchall()}
    assert set(blamed) == moved
    for deal, chosen in blamed.items():
        assert deal not in unlike[chosen]
        assert all(deal in found for fewer, found in unlike.items() if len(fewer) < len(chosen))


def unlike_all_edits(comparison: Comparison, part: RuleBase | None) -> set[str]:
    """Return the deals of which a rule base with only some of the edits tells something else than one with all."""
    assert part is not None
    comparison.conclude("some", told(part), comparison.keys, {})
    rows: list[tuple[str]] = []
    for scope, keys in comparison.by_scope(comparison.keys).items():
        rows += comparison.database.execute(f"SELECT deal_id {comparison.joined('some', 'after', scope, keys)}").fetchall()
    return {deal for (deal,) in rows}


def test_rules_that_change_nothing_without_one_another_are_blamed_together(folder: Path, portfolio: Path) -> None:
    found = impact(ours(), theirs(folder, "linked"), str(portfolio))
    makes, too, reads, another = (("rules", name) for name in ("p.makes", "p.makes-too", "p.reads", "health.rhythm-kept"))
    blamed = [{name for edit in group.edits for name in edit.names} for group in found.blamed]
    together = {frozenset(names - {another}) for names in blamed}
    assert together == {frozenset(), frozenset({makes, reads}), frozenset({too, reads})}


def test_an_edit_falls_apart_into_what_can_be_made_alone(folder: Path) -> None:
    old, new = ours(), theirs(folder, "large")
    assert [edit.names for edit in rule_edits(old, new)] == [
        (("actions", "festival_visit"),), (("actions", "learn_their_procedure"),), (("actions", "reach_out_with_reason"),),
        (("criteria", "closing.consensus"),), (("criteria", "visits.trusted"),), (("findings", "veto_raised"),),
        (("parameters", "attitude_stale_days"),), (("parameters", "contact_stale_days"),),
        (("rules", "closing.false-scarcity"),), (("rules", "health.rhythm-kept"),), (("rules", "people.champion"),),
    ]
    everything, nothing = (with_edits(old, new, edits) for edits in (rule_edits(old, new), ()))
    assert everything is not None
    assert nothing is not None
    assert differing(told(everything), told(new)) == []
    assert differing(told(old), told(nothing)) == []


def test_nothing_changes_nothing(portfolio: Path) -> None:
    assert differing(told(ours()), told(ours())) == []
    assert impact(ours(), ours(), str(portfolio)).changed == 0


def test_the_examples_are_those_deals_with_all_that_moves(folder: Path, portfolio: Path) -> None:
    found = impact(ours(), theirs(folder, "small"), str(portfolio))
    moved = compared(ours(), theirs(folder, "small"), portfolio)
    for blamed in found.blamed:
        assert 0 < len(blamed.examples) <= min(3, blamed.deals)
        assert all(set(moves) == moved[deal] for deal, moves in blamed.examples)


def run(*arguments: str, language: str = "en") -> Any:
    return CliRunner().invoke(cli, ["rules", "impact", *arguments, "--lang", language])


@pytest.mark.parametrize(("language", "told_of"), [
    ("en", ("rule closing.false-scarcity", "criterion closing.consensus", "parameter attitude_stale_days")),
    ("zh", ("规则 closing.false-scarcity", "标准 closing.consensus", "参数 attitude_stale_days")),
])
def test_the_command_tells_it_in_words(language: str, told_of: tuple[str, ...], folder: Path, portfolio: Path) -> None:
    result = run("--rules", str(layer(folder, "three")), "--deals", str(portfolio), language=language)
    assert result.exit_code == 0, result.output
    assert all(edit in result.output for edit in told_of)
    assert f"{ours().version} ({ours().hash[:12]}) → " in result.output


def test_the_command_tells_it_as_data(folder: Path, portfolio: Path) -> None:
    data = json.loads(run("--rules", str(layer(folder, "small")), "--deals", str(portfolio), "--json").output)
    assert data["changed"] == sum(blamed["deals"] for blamed in data["blamed"])
    assert data["old"]["hash"] == ours().hash != data["new"]["hash"]


@pytest.fixture(scope="module")
def copy(folder: Path) -> Path:
    """Return a whole rule base: ours, without one rule."""
    shutil.copytree(OURS.rules, folder / "copy" / "rules", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(OURS.facts, folder / "copy" / "facts" / "vocabulary")
    file = folder / "copy" / "rules" / "base" / "people.yaml"
    before, rest = file.read_text("utf-8").split("  - id: people.veto-raised\n")
    file.write_text(before + rest[rest.index("  - id: "):], "utf-8")
    return folder / "copy"


def test_a_whole_rule_base_is_compared_as_it_is_so_that_what_it_lacks_is_seen(copy: Path, portfolio: Path) -> None:
    log = CliRunner().invoke(cli, ["rules", "log", "--rules", str(copy), "--json"])
    assert [(one["id"], one["change"]) for one in json.loads(log.output)["records"]] == [("people.veto-raised", "removed")]
    gone, back = (
        json.loads(run(option, str(copy), "--deals", str(portfolio), "--json").output) for option in ("--rules", "--old"))
    assert gone["edits"] == [[{"kind": "rules", "id": "people.veto-raised"}]]
    assert gone["kinds"] == back["kinds"]
    assert gone["old"]["hash"] == back["new"]["hash"] == ours().hash


def test_what_only_the_old_rules_know_is_told_by_its_label(folder: Path, copy: Path, portfolio: Path) -> None:
    (folder / "found" / "rules").mkdir(parents=True)
    label = "{en: A made-up finding, zh: 一项虚构的发现}"
    (folder / "found" / "rules" / "x.yaml").write_text(
        f"findings: [{{id: x, about: deal, kind: risk, severity: low, label: {label}, meaning: {label}}}]\nrules:\n"
        f"  - {{id: x.x, {NEW_RULE.format(name='x', when='{budget.status: {known: true}}', then='{find: x}')}}}\n", "utf-8")
    told_of = run("--old", str(folder / "found"), "--rules", str(copy), "--deals", str(portfolio))
    assert "− A made-up finding" in told_of.output


def test_what_can_not_be_compared_is_told(folder: Path, portfolio: Path) -> None:
    assert run("--rules", str(layer(folder, "small")), "--deals", str(portfolio / "nowhere")).exit_code == 2
    nothing = run("--deals", str(portfolio))
    assert (nothing.exit_code, nothing.output.count("\n")) == (2, 1)
