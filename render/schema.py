"""The JSON Schema of a diagnosis as ``dealready next --format json`` prints it."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_FLAG: Schema = {"type": "boolean"}
_NUMBER: Schema = {"type": "integer"}
_DAY: Schema = {"type": "string", "format": "date"}
_DAY_OR_NULL: Schema = {"type": ["string", "null"], "format": "date"}
_STEP: Schema = {"enum": ["investigation", "visits", "needs", "proposal", "closing", "service"]}
_PERCENT: Schema = {"type": "integer", "minimum": 0, "maximum": 100}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def diagnosis_schema() -> Schema:
    """Return the schema (draft 2020-12). Ids belong to no language; ``label`` and the like follow ``--lang``."""
    value: Schema = {"description": "a value of the vocabulary; null: unknown"}
    support = {
        "facts": _list(_object(fact=_TEXT, about=_TEXT, value=value, test=_TEXT, inferred=_FLAG, stale=_FLAG)),
        "conclusions": _list(_TEXT),
        "absent": _list(_TEXT),
        "counted": _list(_object(quantifier={"enum": ["some", "none", "every", "count"]}, of=_TEXT, items=_list(_TEXT),
                                 listed=_FLAG)),
    }
    because = _list(_object(rule=_TEXT, about=_TEXT, sources=_list(_TEXT), **support))
    interval = _object(low=_PERCENT, high=_PERCENT)
    criterion = _object(id=_TEXT, label=_TEXT, state={"enum": ["met", "unmet", "unknown"]},
                        waiting_for=_list(_object(fact=_TEXT, about=_TEXT)))
    known = _object(value=value, inferred=_FLAG, stale=_FLAG)
    talk = _object(id=_TEXT, opening=_TEXT, proof=_TEXT, question=_TEXT, objection=_TEXT, answer=_TEXT, commitment=_TEXT)
    schema = _object(
        deal=_object(name=_TEXT_OR_NULL, account=_TEXT_OR_NULL, file=_TEXT),
        as_of=_DAY,
        step=_object(proven=_STEP, claimed={"anyOf": [_STEP, {"type": "null"}]}, between=_list(criterion)),
        steps=_list(_object(
            id=_STEP, label=_TEXT, status={"enum": ["not_started", "in_progress", "complete", "blocked"]},
            readiness=interval, blocked_by=_list(_TEXT), criteria=_list(criterion),
        )),
        readiness=interval,
        findings=_list(_object(
            id=_TEXT, kind={"enum": ["risk", "strength", "gap", "caution", "conflict"]},
            severity={"enum": ["high", "medium", "low"]}, about=_TEXT, label=_TEXT, meaning=_TEXT, because=because,
        )),
        contradictions=_list(_object(
            fact=_TEXT, line={"type": "integer", "minimum": 0}, column={"type": "integer", "minimum": 0}, text=_TEXT,
            finding=_TEXT,
        )),
        actions=_list(_object(
            id=_TEXT, rank={"type": "integer", "minimum": 1}, label=_TEXT, kind=_TEXT, who=_TEXT, effort=_TEXT, due=_DAY,
            how=_TEXT, words=_TEXT_OR_NULL, why=_TEXT, done_when=_TEXT, because=because, **{"with": _TEXT},
        )),
        withheld=_list(_object(
            id=_TEXT, label=_TEXT, withheld_by=_TEXT, tension=_TEXT, tension_basis={"enum": ["", "article", "reading"]},
            because=because, **{"with": _TEXT},
        )),
        questions=_list(_object(fact=_TEXT, about=_TEXT, text=_TEXT, points=_NUMBER, why=_list(_TEXT), last_value=value)),
        signals=_list(_object(id=_TEXT, kind=_TEXT_OR_NULL, by=_TEXT_OR_NULL, days_ago={"type": ["integer", "null"]},
                              counts=_FLAG)),
        closing=_object(push=_FLAG, signal_seen=_FLAG, in_the_way=_list(_TEXT)),
        stakeholders=_list(_object(
            id=_TEXT, name=_TEXT, title=_TEXT_OR_NULL, layer=known, attitude=known, rung=known, roles=_list(_TEXT),
            concerns=_list(_TEXT), concerns_assumed=_FLAG, say=_list(talk), next_move=_TEXT_OR_NULL, marks=_list(_TEXT),
            marks_assumed=_list(_TEXT),
        )),
        overrides=_list(_object(
            id=_TEXT, about=_TEXT, says=_TEXT, rules_say=_TEXT, author=_TEXT_OR_NULL, date=_DAY_OR_NULL, reason=_TEXT_OR_NULL,
            until=_DAY_OR_NULL, active=_FLAG,
        )),
        account_classes=_list(_TEXT),
        trace=_list(_object(rule=_TEXT, about=_TEXT, concludes=_list(_TEXT), **support)),
        rule_base=_object(version=_TEXT, hash=_TEXT),
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A diagnosis by dealready", **schema}
