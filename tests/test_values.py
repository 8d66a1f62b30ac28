"""Values mean what people write."""

from __future__ import annotations

from decimal import Decimal

import jsonschema
import pytest
from dealready.facts.schema import deal_schema
from dealready.facts.values import BadValue, parse_value

from .product import base


@pytest.mark.parametrize(("fact", "written", "meant"), [
    ("loyalty.repeat_rate", "80%", "0.8"), ("loyalty.repeat_rate", "8０ ％", "0.8"), ("loyalty.repeat_rate", "1", "1"),
    ("loyalty.repeat_rate", "0.5%", "0.005"), ("seller.win_estimate", "60%", "60"), ("seller.win_estimate", "60", "60"),
])
def test_a_share_may_be_written_in_percent(fact: str, written: str, meant: str) -> None:
    assert parse_value(base().vocabulary.facts[fact], written) == Decimal(meant)
    topic, _, name = fact.partition(".")
    if not written.isdigit():  # in a file a number is one
        jsonschema.validate({"as_of": "2026-03-16", topic: {name: written}}, deal_schema(base().vocabulary))


@pytest.mark.parametrize(("fact", "written", "code"), [
    ("loyalty.repeat_rate", "101%", "above-maximum"), ("loyalty.repeat_rate", "-1%", "below-minimum"),
    ("loyalty.repeat_rate", "80", "above-whole"), ("loyalty.repeat_rate", "180", "above-maximum"),
    ("deal.amount", "80%", "not-a-number"), ("deal.pushes", "80%", "not-a-plain-number"),
])
def test_what_is_no_share_of_anything_is_refused(fact: str, written: str, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        parse_value(base().vocabulary.facts[fact], written)
    assert refused.value.code == code
