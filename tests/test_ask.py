"""The interview: what people type is understood or refused, and what they are told."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import yaml
from dealready.facts.deal import Deal, Item, Observation
from dealready.facts.values import BadValue, FactValue
from dealready.facts.vocabulary import Fact
from dealready.interview.answers import Misunderstood, items_of, means, value_of
from dealready.render.browse import fact_name

from .product import base, run

VOCABULARY = base().vocabulary
PEOPLE = (Item("wang", {"name": Observation("王工")}), Item("Tom", {}))
DEAL = Deal({"as_of": Observation(date(2026, 3, 16))}, {"stakeholders": PEOPLE})


def found(fact_id: str) -> Fact:
    collection, _, name = fact_id.partition(".")
    fact = VOCABULARY.find(name, collection) if collection in VOCABULARY.collections else VOCABULARY.find(fact_id)
    assert fact is not None
    return fact


@pytest.mark.parametrize(("fact", "typed", "value"), [
    *(("stakeholders.contacted", typed, True) for typed in ("y", "Yes", "有", "是的", "对", "接触过", "√", "Ｙ", "有。")),
    *(("stakeholders.contacted", typed, False) for typed in ("n", "No", "没", "没有", "还没", "没接触过", "还没接触过", "未")),
    ("stakeholders.contacted", "yes, twice in May", True),
    ("stakeholders.contacted", "没有，下周去", False),
    ("service.delivered", "交付了", True),
    ("service.delivered", "还没交付", False),
    ("closing.satisfied", "不满意", False),
    ("stakeholders.attitude", "4", "accept"),
    ("stakeholders.attitude", "４", "accept"),
    ("stakeholders.attitude", "Support", "support"),
    ("stakeholders.attitude", "支持", "support"),
    ("stakeholders.layer", "决策", "decision"),
    ("stakeholders.layer", "manag", "management"),
    ("stakeholders.veto", "没有", "none"),
    ("budget.status", "no", "none"),
    ("stakeholders.roles", "2, 1", ("decides", "approves")),
    ("stakeholders.roles", "1 3", ("decides", "recommends")),
    ("stakeholders.roles", "拍板人、批准人", ("decides", "approves")),
    ("stakeholders.roles", "-", ()),
    ("stakeholders.roles", "没有", ()),
    ("visits.with", "王工；tom", ("wang", "Tom")),
    ("visits.with", "Tom and wang", ("Tom", "wang")),
    ("signals.by", "王工", "wang"),
    ("profile.focal_problems", "停机多，能耗高; 招人难", ("停机多", "能耗高", "招人难")),
    ("profile.focal_problems", "none", ()),
    ("visits.date", "today", date(2026, 3, 16)),
    ("visits.date", "昨天", date(2026, 3, 15)),
    ("visits.date", "3 days ago", date(2026, 3, 13)),
    ("visits.date", "10天前", date(2026, 3, 6)),
    ("pause.until", "tomorrow", date(2026, 3, 17)),
    ("pause.until", "In 10 days", date(2026, 3, 26)),
    ("pause.until", "明天", date(2026, 3, 17)),
    ("pause.until", "3天后", date(2026, 3, 19)),
    ("visits.date", "2026年3月1日", date(2026, 3, 1)),
    ("deal.amount", "120万", Decimal(1_200_000)),
    ("loyalty.repeat_rate", "80%", Decimal("0.8")),
    *(("profile.org_chart", typed, "none") for typed in ("还没画", "没画", "not drawn", "n")),
    ("profile.org_chart", "没画全", "partial"),
    ("proposal.state", "还没介绍", "drafted"),
    ("closing.trial_result", "没试用", "not_run"),
    ("seller.mindset", "没底", "other"),
])
def test_an_answer_means_what_people_mean_by_it(fact: str, typed: str, value: FactValue) -> None:
    assert value_of(found(fact), typed, DEAL) == value


OFFERED = {  # the answers that a question offers, in the words in which it does
    "account.institution": {"ordinary": "一般企业"},
    "account.tier": {"ordinary": "ordinary、普通", "growing": "growing、成长中", "loyal": "loyal、忠诚"},
    "account.usage_quantity": {"low": "few", "medium": "some", "high": "many"},
    "account.usage_value": {"low": "low、低", "medium": "medium、中", "high": "high、高"},
    "budget.status": {"none": "none、没有", "applied": "applied for、正在申请", "approved": "approved、批下来了"},
    "calls.reaction": {"accepts": "accept、接受", "hesitates": "hesitate、犹豫", "rejects": "decline、拒绝"},
    "competitors.kind": {"rival": "a rival、对手", "incumbent": "the supplier in place、现有供应商",
                         "in_house": "their own solution、客户自己做", "do_nothing": "doing nothing、什么都不做"},
    "competitors.position": {"behind": "behind us、落后", "level": "level with us、持平", "ahead": "ahead、领先于我们"},
    "deal.outcome": {"open": "still open、还在跟", "won": "won、已经赢了", "lost": "lost、丢了"},
    "group.approval": {"none": "nobody yet、还没有人认可", "partial": "some of them、部分认可", "full": "all、全都认可"},
    "needs.desire": {"low": "live with things as they are、维持现状", "aroused": "want to change、想改变"},
    "opportunity.timing": {"immature": "too early、太早", "ripe": "ripe、成熟"},
    "price.against_budget": {"below": "below、低于", "within": "within、符合", "above": "above、高于"},
    "problems.horizon": {"now": "there now、现在就有", "future": "expected later、以后可能出现"},
    "problems.kind": {"explicit": "自己看到", "hidden": "still hidden、仍然隐藏着"},
    "profile.understanding": {"none": "not at all、不了解", "partial": "partly、部分了解", "full": "fully、全面了解"},
    "proposal.audience": {"one_person": "one person、一个人", "small_team": "a team、一个小组"},
    "proposal.jargon": {"low": "plain、通俗", "high": "full of technical terms、术语很多"},
    "purchase.supplier_choice": {"open": "still open、还没定", "us": "lean to us、我们", "rival": "another、别家"},
    "stakeholders.attitude": {"resist": "resist、抵触", "doubt": "doubt、怀疑", "neutral": "stay neutral、中立",
                              "accept": "accept、接受", "support": "support、支持"},
    "stakeholders.layer": {"decision": "decision layer、决策层", "management": "management、管理层",
                           "operation": "those who work with the product、操作层"},
    "stakeholders.response_mode": {"growth": "want to grow、想发展", "trouble": "have trouble、遇到了麻烦",
                                   "even_keel": "things are fine、觉得现状挺好", "overconfident": "too sure、过于自信"},
    "stakeholders.rung": {"known": "known、认识", "acquainted": "acquainted、熟悉", "trusted": "trusted、信任",
                          "ally": "ally、同盟"},
    "stakeholders.veto": {"raised": "raised、用过", "withdrawn": "withdrawn、收回了"},
    "visits.state": {"planned": "planned、计划中的", "done": "done、已经完成的"},
}


@pytest.mark.parametrize(("fact", "value", "typed"), [
    (fact, value, typed) for fact, offered in OFFERED.items() for value, words in offered.items() for typed in words.split("、")
])
def test_a_question_takes_the_words_in_which_it_offers_an_answer(fact: str, value: str, typed: str) -> None:
    question = found(fact).question
    assert typed in question.en or typed in question.zh
    assert value_of(found(fact), typed, DEAL) == value


def test_each_question_that_offers_answers_is_asked_for_them() -> None:
    choices = [fact for fact in VOCABULARY.all_facts() if fact.type in ("enum", "ordinal")]
    offering = [fact for fact in choices if " or " in fact.question.en or "还是" in fact.question.zh]
    assert {fact_name(fact) for fact in offering} <= set(OFFERED)


@pytest.mark.parametrize(("fact", "typed"), [
    ("profile.focal_problems", "yes"),
    ("profile.focal_problems", "有"),
    ("profile.focal_problems", "y"),
    ("profile.focal_problems", "n"),
    ("profile.focal_problems", "3"),
    ("needs.vision", "yes"),
    ("needs.vision", "没有"),
    ("stakeholders.roles", "有"),
    ("stakeholders.layer", "yes"),
    ("stakeholders.layer", "4"),
    ("stakeholders.attitude", "s"),
    ("visits.with", "Bob"),
    ("signals.by", "ghost"),
    ("visits.date", "yes"),
    ("visits.date", "some day"),
    ("stakeholders.contacted", "接触人"),
    ("price.given", "客户"),
    ("price.given", "maybe"),
    ("deal.amount", "yes"),
    ("deal.amount", "a lot"),
])
def test_what_is_no_answer_to_the_question_is_refused(fact: str, typed: str) -> None:
    with pytest.raises((Misunderstood, BadValue)):
        value_of(found(fact), typed, DEAL)


@pytest.mark.parametrize(("collection", "typed", "items"), [
    ("stakeholders", "Tom, 李总 ; Bob", [("Tom", "name", "Tom"), ("李总", "name", "李总"), ("Bob", "name", "Bob")]),
    ("stakeholders", "王芳、王芳", [("王芳", "name", "王芳")]),
    ("visits", "2026-03-01, 昨天", [("2026-03-01", "date", date(2026, 3, 1)), ("2026-03-15", "date", date(2026, 3, 15))]),
    ("signals", "1", [("signal-1", "kind", "repeated_question")]),
    ("problems", "换辊要停机两天，损失很大而且工人不愿加班", [
        ("换辊要停机两天", "text", "换辊要停机两天"), ("损失很大而且工人不愿加班", "text", "损失很大而且工人不愿加班")]),
    ("problems", "changing rolls stops the line for two days", [
        ("problem-1", "text", "changing rolls stops the line for two days")]),
    ("visits", "none", []),
])
def test_a_list_of_items_becomes_items_with_ids(collection: str, typed: str, items: list[tuple[str, str, object]]) -> None:
    made = items_of(VOCABULARY.collections[collection], typed, DEAL)
    assert [(item.id, name, seen.value) for item in made for name, seen in item.facts.items()] == items


@pytest.mark.parametrize(("collection", "typed"), [
    ("stakeholders", "yes"), ("stakeholders", "有"), ("stakeholders", "3"), ("visits", "We met once."), ("visits", "y"),
    ("signals", "none of your business"),
])
def test_what_lists_nothing_is_no_list_of_items(collection: str, typed: str) -> None:
    with pytest.raises((Misunderstood, BadValue)):
        items_of(VOCABULARY.collections[collection], typed, DEAL)


def test_every_collection_says_how_its_items_are_listed() -> None:
    for collection in VOCABULARY.collections.values():
        assert collection.listed_by in collection.facts
        assert collection.question.en
        assert collection.question.zh


@pytest.mark.parametrize(("typed", "kind"), [
    ("?", "why"), ("？", "why"), ("w", "why"), ("为什么", "why"), ("don't know", "dont_know"), ("不知道", "dont_know"),
    ("Q", "quit"), ("退出", "quit"), ("b", "back"), ("返回", "back"),
])
def test_words_that_steer_the_interview(typed: str, kind: str) -> None:
    assert means(typed, kind)


OLD = """\
as_of: 2026-03-16
account: {name: Example Steel}   # fictional
stakeholders:
  - id: ann
    name: Ann
    layer: management
    attitude: {value: support, seen: 2025-06-01, by: Li}
"""


@pytest.fixture
def deal(tmp_path: Path) -> Path:
    path = tmp_path / "deal.yaml"
    path.write_text(OLD, "utf-8")
    return path


ATTITUDE = "Judging by what was said and done, does Ann"


@cache
def in_silence(deal: bytes, language: str) -> str:
    """Return what is on the screen when every question is passed over."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deal.yaml"
        path.write_bytes(deal)
        return run("ask", str(path), "--lang", language, text="\n" * 200).output


def sitting(deal: Path, *typed: str, first: str = "", question: str = ATTITUDE, language: str = "en") -> str:
    """Press Enter until a question comes, answer it, and stop; return what was on the screen."""
    silent = in_silence(deal.read_bytes(), language)
    prompts = silent[: silent.index(question)].count("回答：" if language == "zh" else "Answer: ")
    lines = [first, *[""] * (prompts - 1), *typed, "q"]
    return run("ask", str(deal), "--lang", language, text="\n".join(lines) + "\n").output


@pytest.mark.parametrize("answer", ["accept", "4", "接受"])
def test_an_answer_that_ages_is_noted_as_seen_on_the_day_of_the_file(deal: Path, answer: str) -> None:
    sitting(deal, answer)
    assert deal.read_text("utf-8") == OLD.replace(
        "{value: support, seen: 2025-06-01, by: Li}", "{value: accept, seen: 2026-03-16}")


def test_what_was_last_known_is_shown_and_can_be_said_to_be_so_still(deal: Path) -> None:
    assert "last known: supportive, seen 2025-06-01" in sitting(deal, "same")
    assert "attitude: {value: support, seen: 2026-03-16}" in deal.read_text("utf-8")


def test_the_file_is_moved_to_a_later_day_before_it_is_asked_about(deal: Path) -> None:
    sitting(deal, "accept", first="2026-05-01")
    assert yaml.safe_load(deal.read_text("utf-8"))["as_of"] == date(2026, 5, 1)
    assert "attitude: {value: accept, seen: 2026-05-01}" in deal.read_text("utf-8")


def test_the_file_never_moves_to_an_earlier_day(deal: Path) -> None:
    assert "2026-01-01 is before 2026-03-16" in run("ask", str(deal), text="2026-01-01\nq\n").output
    assert deal.read_text("utf-8") == OLD


def test_why_tells_a_few_reasons_with_the_name_of_whom_they_are_about(deal: Path) -> None:
    screen = sitting(deal, "?").partition("Still to find out:")[0]
    why = screen.partition("The answer can settle:\n")[2].splitlines()
    reasons = [line for line in why if line.startswith("  - ")]
    assert 1 <= len(reasons) <= 4
    assert any("Ann" in line for line in reasons)
    assert not any("{" in line or "…" in line for line in reasons)
    assert any(line.startswith("and ") and line.endswith(" more") for line in why)


def test_an_answer_can_be_taken_back_and_given_once_more(deal: Path) -> None:
    screen = sitting(deal, "resist", "b", "accept")
    assert screen.count(ATTITUDE) == 2
    assert "Answers saved in" in screen
    assert "attitude: {value: accept, seen: 2026-03-16}" in deal.read_text("utf-8")


def test_going_back_from_the_first_question_does_no_harm(deal: Path) -> None:
    assert run("ask", str(deal), text="b\nb\nq\n").exit_code == 0
    assert deal.read_text("utf-8") == OLD


def test_what_is_taken_back_leaves_no_trace(deal: Path) -> None:
    sitting(deal, "resist", "back")
    assert deal.read_text("utf-8") == OLD


def test_what_is_not_known_is_told_at_the_end_with_whom_to_ask(deal: Path) -> None:
    screen = sitting(deal, "don't know")
    assert ATTITUDE in screen.partition("Still to find out:\n")[2]
    assert "Nothing was changed." in screen
    assert deal.read_text("utf-8") == OLD


def test_the_interview_is_held_in_chinese_too(deal: Path) -> None:
    screen = sitting(deal, "为什么", "接受", first="没错", question="从言行来看，Ann", language="zh")
    assert "回答可以判定：" in screen
    assert "已将 1 个回答保存到" in screen
    assert "attitude: {value: accept, seen: 2026-03-16}" in deal.read_text("utf-8")


def test_people_are_shown_before_they_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("as_of: 2026-03-16\n", "utf-8")
    screen = sitting(path, "Tom and so on", "n", "Tom, 李总 ; Bob", "", question="Who at the customer has a say")
    assert "To be noted: Tom, 李总, Bob" in screen
    assert [row["id"] for row in yaml.safe_load(path.read_text("utf-8"))["stakeholders"]] == ["Tom", "李总", "Bob"]
