"""What the screen of a deal says, and that every name on it leads somewhere."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from dealready.cli import cli
from dealready.facts.deal import Deal
from dealready.facts.texts import LANGUAGES
from dealready.render.names import Names
from dealready.rules.language import FactTest, walk
from rich.cells import cell_len

from .product import base

EXAMPLES = Path(__file__).parent.parent / "facts" / "examples"
STALLED, QUIET = EXAMPLES / "mes-rollout-stalled.yaml", EXAMPLES / "heat-treatment-line.yaml"
LOST, STEEL = EXAMPLES / "cold-store-lost.yaml", EXAMPLES / "steel-rolling-line.yaml"
LOYAL = EXAMPLES / "quarry-conveyor-loyal.yaml"


@functools.cache
def screen(path: Path, *options: str) -> str:
    environment = {"LC_ALL": "C.UTF-8", "LANG": "", "LANGUAGE": "", "COLUMNS": "80"}
    result = CliRunner(env=environment).invoke(cli, ["next", *options, str(path)])
    assert result.exit_code == 0
    return result.output


def why(path: Path, name: str, *options: str) -> str:
    result = CliRunner(env={"LC_ALL": "C.UTF-8", "COLUMNS": "80"}).invoke(cli, ["why", *options, str(path), name])
    assert result.exit_code == 0, f"{name}: {result.output}"
    return result.output


def section(text: str, title: str) -> str:
    """Return what stands under a title."""
    _, _, rest = text.partition(f"\n{title}\n")
    return rest.partition("\n\n")[0]


def test_every_name_on_the_screen_is_one_that_why_knows() -> None:
    names = re.findall(r"\[([a-z_]+(?:@\w+)?)\]", screen(STEEL))
    assert len(names) > 10
    for name in names[::4]:
        why(STEEL, name)


def test_why_takes_the_rules_that_stand_behind_actions_and_findings() -> None:
    named = "\n".join(re.findall(r"\[([a-z]+\.[^\]]+)\]", screen(STALLED, "--all")))
    rules = sorted({rule.group() for rule in re.finditer(r"^[a-z]+\.[a-z-]+(?=, [A-Z])", named, re.MULTILINE)})
    assert len(rules) > 10
    for rule in rules[::9]:
        assert f"[{rule}]" in why(STALLED, rule)


@pytest.mark.parametrize("step", ["closing", "Negotiation and closing", "谈判与成交"])
def test_why_a_step_shows_its_state_its_blockers_and_its_criteria(step: str) -> None:
    shown = why(STALLED, step)
    assert "Negotiation and closing  blocked  0 of 7 met" in shown
    assert "blocked by: Managers have not agreed yet  [consensus_missing]" in shown
    assert "? No veto stands  [closing.no-veto]" in shown
    assert "dealready whynot" in shown


def test_why_a_step_that_is_proven_shows_the_chain_as_well() -> None:
    assert "Proven step: Proposal and value" in why(STALLED, "proposal")
    assert "whynot" not in why(STALLED, "proposal")
    assert "whynot" not in why(STALLED, "needs")


def test_a_blocked_step_says_what_blocks_it() -> None:
    steps = screen(STALLED).partition("\nSteps\n")[2].partition("\n\n")[0]
    assert "blocked by: The customer does not perceive the value  [value_unseen]" in steps
    assert "blocked by: Managers have not agreed yet" in steps


def test_a_close_without_a_signal_that_counts_is_proposed_for_its_reason() -> None:
    shown = screen(QUIET)
    assert "propose the close yourself" in section(shown, "The close")
    assert "Push for the close" not in section(shown, "Buying signals")
    assert "可以主动提出成交：满意但还在观望" in section(screen(QUIET, "--lang", "zh"), "成交时机")


def test_readiness_says_which_steps_it_counts_and_promises_nothing_of_a_lost_deal() -> None:
    assert "steps 1–5: proven … possible" in screen(STEEL)
    assert "possible" not in screen(LOST).partition("\nSteps")[0]
    assert "when it was lost" in screen(LOST)


@pytest.mark.parametrize(("language", "told", "untold"), [
    ("en", ["(as the rep claims)", "This deal is won, signed 2024-", "partly on file  ", "in progress  11 of 14 met"],
     ["Readiness", "rep claims After", "not started", "can stop it", "expect care, many talks"]),
    ("zh", ["（与自报一致）", "此商机已赢单，2024-", "留有部分记录  ", "进行中  14 项中达成 11"],
     ["就绪度", "销售自报", "未开始", "能叫停", "多次沟通、集体决策"]),
])
def test_a_won_deal_is_told_as_one_and_not_as_a_pursuit(language: str, told: list[str], untold: list[str]) -> None:
    shown = screen(LOYAL, "--lang", language)
    for words in told:
        assert words in shown
    for words in untold:
        assert words not in shown
    data = json.loads(screen(LOYAL, "--format", "json"))
    assert data["readiness"]["high"] == 100
    assert {"in_progress"} <= {step["status"] for step in data["steps"]} <= {"in_progress", "not_started", "complete"}


def test_nothing_is_left_to_prove_of_a_lost_deal() -> None:
    for language, titles in (("en", ("Claimed and proven", "would prove")), ("zh", ("自报与实证", "即可证明"))):
        shown = screen(LOST, "--lang", language)
        assert not any(title in shown for title in titles)
    assert json.loads(screen(LOST, "--format", "json"))["step"]["claimed"] == "proposal"


def test_an_action_says_with_whom_and_everything_says_what_it_rests_on() -> None:
    shown = screen(QUIET, "--lang", "zh")
    assert re.search(r"对象 +邵国栋（热处理车间主任、管理层）", shown)
    assert not re.search(r"^ *依据 ", shown, re.MULTILINE)
    whole = screen(QUIET, "--lang", "zh", "--all")
    assert re.search(r"依据 +满意但还在观望；现在推动成交", whole)
    assert "花建平：关系 = 熟悉" in whole


def test_everything_says_what_a_question_can_settle() -> None:
    assert "settles:" not in screen(STALLED)
    questions = screen(STALLED, "--all").partition("\nFind out\n")[2].partition("\n\n")[0]
    asked = len(re.findall(r"^ \? ", questions, re.MULTILINE))
    assert asked == questions.count("settles:") > 50


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_line_is_wider_than_the_screen(path: Path, language: str) -> None:
    assert max(cell_len(line) for line in screen(path, "--lang", language).splitlines()) <= 80


def test_a_day_is_told_as_people_tell_it(tmp_path: Path) -> None:
    deal = tmp_path / "deal.yaml"
    days = {"a": "2026-03-16", "b": "2026-03-15", "c": "2026-03-10", "d": "2026-03-18", "e": "2026-03-17"}
    signals = ", ".join(f"{{id: {name}, kind: price_pressure, date: {day}}}" for name, day in days.items())
    deal.write_text(f"as_of: 2026-03-16\nsignals: [{signals}]\n", "utf-8")
    shown = section(screen(deal), "Buying signals")
    for words in ("· today ·", "· yesterday ·", "· 6 days ago ·", "· dated 2 days ahead ·", "· dated tomorrow ·"):
        assert words in shown


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_between_chinese_words_every_sign_is_a_full_width_one(path: Path) -> None:
    shown = re.sub(r"(?m)^ *\? ", "", screen(path, "--all", "--lang", "zh"))  # the sign of what is unknown
    assert re.findall(r"[\u4e00-\u9fff] ?[,;:()?!]|[,;()?!] ?[\u4e00-\u9fff]", shown) == []


def test_money_has_its_unit_in_the_language_of_the_reader() -> None:
    assert "12,800,000 人民币元" in screen(QUIET, "--lang", "zh")
    assert "12,800,000 CNY" in screen(QUIET)


def test_chinese_reasons_are_chinese_throughout() -> None:
    shown = re.sub(r"[\n│ ]", "", why(STALLED, "buyer_silent_long", "--lang", "zh"))
    assert "超过60天；$quiet_review_days_proposal" in shown
    assert "older_than_days" not in shown
    listed = CliRunner().invoke(cli, ["facts", "list", "stakeholders", "--lang", "zh"]).output
    assert not re.search(r" (bool|ordinal|enum|refs?) ", listed)
    assert "风险（高）：" in screen(STALLED, "--lang", "zh")


def test_every_test_of_every_rule_can_be_said_in_both_languages() -> None:
    for language in LANGUAGES:
        names = Names(base(), Deal({}, {}), language)
        for rule in base().program.rules:
            for part in walk(rule.when):
                if isinstance(part, FactTest):
                    assert names.test(part.path, part.written)


def test_what_a_file_contradicts_is_on_the_screen_too(tmp_path: Path) -> None:
    deal = tmp_path / "deal.yaml"
    deal.write_text("as_of: 2026-03-16\nstakeholders: [{id: a, reports_to: ghost}]\n", "utf-8")
    assert "contradiction: 'ghost' is the id of no stakeholder on file" in section(screen(deal), "Watch out")


# Explanations without holes


ASKED = """\
as_of: 2026-05-04
deal: {outcome: open}
stakeholders:
  - {id: kim, name: Kim Vance, layer: decision, attitude: resist, contacted: true}
  - {id: sun, name: Sun, layer: operation, attitude: {value: support, seen: 2026-04-25}, contacted: true, likes_us: true}
signals:
  - {id: s1, kind: purchase_question, by: kim, date: 2026-05-03}
  - {id: s2, kind: extra_request, by: ghost, date: 2026-05-02}
"""


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    deal = tmp_path / "asked.yaml"
    deal.write_text(ASKED, "utf-8")
    return deal


def flat(text: str) -> str:
    """Return a text without the lines and branches that it is drawn in."""
    return re.sub(r"[\s│├└─]+", " ", text)


@pytest.mark.parametrize(("language", "told"), [
    ("en", "Stakeholders: none with (Layer: decision layer; Attitude: at least receptive)"),
    ("zh", "关键人：没有一项（层级：决策层；态度：至少接受）"),
])
def test_of_what_nobody_is_on_record_is_told_with_the_condition(asked: Path, language: str, told: str) -> None:
    for form in ("text", "mermaid"):
        shown = why(asked, "ask_supporter_for_introduction@sun", "--lang", language, "--format", form)
        assert "".join(told.split()) in re.sub(r"[\s│├└─]+", "", shown)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_question_can_settle_is_named_once_and_with_the_person(asked: Path, language: str) -> None:
    settles, comma = ("可判定：", "；") if language == "zh" else ("settles: ", "; ")
    shown = screen(asked, "--all", "--lang", language)
    for question in re.findall(rf"{settles}.*?(?=\n \?|\n\n)", shown, re.DOTALL):
        named = re.sub(r"\s+", " ", question.removeprefix(settles)).split(comma)
        assert len(named) == len(set(named)), question
    kim = next(part for part in re.split(r"\n \? ", shown) if "Kim Vance" in part.splitlines()[0] and settles in part)
    assert "…'" not in kim
    assert "… " not in kim.partition("… and")[0]


@pytest.mark.parametrize(("language", "told"), [
    ("en", ["Given by: entry on file = none", "rests on not so: The deal is lost",
            "with buying signal new question about buying (Kim Vance)"]),
    ("zh", ["谁发出的：名单中的条目 = 无", "依据 不成立：单子丢了", "对象 购买信号 新的购买问题（Kim Vance）"]),
])
def test_what_an_action_rests_on_is_told_in_words_and_never_left_empty(asked: Path, language: str, told: list[str]) -> None:
    whole = screen(asked, "--all", "--lang", language)
    shown = flat(whole)
    for words in told:
        assert words in shown
    assert "by.id" not in shown
    assert not re.search(r"(rests on|依据) *\n *\n", whole)
    assert "new question about buying: Kind of signal = new question about buying" not in shown
    assert "新的购买问题：信号类型 = 新的购买问题" not in shown


PEOPLE = """\
as_of: 2026-05-04
stakeholders:
  - {id: olu, name: Olu, layer: management}
  - {id: tom, name: Tom, layer: management, veto: latent, influence: high}
  - {id: ida, name: Ida, layer: management, roles: [approves]}
  - {id: max, name: Max, layer: management, veto: none, likes_us: true, shares_information: true}
"""


@pytest.mark.parametrize(("language", "told"), [
    ("en", ["can stop it (assumed)", "can stop it, has a say", "can stop it, has a say", "friendly insider"]),
    ("zh", ["能叫停（推测）", "能叫停、对决策有影响", "能叫停、对决策有影响", "友好知情人"]),
])
def test_a_mark_says_no_more_than_is_concluded_and_what_is_only_assumed(tmp_path: Path, language: str, told: list[str]) -> None:
    (tmp_path / "people.yaml").write_text(PEOPLE, "utf-8")
    title = {"en": "Who stands where", "zh": "关键人态度"}[language]
    shown = section(screen(tmp_path / "people.yaml", "--lang", language), title)
    marks = {line.split()[0]: line.partition(" · ")[2].strip() for line in shown.splitlines()}
    assert [marks[name] for name in ("Olu", "Tom", "Ida", "Max")] == told
