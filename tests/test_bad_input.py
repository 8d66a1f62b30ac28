"""Whatever is wrong with a file, the answer is a list of lines that say where, what, and what was expected."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from dealready.facts.deal import load_deal, read_deal
from dealready.facts.problems import Problem, Rejected, messages
from dealready.facts.source import LARGEST_FILE
from dealready.facts.texts import LANGUAGES
from dealready.facts.vocabulary import Vocabulary, load_vocabulary
from dealready.rules.base import load_rule_base
from dealready.rules.layers import Layer
from hypothesis import example, given
from hypothesis import strategies as st

FOLDER = Path(__file__).parent / "bad_input"
MINIMAL = FOLDER / "minimal"


def _cases(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))["cases"]


DEALS = _cases("deals.yaml")
RULES = _cases("rules.yaml")


@cache
def _vocabulary() -> Vocabulary:
    return load_vocabulary()


def _generated(name: str) -> bytes:
    head = b"as_of: 2026-03-16\n"
    match name:
        case "alias-bomb":
            lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)]
            return head + ("a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(lines)).encode()
        case "deep-lists":
            return b'{"as_of": "2026-03-16", "account": {"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
        case "too-large":
            return head + b"# " + b"x" * LARGEST_FILE
        case "long-text":
            return head + b"account: {name: " + b"x" * 10_001 + b"}\n"
        case "long-id":
            return head + b"stakeholders:\n  - {id: " + b"x" * 101 + b"}\n"
        case "long-key":
            return head + b"budget: {? " + b"x" * 5_000 + b" : 1}\n"
        case _:
            assert name == "many-items"
            return head + b"stakeholders:\n" + b"".join(b"  - {id: p%d}\n" % number for number in range(2_001))


def _content(case: dict[str, Any]) -> bytes:
    if "text" in case:
        return case["text"].encode(case.get("encoding", "utf-8"))
    return case["bytes"].encode("latin-1") if "bytes" in case else _generated(case["generated"])


@pytest.mark.parametrize("case", DEALS, ids=[case["name"] for case in DEALS])
def test_a_broken_deal_file_gets_exactly_these_lines(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(case["file"]).write_bytes(_content(case))
    if not case["messages"]:
        assert load_deal(case["file"], _vocabulary()).as_of.year == 2026
        return
    with pytest.raises(Rejected) as caught:
        load_deal(case["file"], _vocabulary())
    assert [problem.message() for problem in caught.value.problems] == case["messages"]
    assert [problem.message("zh") for problem in caught.value.problems] == case["zh"]


@pytest.mark.parametrize("case", RULES, ids=[case["name"] for case in RULES])
def test_a_broken_rule_file_gets_exactly_these_lines(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(MINIMAL, tmp_path, dirs_exist_ok=True))
    for name, text in case["files"].items():
        if text is None:
            Path(name).unlink()
        else:
            Path(name).write_text(text, "utf-8")
    with pytest.raises(Rejected) as caught:
        load_rule_base([Layer("mine", Path("vocabulary"), Path("rules"))])
    assert [problem.message() for problem in caught.value.problems] == case["messages"]
    assert [problem.message("zh") for problem in caught.value.problems] == case["zh"]


def test_the_minimal_rule_base_is_valid_by_itself() -> None:
    base = load_rule_base([Layer("mine", MINIMAL / "vocabulary", MINIMAL / "rules")])
    assert [len(step.criteria) for step in base.steps] == [1] * 6


def test_a_file_that_cannot_be_opened_is_told_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deals").mkdir()
    told = {}
    for path in ("gone.yaml", "deals", "a\0b"):
        with pytest.raises(Rejected) as caught:
            load_deal(path, _vocabulary())
        told[path] = [problem.message(language) for problem in caught.value.problems for language in LANGUAGES]
    assert told == {
        "gone.yaml": ["gone.yaml: there is no such file", "gone.yaml: 没有这个文件"],
        "deals": ["deals: this is a folder; name files in it (deals/*.yaml), or score all of its deals at once with "
                  "dealready score", "deals: 这是一个文件夹；请给出其中的文件（deals/*.yaml），或用 dealready score "
                  "一次为其中全部商机评分"],
        "a\0b": ["a\\x00b: the file cannot be read: embedded null byte", "a\\x00b: 无法读取文件：embedded null byte"],
    }


def test_every_message_fills_the_same_places_in_both_languages() -> None:
    for code, text in messages().items():
        holes = [set(re.findall(r"\{(\w+)\}", text.read(language))) for language in LANGUAGES]
        assert holes[0] == holes[1], code


def test_no_line_has_an_unfilled_place_or_english_left_in_the_chinese() -> None:
    english = re.compile(r"\b(nothing|a list|a mapping|did you mean|known:|was expected|the end of|unknown day)\b")
    for case in DEALS + RULES:
        for line in case["zh"]:
            assert not english.search(line), line
        if "{" not in str(case.get("text")) + str(case.get("files")):
            assert "{" not in "".join(case["messages"] + case["zh"])


def _refusal(data: bytes, file: str) -> tuple[Problem, ...]:
    try:
        read_deal(data, file, _vocabulary())
    except Rejected as rejected:
        return rejected.problems
    return ()


def _check(data: bytes, file: str) -> None:
    """Read a deal; if it is refused, every problem stands at a place in the file and is told in one line."""
    problems = _refusal(data, file)
    texts = [data.decode(encoding, "replace") for encoding in ("utf-8", "gb18030", "utf-16")]
    lines = max(len(re.findall("\r\n|[\r\n\x85\u2028\u2029]", text)) for text in texts) + 1
    assert list(problems) == sorted(problems, key=lambda problem: problem.place)
    for problem in problems:
        assert problem.place.file == file
        assert 0 <= problem.place.line <= lines
        for language in LANGUAGES:
            line = problem.message(language)
            assert line.startswith(file)
            assert line.isprintable()
            assert len(line) < 1_000


DEAL = """\
# a deal
as_of: 2026-03-16
account: {name: 华东精密, institution: ordinary}
budget: {status: {value: applied, by: "li", seen: 2026-03-01}, amount: 300万}
profile:
  material: [text, image]
stakeholders:
  - id: wang
    name: 'Wang "Qiang"'
    attitude: &a {value: 怀疑, confirmed: false}
    roles: [screens]
  - {id: li, attitude: *a, last_contact: 2026/3/1}
"""
DEAL_JSON = """\
{"as_of": "2026-03-16", "account": {"name": "\\u534e\\n", "is_key_account": true},
 "budget": {"amount": 1.5e3, "status": null}, "stakeholders": [{"id": "wang", "roles": []}]}
"""
SIGNS = st.sampled_from([
    *"{}[]:,-#&*!|>'\"%@`?\\ \t\n\r.~<=0a\0\x07\x1b\x85\u2028\ufeff\ud800怀１",
    "<<", "---", ": ", "\\u", "&a", "*a",
])


@st.composite
def _mutated(draw: st.DrawFn, text: str) -> str:
    """The text with some of its parts taken out, doubled or replaced."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        part = draw(st.sampled_from(["", text[start:end] * 2, text[end : end + 20]]) | SIGNS)
        text = text[:start] + part + text[end:]
    return text


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@given(st.binary(), st.sampled_from(["x.yaml", "x.json"]))
@example(b"\xff\xfe\x00", "x.yaml")
@example(b"\xef\xbb\xbf\xff", "x.yaml")
@example(b"# coding: gbk\n\x81", "x.yaml")
def test_any_bytes_are_read_or_refused(data: bytes, file: str) -> None:
    _check(data, file)


@given(st.lists(SIGNS | st.characters(), max_size=60).map("".join), st.sampled_from(["x.yaml", "x.json"]))
@example("%", "x.yaml")
@example("? ", "x.yaml")
@example("&a *a : ", "x.yaml")
def test_any_text_is_read_or_refused(text: str, file: str) -> None:
    _check(_encoded(text), file)


@given(_mutated(DEAL), st.sampled_from(["utf-8", "gb18030", "utf-16"]))
def test_a_deal_with_slips_in_it_is_read_or_refused(text: str, encoding: str) -> None:
    _check(text.encode(encoding, "replace"), "x.yaml")


@given(_mutated(DEAL_JSON))
def test_a_json_deal_with_slips_in_it_is_read_or_refused(text: str) -> None:
    _check(_encoded(text), "x.json")


def _rule_refusal(folder: Path) -> tuple[Problem, ...]:
    try:
        load_rule_base([Layer("mine", folder / "vocabulary", folder / "rules")])
    except Rejected as rejected:
        return rejected.problems
    return ()


@given(st.data())
def test_a_rule_file_with_slips_in_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(path.relative_to(MINIMAL) for path in MINIMAL.rglob("*.yaml"))))
    text = data.draw(_mutated((MINIMAL / name).read_text("utf-8")))
    folder = shutil.copytree(MINIMAL, tmp_path_factory.mktemp("rules"), dirs_exist_ok=True)
    (folder / name).write_bytes(_encoded(text))
    for problem in _rule_refusal(folder):
        assert problem.place.file == "steps" or Path(problem.place.file).is_file()
        assert all(problem.message(language).isprintable() for language in LANGUAGES)
    shutil.rmtree(folder)
