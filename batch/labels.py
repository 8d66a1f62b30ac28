"""How a workbook calls the columns and the values of the output tables, for people who read them."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.outputs import CONDITIONS
from ..facts.tables import column_name
from ..facts.texts import Language
from ..facts.vocabulary import EFFORT, Vocabulary
from ..render.words import say
from ..rules.base import RuleBase
from ..rules.catalogue import DOERS, KINDS_OF_FINDING, SEVERITIES
from .changes import CHANGES
from .previous import HEADER

Label = tuple[str, str, str]  # place, id, label

# The facts that stand in the table of deals as they are given.
DETAILS = (
    "deal_name", "account_name", "deal_owner", "deal_team", "deal_amount", "deal_currency", "deal_expected_close",
    "deal_outcome",
)
_COLUMNS = (
    "deal_id", "scored", "as_of", "claimed_step", "step", "readiness_low", "readiness_high", "criteria_met", "criteria_unknown",
    "conflict_count", "risk_count", "gap_count", "caution_count", "strength_count", "action_count", "first_action",
    "first_action_with", "first_action_label", "criterion", "label", "state", "finding", "kind", "severity", "collection",
    "about", "about_name", "rank", "action", "how", "done_when", "with", "with_name", "who", "effort", "due", "fact",
    "question", "points", "rule", "number", "condition", "value", "threshold", "distance", "change", "step_before", "step_now",
    "readiness_low_before", "readiness_low_now", "readiness_high_before", "readiness_high_now", "criteria_gained",
    "as_of_before", "as_of_now", "rules_gained", "rules_lost", "table", "row", "column", "reason", "rule_base_version",
    "rule_base_hash", "language", "as_of_first", "as_of_last", "deals", "rejected", "errors", "seconds", "notes",
)
_OTHERWISE = {("criteria", "step"): "column.step_of_criterion"}  # what columns of some tables are called only there
_STEPS = ("step", "claimed_step", "step_before", "step_now")
_STATES = ("met", "unmet", "unknown", "holds", "fails")
_STATUSES = ("complete", "in_progress", "not_started", "blocked")


def labels(base: RuleBase, language: Language) -> Iterator[Label]:
    """Yield the label of each column, and of each value that is an id of ours."""
    for fact in base.vocabulary.facts.values():
        if column_name(fact.id) in DETAILS:
            yield HEADER, column_name(fact.id), fact.label.read(language)
            for value in fact.values:
                yield column_name(fact.id), value.id, value.label.read(language)
    for (_, name), key in _OTHERWISE.items():
        yield HEADER, name, say(key, language)
    for name in _COLUMNS:  # what comes last for an id is what it is called elsewhere
        yield HEADER, name, say(f"column.{name}", language)
    for step in base.steps:
        label = step.label.read(language)
        yield HEADER, f"status_{step.id}", say("column.status", language, step=label)
        for column in _STEPS:
            yield column, step.id, label
        for status in _STATUSES:
            yield f"status_{step.id}", status, say(f"status.{status}", language)
    for column, ids in (("state", _STATES), ("kind", KINDS_OF_FINDING), ("severity", SEVERITIES), ("who", DOERS),
                        ("effort", EFFORT), ("change", CHANGES)):
        for name in ids:
            yield column, name, say(f"{column}.{name}", language)
    for collection in base.vocabulary.collections.values():
        yield "collection", collection.id, collection.label.read(language)
    yield from ((CONDITIONS, word, say(key, language)) for word, key in (("true", "yes"), ("false", "no")))
    yield from _values(base.vocabulary, language)


def called_otherwise(table: str, column: str, language: Language) -> str:
    """Return what a column is called in one table only, or nothing."""
    key = _OTHERWISE.get((table, column))
    return say(key, language) if key else ""


def _values(vocabulary: Vocabulary, language: Language) -> Iterator[Label]:
    """Yield the label of each value of a fact, under the path by which conditions name the fact."""
    for scope in ("", *vocabulary.collections):
        for fact in (vocabulary.collections[scope] if scope else vocabulary).facts.values():
            path = f"{scope}.{fact.id}" if scope else fact.id
            yield from ((path, value.id, value.label.read(language)) for value in fact.values)
            for other in vocabulary.collections[fact.to].facts.values() if fact.to else ():
                yield from ((f"{path}.{other.id}", value.id, value.label.read(language)) for value in other.values)
