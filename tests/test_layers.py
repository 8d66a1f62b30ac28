"""An organisation's own layer: slips in it are told at its own lines, and nothing in it is silently left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from dealready.engine.diagnose import Diagnoser
from dealready.facts.deal import load_deal
from dealready.rules.base import load_rule_base
from dealready.rules.layers import OURS, layer_of

from .product import base, run

STEEL = Path(__file__).parent.parent / "facts" / "examples" / "steel-rolling-line.yaml"


def layer(folder: Path, text: str, name: str = "rules/x.yaml") -> Path:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return folder


SLIPS = {
    "a rule": ("rules: [{id: people.veto-rased, when: {veto: raised}}]\n", "did you mean 'people.veto-raised'?"),
    "a rule to switch off": ("rules: [{id: no.such, off: true}]\n", "'no.such' is in no layer below"),
    "a parameter": ("parameters: [{id: review_dys, value: 3}]\n", "did you mean 'review_days'?"),
    "an action": ("actions: [{id: festival_visi, off: true}]\n", "did you mean 'festival_visit'?"),
    "a finding": ("findings: [{id: veto_rased, severity: low}]\n", "did you mean 'veto_raised'?"),
    "a criterion": ("steps: [{id: closing, criteria: [{id: closing.consensu, off: true}]}]\n", "'closing.consensus'?"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_id_of_a_change_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    text, told = SLIPS[name]
    result = run("rules", "check", str(layer(tmp_path, text)))
    assert result.exit_code == 2
    assert told in result.output
    assert f"x.yaml:1:{text.index('id: ', text.index('criteria')) + 5 if 'criteria' in text else text.index('id: ') + 5}:" \
        in result.output
    assert len(result.output.splitlines()) == 1


def test_a_slip_in_the_id_of_a_fact_is_told_too(tmp_path: Path) -> None:
    result = run("rules", "check", str(layer(tmp_path, "facts: [{id: budget.statu, effort: high}]\n", "facts/x.yaml")))
    assert "did you mean 'budget.status'?" in result.output


UNFIT = {
    "a parameter switched off": "parameters: [{id: review_days, off: true}]\n",
    "a step switched off": "steps: [{id: closing, off: true}]\n",
    "a version that is a list": "version: [1]\n",
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_a_layer_cannot_do_is_refused(name: str, tmp_path: Path) -> None:
    result = run("rules", "check", str(layer(tmp_path, UNFIT[name])))
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize("name", ["rules/a.yml", "rules/a.json", "rules/more/a.YML", "facts/a.yml"])
def test_a_file_that_nobody_would_read_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    layer(tmp_path, "rules: []\n", name)
    result = run("rules", "check", str(tmp_path))
    assert result.exit_code == 2
    assert "only files that end in .yaml are" in result.output


def test_a_talk_track_can_be_switched_off(tmp_path: Path) -> None:
    ours, theirs = base(), load_rule_base((OURS, layer_of(layer(tmp_path, "talks: [{id: own_work, off: true}]\n"))))
    deal = load_deal(str(STEEL), ours.vocabulary)
    said = [{talk for person in Diagnoser(rules).diagnose(deal).stakeholders for talk in person.talks}
            for rules in (ours, theirs)]
    assert said[0] - said[1] == {"own_work"}


def test_a_conclusion_that_only_a_rule_switched_off_makes_is_told_at_that_line(tmp_path: Path) -> None:
    result = run("rules", "check", str(layer(tmp_path, "rules:\n  - {id: people.has-power, off: true}\n")))
    assert result.exit_code == 2
    assert "x.yaml:2:5: people.has-power: this is switched off, but 'has_power'" in result.output
    assert len(result.output.splitlines()) == 1


FACT = """\
topics: [{{id: paint, label: {{en: Paint, zh: 油漆}}, asked: {{until: closing}}}}]
facts:
  - id: paint.colour
    type: enum
    values:
      - {{id: red, label: {{en: "7", zh: 红}}}}
      - {{id: {other}, label: {{en: blue, zh: 蓝}}}}
    label: {{en: Colour, zh: 颜色}}
    about: {{en: What colour., zh: 什么颜色。}}
    question: {{en: "Which colour does {{{filled}}} like?", zh: "{{account}}喜欢什么颜色？"}}
    whom: anyone
    influence: none
    effort: low
    {limits}asked: {{from: {first}}}
    sources: [{source}]
"""
SOUND = {"other": "blue", "filled": "account", "first": "needs", "source": "X-CHAMPION", "limits": ""}
UNSOUND = {
    "a value that is there already": ({"other": "red"}, "x.yaml:7:14: facts[0].values[1].id: 'red' is defined twice"),
    "a placeholder of nothing": ({"filled": "acount"}, "x.yaml:10:20: facts[0].question.en: 'acount' cannot be filled in here"),
    "a placeholder of items": ({"filled": "name"}, "x.yaml:10:20: facts[0].question.en: 'name' cannot be filled in here"),
    "a season that ends before it begins": ({"first": "service"}, "x.yaml:14:12: asked: the steps run backwards"),
    "limits that leave nothing": ({"limits": "minimum: 10\n    maximum: 5\n    "},
                                  "x.yaml:3:5: paint.colour: no value lies between minimum 10 and maximum 5"),
    "a source of nothing": ({"source": "X-CHAMPOIN"}, "x.yaml:15:15: facts[0].sources: 'X-CHAMPOIN' is not a source"),
}


def test_a_sound_fact_of_a_layer_is_taken(tmp_path: Path) -> None:
    assert run("rules", "check", str(layer(tmp_path, FACT.format(**SOUND), "facts/x.yaml"))).exit_code == 0


@pytest.mark.parametrize("name", UNSOUND)
def test_what_makes_no_sense_in_a_fact_of_a_layer_is_told_at_its_line(name: str, tmp_path: Path) -> None:
    changed, told = UNSOUND[name]
    result = run("rules", "check", str(layer(tmp_path, FACT.format(**SOUND | changed), "facts/x.yaml")))
    assert result.exit_code == 2
    assert told in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize("change", [
    "id: review_days, value: 0", "id: loyalty_repeat_good, value: 1", "id: review_days, label: {en: '42', zh: 复盘}",
])
def test_a_parameter_may_be_turned(change: str, tmp_path: Path) -> None:
    assert run("rules", "check", str(layer(tmp_path, f"parameters: [{{{change}}}]\n"))).exit_code == 0


@pytest.mark.parametrize(("change", "told"), [
    ("id: review_days, value: -5", "'-5' is below the smallest value, 0"),
    ("id: pushes_many, value: -1", "'-1' is below the smallest value, 0"),
    ("id: loyalty_repeat_good, value: 50", "'50' is above the largest value, 1"),
    ("id: attitude_stale_days, value: 0.5", "'0.5' is not a whole number"),
    ("id: review_days, label: {en: 42, zh: 复盘}", "label.en: the number 42 stands here; a text was expected"),
])
def test_a_parameter_turned_too_far_is_told(change: str, told: str, tmp_path: Path) -> None:
    result = run("rules", "check", str(layer(tmp_path, f"parameters:\n  - {{{change}}}\n")))
    assert result.exit_code == 2
    assert told in result.output
    assert "x.yaml:2:" in result.output
    assert len(result.output.splitlines()) == 1


POWER = "rules:\n  - {{id: people.has-power, then: {{{then}}}}}\n{more}"
MORE = ("  - {id: x.power, label: {en: A, zh: 甲}, for_each: stakeholders, when: {influence: high},"
        " then: {conclude: has_power}, because: [X-CHAMPION]}\n")


@pytest.mark.parametrize(("then", "more"), [("conclude: has_power", ""), ("do: resolve_veto", MORE)])
def test_a_rule_may_be_replaced_while_what_others_read_is_still_concluded(then: str, more: str, tmp_path: Path) -> None:
    assert run("rules", "check", str(layer(tmp_path, POWER.format(then=then, more=more)))).exit_code == 0


def test_a_conclusion_that_only_a_rule_replaced_made_is_told_at_that_line(tmp_path: Path) -> None:
    result = run("rules", "check", str(layer(tmp_path, POWER.format(then="conclude: has_might", more=""))))
    assert result.exit_code == 2
    assert "x.yaml:2:5: people.has-power: this takes the place of the rule at " in result.output
    assert "nothing else concludes 'has_power', which is read by " in result.output
    assert len(result.output.splitlines()) == 1


def test_what_only_advice_is_withheld_for_counts_as_read(tmp_path: Path) -> None:
    result = run("rules", "check", str(layer(tmp_path, "rules:\n  - {id: health.paused, then: {conclude: resting}}\n")))
    assert result.exit_code == 2
    assert "x.yaml:2:5: health.paused: this takes the place of" in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(("text", "line"), [("a = 1\nrules = [", ""), ("rules == 1", ":1:8")])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_slip_in_the_settings_is_told_in_the_readers_language(
    text: str, line: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dealready.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    result = run("rules", "check", language=language)
    assert result.exit_code == 2
    assert f"dealready.toml{line}: {'this is not valid TOML' if language == 'en' else '不是有效的 TOML'}" in result.output
    assert "line 1" not in result.output


@pytest.mark.parametrize(("text", "name", "told"), [
    ("rules:\n  - {id: health.rhythm-kept, off: true}\n", "health.rhythm-kept", "is switched off at"),
    ("actions:\n  - {id: festival_visit, off: true}\n", "festival_visit", "festival_visit is switched off."),
    ("parameters:\n  - {id: review_days, value: 3}\n", "review_days", "Below this layer, value is: 21"),
])
def test_rules_show_tells_what_a_layer_made_of_a_record(text: str, name: str, told: str, tmp_path: Path) -> None:
    shown = run("rules", "show", name, "--rules", str(layer(tmp_path, text)))
    assert shown.exit_code == 0
    assert told in shown.output
    assert "x.yaml:2:5" in shown.output.replace("\n", "")
