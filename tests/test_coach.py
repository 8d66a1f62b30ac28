"""The coach's bench: cases, coverage, mutation, lint, layers, and what changed."""

from __future__ import annotations

import functools
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dealready.coach.cases import load_cases
from dealready.coach.coverage import Coverage, cover
from dealready.coach.history import record_changes
from dealready.coach.lint import lint
from dealready.coach.mutants import Mutant, changed, mutants, parts_of
from dealready.coach.mutation import judge_all
from dealready.coach.running import run_cases
from dealready.coach.showing import coverage_page, print_coverage
from dealready.engine.case import build_case
from dealready.engine.reference import conclude, holds
from dealready.facts.deal import Deal, load_deal
from dealready.facts.problems import Rejected
from dealready.facts.texts import Language
from dealready.rules.base import load_rule_base
from dealready.rules.language import All, Any, FactPath, FactTest, Holds
from dealready.rules.layers import OURS, Layer, all_layers, layer_of
from dealready.rules.spelling import spell_in_line
from rich.console import Console

from .pipelines import example_rows, write_parquet
from .product import base, run

ROOT = Path(__file__).parent.parent
CASES = Path(__file__).parent / "cases"
EXAMPLES = ROOT / "facts" / "examples"
OWN = ROOT / "examples" / "own-rules"
EVERY = int(os.environ.get("DEALREADY_EVERY", "48"))


# Cases


@pytest.mark.parametrize("file", sorted(CASES.rglob("rules/*.yaml")), ids=lambda file: file.stem)
def test_our_own_cases_hold(file: Path) -> None:
    failed = [(case.name, failures) for case, failures in run_cases(base(), load_cases([str(file)], base()), 1) if failures]
    assert failed == []


def test_the_expectations_of_the_examples_are_cases_too() -> None:
    results = run_cases(base(), load_cases([str(EXAMPLES)], base()), 1)
    assert len(results) == 12
    assert all(not failures for _, failures in results)


def test_many_processes_say_what_one_says() -> None:
    cases = load_cases([str(CASES / "rules" / "signals.yaml"), str(CASES / "rules" / "openway.yaml")], base())
    alone, many = run_cases(base(), cases, 1), run_cases(base(), cases, 2)
    assert [(case.name, failures) for case, failures in alone] == [(case.name, failures) for case, failures in many]


@pytest.mark.parametrize("name", ["steel-rolling-line.yaml", "harbour-crane-lead.json", "forging-press-after-sale.yaml"])
def test_a_case_written_from_a_diagnosis_holds_until_a_line_is_changed(name: str, tmp_path: Path) -> None:
    written = run("test", "--new", str(EXAMPLES / name))
    assert written.exit_code == 0
    case = tmp_path / "case.yaml"
    case.write_text(written.output, "utf-8")
    assert run("test", str(case)).exit_code == 0
    case.write_text(re.sub(r"low: \d+", "low: 1", written.output), "utf-8")
    failed = run("test", str(case))
    assert failed.exit_code == 1
    assert "readiness: low = 1" in failed.output


WRONG = {
    "an unknown finding": ("findings: [single_thraded]", "did you mean 'single_threaded'?"),
    "an unknown rule": ("fires: [health.pausd]", "did you mean 'health.paused'?"),
    "an item that is not there": ("findings: [veto_raised@dengg]", "did you mean 'deng'?"),
    "a state that is none": ("criteria: {visits.trusted: open}", "'open' is not allowed"),
    "an unknown criterion": ("criteria: {visits.trustd: met}", "did you mean 'visits.trusted'?"),
    "an unknown step": ("step: need", "did you mean 'needs'?"),
    "an unknown key": ("find: [x]", "'find' is not known here"),
    "nothing expected": ("story: {en: a, zh: 甲}", "the case expects nothing"),
    "a fact that is none": ("questions: [needs.desir]", "did you mean 'needs.desire'?"),
    "a change that is wrong": ("step: needs\nchange: {budget.status: aproved}", "did you mean 'approved'?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_case_with_a_mistake_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    line, told = WRONG[name]
    file = tmp_path / "case.yaml"
    file.write_text(f"deal: {EXAMPLES / 'steel-rolling-line.yaml'}\n{line}\n", "utf-8")
    result = run("test", str(file))
    assert result.exit_code == 2
    assert told in result.output
    assert f"{file}:" in result.output


def test_pytest_collects_cases_and_tells_what_does_not_hold(tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    deal = EXAMPLES / "steel-rolling-line.yaml"
    text = f"cases:\n  - {{name: right, deal: {deal}, step: needs}}\n  - {{name: wrong, deal: {deal}, step: closing}}\n"
    (folder / "two.yaml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "1 failed, 1 passed" in done.stdout
    assert "two.yaml:3:" in done.stdout
    assert "step: Negotiation and closing [closing]" in done.stdout
    assert "found: Needs discovery [needs]" in done.stdout


# Mutation and coverage


def survivors() -> set[tuple[str, str, str]]:
    told = yaml.safe_load((CASES / "survivors.yaml").read_text("utf-8"))["survivors"]
    assert all(entry["reason"] for entry in told)
    return {(entry["of"], entry["kind"], entry["part"]) for entry in told}


def named(mutant: Mutant) -> tuple[str, str, str]:
    return mutant.of, mutant.kind, spell_in_line(mutant.part)


def test_our_cases_notice_every_slip_in_a_rule_but_those_that_are_listed_as_changing_nothing() -> None:
    cases = load_cases([str(CASES / "rules"), str(EXAMPLES)], base())
    every = 2 * EVERY - 1
    judged = judge_all(base(), cases, every=every, jobs=1)
    unnoticed = {named(entry.mutant) for entry in judged if not entry.noticed_by}
    assert unnoticed <= survivors()
    assert len(unnoticed) <= 0.05 * len(judged)
    if every == 1:
        assert unnoticed == survivors()


def test_every_survivor_that_is_listed_is_a_slip_that_there_may_be() -> None:
    assert survivors() <= {named(mutant) for mutant in mutants(base())}


def test_suggested_cases_notice_what_no_case_noticed(tmp_path: Path) -> None:
    case = tmp_path / "none.yaml"
    case.write_text("deal: {as_of: 2026-03-16}\nstep: investigation\n", "utf-8")
    suggested = tmp_path / "suggested.yaml"
    command = ("rules", "mutate", "--only", "health.pause", "-j", "1", "--cases")
    before = run(*command, str(case), "--suggest", str(suggested), "--json")
    assert before.exit_code == 1
    found = json.loads(before.stdout)
    assert found["noticed"] < found["all"]
    after = run(*command, str(suggested))
    assert after.exit_code == 0, after.output
    again = run(*command, str(case), "--suggest", str(suggested))
    assert again.exit_code == 2


def examples(*names: str) -> list[Deal]:
    return [load_deal(str(EXAMPLES / name), base().vocabulary) for name in names]


@functools.cache
def covered() -> Coverage:
    return cover(base(), examples("steel-rolling-line.yaml", "press-line-paused.yaml"), jobs=1)


def test_coverage_counts_what_fired_and_what_decided() -> None:
    found = covered()
    assert found.deals == found.sampled == 2
    paused = found.rules["health.paused"]
    assert (paused.asked, paused.fired, paused.decided) == (2, 1, 1)
    assert [(part.asked, part.held, part.decided) for part in paused.parts.values()] == [(2, 1, 1)]
    assert "closing.trial" in found.never_fired
    assert found.values["stakeholders.attitude=resist"] > 0
    assert all(rule.fired for rule in found.rules.values() if rule.decided)


def test_coverage_counts_as_the_page_of_plain_python_does() -> None:
    deals = examples("steel-rolling-line.yaml", "press-line-paused.yaml")
    seen = [build_case(deal, base().vocabulary, base().stale_limits) for deal in deals]
    pairs = [(case, conclude(base().program, case).concluded) for case in seen]
    for rule in base().rules.values():
        fired = [
            sum(holds(condition, row, case, known) for case, known in pairs for row in case.rows(scope))
            for scope, condition in [(rule.scope, rule.when), *((of, part) for _, of, part in parts_of(rule.when, rule.scope))]
        ]
        counted = covered().rules[rule.id]
        assert [counted.fired, *(part.held for part in counted.parts.values())] == fired, rule.id


def test_coverage_knows_conditions_inside_quantifiers_and_what_a_quantifier_decides() -> None:
    rule = covered().rules["visits.invite-after-detour"]
    written = base().rules["visits.invite-after-detour"].when
    assert list(rule.parts) == [path for path, _, _ in parts_of(written, "")]
    quantifiers = [part for rule in covered().rules.values() for part in rule.parts.values() if " of " in part.text]
    assert any(part.decided for part in quantifiers)


def test_a_condition_that_stands_twice_is_counted_at_both_places() -> None:
    test = FactTest(FactPath("deal", "budget.status"), "in", ("approved",))
    twice = Any((All((test, Holds("won"))), All((test, Holds("lost")))))
    assert [path for path, _, _ in parts_of(twice, "")] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    flips = [path for path, kind, _, _ in changed(twice) if kind == "flipped"]
    assert flips == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_coverage_counts_criteria_and_both_sides_of_thresholds() -> None:
    trusted = covered().rules["visits.trusted"]
    assert (trusted.kind, trusted.asked) == ("criteria", 2)
    sides = {name.replace(" not ", " ") for name in covered().values if " not " in name}
    assert sides
    assert sides <= set(covered().values)


def test_a_portfolio_of_tables_is_covered_as_its_deals_are(tmp_path: Path) -> None:
    names = sorted(path.name for path in EXAMPLES.iterdir() if path.is_file())[::3]
    ids = {Path(name).stem for name in names}
    rows = example_rows(base().vocabulary).items()
    some = {table: [row for row in of if row["deal_id"] in ids] for table, of in rows}
    source = write_parquet(tmp_path / "tables", {table: of for table, of in some.items() if of})
    of_files, of_tables = cover(base(), examples(*names), jobs=1), cover(base(), [], [str(source)], jobs=1)
    assert of_files == of_tables


def test_a_deal_that_is_given_twice_is_covered_once(tmp_path: Path) -> None:
    for name in ("one", "two", "other"):
        folder = "harbour-crane-lead" if name != "other" else "forging-press-after-sale"
        found = next(EXAMPLES.glob(f"{folder}.*"))
        (tmp_path / f"{name}{found.suffix}").write_bytes(found.read_bytes())
    data = json.loads(run("rules", "coverage", "--deals", str(tmp_path), "-j", "1", "--format", "json").output)
    assert data["deals"] == 2
    assert data["rule_base_hash"] == base().hash


HEADINGS = {
    "en": ("Never fired:", "Fired and decided nothing:", "Fired whenever asked:", "more; --all"),
    "zh": ("从未触发：", "触发但不起决定作用：", "每次判断都触发：", "用 --all 显示"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_coverage_shows_what_is_worth_a_look_under_headings_and_on_a_page(language: Language) -> None:
    console = Console(file=io.StringIO(), width=80)
    print_coverage(console, covered(), base(), language)
    text, page = console.file.getvalue(), coverage_page(covered(), base(), language)  # type: ignore[attr-defined]
    assert all(heading in text for heading in HEADINGS[language])
    assert all(heading in page for heading in HEADINGS[language][:3])
    assert page.count("<tbody") == len(base().rules) + sum(len(step.criteria) for step in base().steps)
    assert "name='viewport'" in page
    assert base().hash[:12] in text
    assert base().hash[:12] in page


def test_what_coverage_and_mutation_can_not_use_is_told(tmp_path: Path) -> None:
    nothing = run("rules", "coverage", "--deals", str(tmp_path))
    nobody = run("rules", "mutate", "--cases", str(CASES), "--only", "nosuch")
    assert (nothing.exit_code, nobody.exit_code) == (2, 2)
    assert "nosuch" in nobody.output


# Lint


def test_our_own_rules_are_clean() -> None:
    assert lint(base()) == []


RULE = "  - {{id: {name}, label: {{en: A, zh: 甲}}, when: {when}, then: {then}, because: [X-CHAMPION]}}\n"
SLIPS = {
    "lint-contradiction": "rules:\n" + RULE.format(
        name="x.one", when="{all: [{budget.status: none}, {budget.status: approved}]}", then="{find: no_champion}"),
    "lint-part-twice": "rules:\n" + RULE.format(
        name="x.one", when="{all: [{budget.status: none}, {budget.status: none}]}", then="{find: no_champion}"),
    "lint-same-condition": "rules:\n" + "".join(
        RULE.format(name=name, when="{needs.desire: {unknown: true}}", then=then)
        for name, then in (("x.one", "{find: no_champion}"), ("x.two", "{do: grow_champion}"))),
    "lint-no-chinese": "findings:\n  - {id: no_champion, label: {en: Nobody, zh: Nobody}}\n",
    "lint-no-english": "findings:\n  - {id: no_champion, label: {en: 没有人, zh: 没有人}}\n",
    "lint-idle": "parameters:\n  - {id: unread_days, value: 3, unit: days, label: {en: A, zh: 甲}, about: {en: A, zh: 甲},"
                 " basis: convention, because: [X-STALE]}\n",
    "lint-not-article": "parameters:\n  - {id: review_days, basis: article}\n",
    "lint-uncited": "supplements:\n  - {id: X-NEW, kind: supplement, en: A, zh: 甲, source: B, grade: A}\n",
}


@pytest.mark.parametrize("code", SLIPS)
def test_lint_finds_a_slip(code: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "x.yaml").write_text(SLIPS[code], "utf-8")
    found = lint(load_rule_base((OURS, layer_of(tmp_path))))
    assert {entry.code for entry in found} == {code}
    assert all(entry.place.file.endswith("x.yaml") and entry.place.line for entry in found)


def test_lint_speaks_sarif(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "x.yaml").write_text(SLIPS["lint-contradiction"], "utf-8")
    result = run("rules", "lint", "--format", "sarif", "--rules", str(tmp_path))
    assert result.exit_code == 1
    log = json.loads(result.output)
    assert log["version"] == "2.1.0"
    (found,) = log["runs"][0]["results"]
    place = found["locations"][0]["physicalLocation"]
    assert place["region"]["startLine"] == 2
    assert found["ruleId"] == "lint-contradiction"


# Layers


def test_the_worked_example_of_a_layer_runs_from_its_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(OWN)
    result = run("test", "cases")
    assert (result.exit_code, "1.0.0+northgate.2026.1" in result.output) == (0, True)
    told = run("next", "deals/clinic-group.yaml", "--lang", "zh")
    assert "安全审查还没开始" in told.output
    assert "Layer: dealready → northgate" in run("rules", "show", "review_days").output
    assert "Layer: northgate" in run("facts", "show", "security.review").output


def test_a_layer_adds_changes_and_switches_off() -> None:
    ours, theirs = base(), load_rule_base(all_layers([str(OWN / "northgate")], ROOT))
    assert theirs.hash != ours.hash
    changes = {(change.kind, change.id, change.change) for change in record_changes(ours, theirs)}
    assert changes == {
        ("facts", "security.review", "added"), ("criteria", "closing.security-review", "added"),
        ("parameters", "review_days", "changed"), ("sources", "NG-SECURITY", "added"), ("actions", "festival_visit", "changed"),
        ("actions", "start_security_review", "added"), ("findings", "security_review_late", "added"),
        ("rules", "northgate.security-review-late", "added"),
    }
    assert list(record_changes(theirs, theirs)) == []
    for language, word in (("en", "switched off"), ("zh", "停用")):
        log = run("rules", "log", "--rules", str(OWN / "northgate"), "--lang", language).stdout
        assert word in log
        assert "True" not in log


def test_a_rule_and_a_criterion_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    rule = "rules: [{id: health.rhythm-kept, off: true}]\n"
    criterion = "steps: [{id: closing, criteria: [{id: closing.consensus, off: true}]}]\n"
    (tmp_path / "rules" / "off.yaml").write_text(rule + criterion, "utf-8")
    theirs = load_rule_base((OURS, layer_of(tmp_path)))
    assert "health.rhythm-kept" not in theirs.rules
    assert "closing.consensus" not in {criterion.id for criterion in theirs.step("closing").criteria}
    assert len(theirs.rules) == len(base().rules) - 1


LAYER_MISTAKES = {
    "no layer": ({}, "neither facts/ nor rules/"),
    "a typing mistake": ({"rules/x.yaml": "parameters: [{id: review_days, vlaue: 3}]\n"}, "x.yaml:1:32"),
    "a fact with an unknown topic": ({"facts/x.yaml": "facts: [{id: sec.review, type: bool}]\n"}, "'sec' is not a topic"),
}


@pytest.mark.parametrize("name", LAYER_MISTAKES)
def test_a_mistake_in_a_layer_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    files, told = LAYER_MISTAKES[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    result = run("rules", "check", str(tmp_path))
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize(("text", "told"), [
    ('rules = "here', "not valid TOML"), ("ruels = []", "did you mean 'rules'?"),
    ("rules = 3", "a list of folders was expected"), ('rules = ["gone"]', "neither facts/ nor rules/"),
])
def test_settings_that_are_wrong_are_told(text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dealready.toml").write_text(text, "utf-8")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    result = run("rules", "check")
    assert result.exit_code == 2
    assert told in result.output


def test_a_layer_whose_files_are_unreadable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "x.yaml").write_text("rules: [\n", "utf-8")
    with pytest.raises(Rejected):
        load_rule_base((OURS, Layer("broken", tmp_path / "facts", tmp_path / "rules")))


# Asking further


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whynot_whatif_and_diff_speak_both_languages_at_80_columns(language: str, tmp_path: Path) -> None:
    deal = str(EXAMPLES / "steel-rolling-line.yaml")
    whynot = run("whynot", deal, "propose_the_close", "--all", language=language)
    command = next(line for line in whynot.output.splitlines() if line.startswith("  dealready whatif"))
    assert "--set" in command
    whatif = run("whatif", deal, "--set", "stakeholders.attitude@deng=support", "--drop", "signals", language=language)
    assert whatif.exit_code == whynot.exit_code == 0
    new = tmp_path / "new.yaml"
    text = (EXAMPLES / "steel-rolling-line.yaml").read_text("utf-8")
    new.write_text(text.replace("claimed_step: proposal", "claimed_step: needs"), "utf-8")
    assert run("diff", deal, str(new), language=language).exit_code == 0
    assert run("diff", deal, deal, language=language).exit_code == 0


def test_whatif_and_diff_say_the_same_of_the_same_change(tmp_path: Path) -> None:
    deal = EXAMPLES / "press-line-paused.yaml"
    told = json.loads(run("whatif", str(deal), "--drop", "pause.until", "--format", "json").output)
    assert {change["id"] for change in told["rules"] if change["change"] == "lost"} >= {"health.paused"}
    assert [fact["fact"] for fact in told["facts"]] == ["pause.until"]


@pytest.mark.parametrize(("shape", "node", "arrow"), [
    ("mermaid", r"^  (n\d+)(?:\(\[|\[|>|\{\{)", "-->"), ("dot", r"^  (n\d+) \[label=", "->"),
])
def test_why_draws_a_graph_in_which_every_edge_has_its_nodes(shape: str, node: str, arrow: str) -> None:
    drawn = run("why", str(EXAMPLES / "steel-rolling-line.yaml"), "need_not_known_thoroughly", "--format", shape)
    assert drawn.exit_code == 0
    nodes = re.findall(node, drawn.output, re.MULTILINE)
    edges = re.findall(rf"^  (n\d+) {arrow} (n\d+)", drawn.output, re.MULTILINE)
    assert edges
    assert len(nodes) == len(set(nodes))
    assert {end for edge in edges for end in edge} == set(nodes)


@pytest.mark.parametrize(("asked", "code", "told"), [
    ("readiness.low", 0, "The account is chosen as a target"), ("readiness.high", 0, "unknown"),
    ("needs", 0, "Needs discovery"), ("buying signal is there", 0, "signal"), ("the", 2, "may mean"), ("xyzzy", 2, "xyzzy"),
])
def test_why_takes_bounds_of_readiness_labels_and_steps(asked: str, code: int, told: str) -> None:
    result = run("why", str(EXAMPLES / "steel-rolling-line.yaml"), asked)
    assert result.exit_code == code
    assert told in result.output
