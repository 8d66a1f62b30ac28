"""Values mean what people write."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from dealready.facts.deal import read_deal
from dealready.facts.schema import deal_schema
from dealready.facts.values import BadValue, parse_value, shifted

from .product import base
from .test_sources import examine


@cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(deal_schema(base().vocabulary))


@pytest.mark.parametrize(("fact", "written", "meant"), [
    ("loyalty.repeat_rate", "80%", "0.8"), ("loyalty.repeat_rate", "8０ ％", "0.8"), ("loyalty.repeat_rate", "1", "1"),
    ("loyalty.repeat_rate", "0.5%", "0.005"), ("seller.win_estimate", "60%", "60"), ("seller.win_estimate", "60", "60"),
])
def test_a_share_may_be_written_in_percent(fact: str, written: str, meant: str) -> None:
    assert parse_value(base().vocabulary.facts[fact], written) == Decimal(meant)
    topic, _, name = fact.partition(".")
    if not written.isdigit():  # in a file a number is one
        schema().validate({"as_of": "2026-03-16", topic: {name: written}})


@pytest.mark.parametrize("word", ["unknown", "Unknown", "UNKNOWN", "未知", "？"])
def test_a_word_for_unknown_is_one_in_deal_files_tables_and_the_schema(word: str, tmp_path: Path) -> None:
    text = f"as_of: 2026-03-16\ndeal: {{name: {word}}}\npurchase: {{plan: {word}}}\n"
    deal = read_deal(text.encode(), "deal.yaml", base().vocabulary)
    assert set(deal.facts) == {"as_of"}
    schema().validate({"as_of": "2026-03-16", "purchase": {"plan": word}})
    (tmp_path / "deals.csv").write_text(f"deal_id,as_of,deal_name,purchase_plan\nA,2026-03-16,{word},{word}\n", "utf-8")
    (row,) = examine(tmp_path).tables["deals"]
    assert (row["deal_name"], row["purchase_plan"]) == (None, None)


@pytest.mark.parametrize(("word", "meant"), [
    ("Y", True), ("on", True), ("对", True), ("1", True), ("NO", False), ("不是", False),
])
def test_a_word_for_yes_or_no_is_one_in_deal_files_and_the_schema(word: str, meant: bool) -> None:
    assert parse_value(base().vocabulary.facts["purchase.plan"], word) is meant
    schema().validate({"as_of": "2026-03-16", "purchase": {"plan": word.lower()}})


@pytest.mark.parametrize(("fact", "written", "code"), [
    ("loyalty.repeat_rate", "101%", "above-maximum"), ("loyalty.repeat_rate", "-1%", "below-minimum"),
    ("loyalty.repeat_rate", "80", "above-whole"), ("loyalty.repeat_rate", "180", "above-maximum"),
    ("deal.amount", "80%", "not-a-number"), ("deal.pushes", "80%", "not-a-plain-number"),
])
def test_what_is_no_share_of_anything_is_refused(fact: str, written: str, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        parse_value(base().vocabulary.facts[fact], written)
    assert refused.value.code == code


def test_there_is_no_day_beyond_the_first_and_the_last() -> None:
    assert [shifted(day, days) for day in (date.min, date.max) for days in (-1, 1)] == [
        date.min, date(1, 1, 2), date(9999, 12, 30), date.max]
