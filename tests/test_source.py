"""Text becomes a tree whose every node knows its place; nothing expands without bound."""

from __future__ import annotations

import json

import pytest
from dealready.facts.nodes import Mapping, Node, Scalar, Sequence
from dealready.facts.problems import Rejected
from dealready.facts.source import parse
from hypothesis import given
from hypothesis import strategies as st

_PLAIN = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=8)
_VALUES = st.recursive(
    st.one_of(_PLAIN, st.integers(), st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_PLAIN, inner, max_size=3),
    max_leaves=12,
)


def _shape(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [_shape(item) for item in node.items]
    return {key.text: _shape(value) for key, value in node.entries}


def _expected(value: object) -> object:
    if isinstance(value, list):
        return [_expected(item) for item in value]
    if isinstance(value, dict):
        return {key: _expected(item) for key, item in value.items()}
    return value if isinstance(value, str) else json.dumps(value)


@given(_VALUES, st.sampled_from([None, 2]))
def test_any_json_is_read_as_the_standard_library_reads_it(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    assert _shape(parse(text.encode(), "x.json")) == _expected(value)


@given(_VALUES.filter(lambda value: isinstance(value, dict) and value))
def test_every_node_of_a_json_file_stands_at_its_place(value: object) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    lines = text.split("\n")

    def check(node: Node) -> None:
        rest = lines[node.place.line - 1][node.place.column - 1 :]
        if isinstance(node, Mapping):
            assert rest.startswith("{")
            for key, child in node.entries:
                check(key)
                check(child)
        elif isinstance(node, Sequence):
            assert rest.startswith("[")
            for child in node.items:
                check(child)
        elif node.quoted:
            assert rest.startswith('"')
        else:
            assert rest.startswith(node.text)

    check(parse(text.encode(), "x.json"))


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(Rejected) as caught:
        parse("\n".join(lines).encode(), "bomb.yaml")
    assert [problem.code for problem in caught.value.problems] == ["too-many-nodes"]


def test_an_alias_means_what_its_anchor_says() -> None:
    assert _shape(parse(b"a: &x [1, 2]\nb: *x\n", "x.yaml")) == {"a": ["1", "2"], "b": ["1", "2"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_is_read_in_every_encoding_that_can_be_told(encoding: str) -> None:
    text = "name: 华东精密钢铁有限公司\n备注: 二号轧线改造\n"
    assert _shape(parse(text.encode(encoding), "x.yaml")) == {"name": "华东精密钢铁有限公司", "备注": "二号轧线改造"}


def test_a_declared_gbk_file_is_read_as_gbk() -> None:
    assert _shape(parse("# coding: gbk\na: 囧镕喆\n".encode("gb18030"), "x.yaml")) == {"a": "囧镕喆"}


def test_text_of_another_encoding_is_refused_with_its_place() -> None:
    with pytest.raises(Rejected) as caught:
        parse("as_of: 2026-03-16\nname: Jos\u00e9".encode("latin-1"), "x.yaml")
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line, problem.place.column) == ("encoding", 2, 10)
