"""Answers written into deal files: what they say is there, and every other sign of the file as it was."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from dealready.facts.deal import Deal, Item, Observation, read_deal
from dealready.facts.edits import laid_over
from dealready.facts.values import UNKNOWN_WORDS
from dealready.interview.rewrite import ChangedMeanwhile, DealFile, with_answers
from dealready.interview.splice import CannotWrite
from hypothesis import given
from hypothesis import strategies as st

from .pipelines import EXAMPLES
from .product import base
from .strategies import AS_OF, deals, values_of

BASE = base()
VOCABULARY = BASE.vocabulary
FILES = sorted((*EXAMPLES.glob("*.yaml"), *EXAMPLES.glob("*.json")))


def fact(fact_id: str, value: object, seen: date | None = None) -> Deal:
    return Deal({fact_id: Observation(value, seen=seen)}, {})  # type: ignore[arg-type]


def of_item(collection: str, about: str, name: str, value: object, seen: date | None = None) -> Deal:
    return Deal({}, {collection: (Item(about, {name: Observation(value, seen=seen)}),)})  # type: ignore[arg-type]


def rewritten(text: str, *answers: Deal, is_json: bool = False) -> str:
    for answer in answers:
        before = read_deal(text.encode(), "d.json" if is_json else "d.yaml", VOCABULARY)
        text = with_answers(text, answer, is_json)
        assert read_deal(text.encode(), "d.json" if is_json else "d.yaml", VOCABULARY) == laid_over(before, answer)
    return text


@given(deals(VOCABULARY), st.data())
def test_every_example_changes_only_in_lines_that_an_answer_concerns(given_: Deal, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    text = path.read_text("utf-8")
    deal = read_deal(text.encode(), path.name, VOCABULARY)
    answer = data.draw(st.sampled_from(list(_answers(deal, given_))))
    lines = difflib.ndiff(text.splitlines(), rewritten(text, answer, is_json=path.suffix == ".json").splitlines())
    changed = [line for line in lines if line[0] in "+-"]
    assert sum(line[0] == "-" for line in changed) <= 1
    assert sum(line[0] == "+" for line in changed) <= 2 + sum(map(len, answer.items.values()))


def _answers(deal: Deal, given_: Deal) -> Iterator[Deal]:
    """Yield single answers, with the values of ``given_``, about a deal and about its items."""
    for name, seen in given_.facts.items():
        yield fact(name, seen.value, None if name not in deal.facts else AS_OF)
    for collection, items in deal.items.items():
        told = {name: seen.value for item in given_.items.get(collection, ()) for name, seen in item.facts.items()}
        for item in items:
            for name in sorted(set(told) - set(item.facts)):
                yield of_item(collection, item.id, name, told[name])


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "gbk": lambda text: text.encode("gbk"),
    "declared gbk": lambda text: ("# coding: gbk\n" + text).encode("gbk"),
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "gbk and crlf": lambda text: text.replace("\n", "\r\n").encode("gbk"),
    "no last line end": lambda text: text.rstrip().encode(),
}
MESSY = """\
# 商机档案：炼钢
as_of: 2026-03-16      # 今天
account:
    name: "示例钢铁"
    grade: a3
stakeholders:
- id: wang             # 老朋友
  layer: {value: management, confirmed: false}
  attitude: {by: 林, value: doubt, seen: 2026-01-01, confirmed: false}   # 旧看法
- {id: zhou,   name: 周总,
   layer: decision}
# 末尾的话
"""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encoding_mark_and_line_ends_stay(encoding: str, tmp_path: Path) -> None:
    data = ENCODINGS[encoding](MESSY)
    path = tmp_path / "deal.yaml"
    path.write_bytes(data)
    file = DealFile(path, VOCABULARY)
    file.write(of_item("stakeholders", "wang", "attitude", "accept", date(2026, 3, 16)))
    file.write(fact("needs.vision", "行业第一"))
    new = path.read_bytes()
    assert new != data
    old_line, new_line = ("{by: 林, value: doubt, seen: 2026-01-01, confirmed: false}", "{value: accept, seen: 2026-03-16}")
    wanted = MESSY.replace(old_line, new_line).replace("# 末尾", "needs:\n    vision: 行业第一\n# 末尾")
    assert new == ENCODINGS[encoding](wanted)


BLOCKS = """\
as_of: 2026-03-16
stakeholders:
    -   id: wang
        attitude:          # what he says
            by: lin        # at the fair
            value: doubt
            seen: 2026-01-01
        open_doubts:
            - price
        # more of him to come

deal:   {name: a line,
         owner: Li}
budget:
pause: unknown
visits:                    # none noted yet
"""


@pytest.mark.parametrize(("answer", "old", "new"), [
    (of_item("stakeholders", "wang", "attitude", "accept", AS_OF),
     "            by: lin        # at the fair\n            value: doubt\n            seen: 2026-01-01\n",
     "            value: accept\n            seen: 2026-03-16\n"),
    (of_item("stakeholders", "wang", "veto", "none"), "- price\n", "- price\n        veto: none\n"),
    (of_item("stakeholders", "wang", "open_doubts", ("a, b", "c")), "            - price", "            ['a, b', c]"),
    (fact("deal.amount", 38_000_000), "owner: Li}", "owner: Li, amount: 38000000}"),
    (fact("deal.lost_reason", "they said: no # really"), "owner: Li}", "owner: Li, lost_reason: 'they said: no # really'}"),
    (fact("budget.status", "approved"), "budget:\n", "budget:\n    status: approved\n"),
    (fact("pause.reason", "holidays"), "pause: unknown\n", "pause: {reason: holidays}\n"),
    (fact("as_of", date(2026, 4, 1)), "as_of: 2026-03-16", "as_of: 2026-04-01"),
    (Deal({}, {"visits": (Item("2026-03-01", {"date": Observation(date(2026, 3, 1))}),)}),
     "# none noted yet\n", "# none noted yet\n    - id: '2026-03-01'\n      date: 2026-03-01\n"),
    (Deal({}, {"visits": ()}), "visits:  ", "visits: []  "),
    (Deal({}, {"competitors": (Item("甲", {}), Item("乙", {}))}),
     "# none noted yet\n", "# none noted yet\ncompetitors:\n    - id: 甲\n    - id: 乙\n"),
])
def test_an_answer_goes_where_a_person_would_write_it(answer: Deal, old: str, new: str) -> None:
    assert old in BLOCKS
    assert rewritten(BLOCKS, answer) == BLOCKS.replace(old, new)


JSON = """{
\t"as_of": "2026-03-16",
\t"account": {"name": "a\\/b \\u4e2d"},
\t"stakeholders": [
\t\t{
\t\t\t"id": "wang"
\t\t}
\t]
}
"""


@pytest.mark.parametrize(("answer", "old", "new"), [
    (of_item("stakeholders", "wang", "veto", "raised"), '"wang"', '"wang",\n\t\t\t"veto": "raised"'),
    (fact("account.grade", "a3"), '\\u4e2d"}', '\\u4e2d", "grade": "a3"}'),
    (fact("budget.status", "approved"), "\t]\n", '\t],\n\t"budget": {"status": "approved"}\n'),
    (of_item("stakeholders", "wang", "attitude", "accept", AS_OF), '"wang"',
     '"wang",\n\t\t\t"attitude": {"value": "accept", "seen": "2026-03-16"}'),
])
def test_json_keeps_its_layout(answer: Deal, old: str, new: str) -> None:
    assert json.loads(rewritten(JSON, answer, is_json=True)) is not None
    assert rewritten(JSON, answer, is_json=True) == JSON.replace(old, new)


@pytest.mark.parametrize("comma", ["", ","])
def test_a_comment_behind_the_last_entry_within_braces_stays_in_its_line(comma: str) -> None:
    text = f"as_of: 2026-03-16\ndeal: {{\n  name: x{comma}  # so called\n  }}\n"
    assert rewritten(text, fact("deal.owner", "Li")) == text.replace(f"x{comma}  # so called", "x,  # so called\n  owner: Li")


def test_a_compact_json_file_stays_compact() -> None:
    assert rewritten('{"as_of":"2026-03-16"}', fact("deal.name", "x"), is_json=True) == (
        '{"as_of":"2026-03-16", "deal": {"name": "x"}}')


def test_a_mapping_within_braces_goes_on_in_the_next_line_when_it_gets_long() -> None:
    text = "as_of: 2026-03-16\nstakeholders:\n  - {id: a, name: " + "x" * 95 + "}\n"
    assert rewritten(text, of_item("stakeholders", "a", "veto", "none")).endswith("x,\n     veto: none}\n")


def test_a_dotted_key_is_answered_where_it_stands() -> None:
    text = "as_of: 2026-03-16\nbudget.status: unknown\n"
    assert rewritten(text, fact("budget.status", "approved")) == text.replace("unknown", "approved")


ALIASES = """\
as_of: 2026-03-16
stakeholders:
  - {id: a, attitude: &seen {value: support, seen: 2025-01-01}}
  - {id: b, attitude: *seen}
"""


@pytest.mark.parametrize("about", ["a", "b"])
def test_what_an_alias_stands_for_is_never_changed_unseen(about: str, tmp_path: Path) -> None:
    path = tmp_path / "deal.yaml"
    path.write_text(ALIASES, "utf-8")
    with pytest.raises(CannotWrite):
        DealFile(path, VOCABULARY).write(of_item("stakeholders", about, "attitude", "accept", AS_OF))
    assert path.read_text("utf-8") == ALIASES


def test_a_fact_is_added_behind_an_alias() -> None:
    assert rewritten(ALIASES, of_item("stakeholders", "b", "veto", "none")) == ALIASES.replace("*seen}", "*seen, veto: none}")


def test_a_file_changed_by_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "deal.yaml"
    path.write_text("as_of: 2026-03-16\n", "utf-8")
    file = DealFile(path, VOCABULARY)
    path.write_text("as_of: 2026-03-17\n", "utf-8")
    with pytest.raises(ChangedMeanwhile):
        file.write(fact("budget.status", "approved"))
    assert path.read_text("utf-8") == "as_of: 2026-03-17\n"


_SIGNS = st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(" ,:#{}[]'\"&*!|>%@-?")
_TEXTS = st.text(_SIGNS, min_size=1).map(str.strip).filter(lambda text: text and text not in UNKNOWN_WORDS)


@given(st.data())
def test_any_value_is_written_so_that_it_reads_the_same(data: st.DataObject) -> None:
    found = data.draw(st.sampled_from(list(VOCABULARY.facts.values())))
    value = data.draw(values_of(found) if found.type != "text" else _TEXTS)
    seen = data.draw(st.none() | st.just(AS_OF))
    for text in (BLOCKS, "{as_of: 2026-03-16}\n"):
        rewritten(text, fact(found.id, value, seen))
    rewritten('{"as_of": "2026-03-16"}', fact(found.id, value, seen), is_json=True)
