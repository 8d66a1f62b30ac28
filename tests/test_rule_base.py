"""The shipped rule base is complete, and nothing in it is idle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dealready.facts.problems import Rejected
from dealready.rules.base import load_rule_base
from dealready.rules.carried import carried_items
from dealready.rules.layers import OURS, Layer, rule_files

from .product import base


def written() -> str:
    return "\n".join(path.read_text("utf-8") for path in rule_files(OURS.rules))


def test_every_item_of_the_article_is_carried_or_says_why_not() -> None:
    carried = carried_items(base())
    assert len(carried) == 200
    assert [item for item, entry in carried.items() if not entry.names and base().sources[item].uncarried is None] == []


def test_every_parameter_is_read() -> None:
    code = "".join(path.read_text("utf-8") for path in (OURS.rules.parent / "engine").glob("*.py"))
    limits = {fact.stale_after for fact in base().vocabulary.all_facts() if fact.stale_after}
    read = set(re.findall(r"\$(\w+)", written())) | limits | set(re.findall(r"question_points_\w+", code))
    for name in base().parameters:
        assert name in read or name.startswith("question_points_"), name


def test_every_supplement_and_tension_is_rested_on() -> None:
    cited = {source for rule in base().program.rules for source in rule.because}
    cited |= {source for tension in base().tensions.values() for source in tension.because}
    cited |= {source for parameter in base().parameters.values() for source in parameter.because}
    cited |= {source for fact in base().vocabulary.all_facts() for source in fact.sources}
    idle = [source for source in (*base().sources, *base().tensions) if source not in cited and not source.startswith("A")]
    assert idle == []


def texts(node: Any) -> Iterator[str]:
    """Yield the Chinese texts of a file that are not words to be said to somebody."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        if key == "zh":
            yield str(child)
        elif key != "words":
            yield from texts(child)


def test_the_rep_is_addressed_in_one_way_in_chinese() -> None:
    root = OURS.rules.parent
    files = [*rule_files(OURS.rules), *root.glob("facts/**/*.yaml"), *root.glob("render/*.yaml")]
    told = [text for file in files for text in texts(yaml.safe_load(file.read_text("utf-8")))]
    assert [text for text in told if re.search("你(?!们)", text)] == []


def test_problems_of_several_files_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("rules: [\n", "utf-8")
    (tmp_path / "two.yaml").write_text("nonsense: 1\n", "utf-8")
    with pytest.raises(Rejected) as rejected:
        load_rule_base([Layer("ours", OURS.facts, tmp_path)])
    assert [Path(problem.place.file).name for problem in rejected.value.problems] == ["one.yaml", "two.yaml"]


def test_a_question_is_worth_points_for_every_distance_and_severity() -> None:
    named = {name.removeprefix("question_points_") for name in base().parameters if name.startswith("question_points_")}
    assert named == {"current_step", "next_step", "other_step", "high_finding", "medium_finding", "low_finding", "action"}
