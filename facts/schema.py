"""The JSON Schema of a deal file, made from the vocabulary, so that an editor completes and checks it."""

from __future__ import annotations

from typing import Any

from .deal import LONGEST_ID
from .texts import Language, Text
from .values import NO, SAID_UNKNOWN, YES, takes_percent
from .vocabulary import Collection, Fact, Vocabulary

Schema = dict[str, Any]

_DATE = r"^\d{4}(-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2}|年\d{1,2}月\d{1,2}日)$"
_AMOUNT = r"^[¥￥$€£ ]*[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?([eE][+-]?\d{1,2})?\s*(万|亿)?\s*元?$"
_PERCENT = r"^[+-]?\d+(\.\d+)?\s*[%％]$"
_UNKNOWN: Schema = {"enum": [None, *sorted(SAID_UNKNOWN)]}
_YES_NO: Schema = {"anyOf": [{"type": "boolean"}, {"enum": [0, 1, *sorted(YES | NO)]}]}


def deal_schema(vocabulary: Vocabulary, language: Language = "en") -> Schema:
    """Return the schema (draft 2020-12); descriptions carry both languages, the given one first."""
    maker = _Maker(language)
    properties: Schema = {}
    for topic, label in vocabulary.topics.items():
        facts = [fact for fact in vocabulary.facts.values() if fact.id.startswith(f"{topic}.")]
        if facts:
            properties[topic] = maker.topic(label, facts)
    properties |= {fact.id: maker.observed(fact) for fact in vocabulary.facts.values() if "." not in fact.id}
    properties |= {collection.id: maker.collection(collection) for collection in vocabulary.collections.values()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": maker.both(Text("A deal: everything known of it on one date", "一个商机：某一天所知的全部情况")),
        "type": "object",
        "required": ["as_of"],
        "additionalProperties": False,
        "properties": properties,
    }


class _Maker:
    def __init__(self, language: Language) -> None:
        self.language = language

    def both(self, text: Text) -> str:
        first, second = (text.zh, text.en) if self.language == "zh" else (text.en, text.zh)
        return f"{first} / {second}"

    def topic(self, label: Text, facts: list[Fact]) -> Schema:
        return {
            "description": self.both(label),
            "anyOf": [
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {fact.id.partition(".")[2]: self.observed(fact) for fact in facts},
                },
                _UNKNOWN,
            ],
        }

    def collection(self, collection: Collection) -> Schema:
        about = self.both(Text("a short name, unique in this list", "在本列表中唯一的短名称"))
        item_id = {"type": ["string", "integer"], "pattern": r"\S", "maxLength": LONGEST_ID, "description": about}
        return {
            "description": self.both(collection.label),
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id"],
                        "additionalProperties": False,
                        "properties": {"id": item_id} | {name: self.observed(fact) for name, fact in collection.facts.items()},
                    },
                },
                _UNKNOWN,
            ],
        }

    def observed(self, fact: Fact) -> Schema:
        """Return what may stand at a fact: its value, a word for unknown, or an observation with its origin."""
        value = self.value(fact)
        return {
            "description": f"{self.both(fact.label)}. {self.both(fact.about)} ({self.both(fact.question)})",
            "anyOf": [
                value,
                _UNKNOWN,
                {
                    "type": "object",
                    "required": ["value"],
                    "additionalProperties": False,
                    "properties": {
                        "value": {"anyOf": [value, _UNKNOWN]},
                        "by": {"type": "string", "description": self.both(Text("who said it", "谁说的"))},
                        "seen": {"type": "string", "pattern": _DATE,
                                 "description": self.both(Text("when it was seen", "何时观察到"))},
                        "confirmed": {"description": self.both(Text("false: only inferred", "false：仅为推测")),
                                      **_YES_NO},
                    },
                },
            ],
        }

    def value(self, fact: Fact) -> Schema:
        match fact.type:
            case "bool":
                return _YES_NO
            case "enum" | "ordinal":
                return self.choice(fact)
            case "set":
                return {"type": "array", "items": self.choice(fact)}
            case "list":
                return {"type": "array", "items": {"type": ["string", "number"]}}
            case "refs":
                return {"type": "array", "items": {"type": ["string", "integer"]}, "$comment": f"ids of {fact.to}"}
            case "ref":
                return {"type": ["string", "integer"], "$comment": f"id of {fact.to}"}
            case "date":
                return {"type": "string", "pattern": _DATE}
            case "text":
                return {"type": ["string", "number"]}
            case _:
                return self.number(fact)

    def choice(self, fact: Fact) -> Schema:
        ids = [value.id for value in fact.values]
        labels = [label for value in fact.values for label in value.spellings if label not in ids]
        return {"anyOf": [{"enum": ids}, {"enum": list(dict.fromkeys(labels))}]}

    def number(self, fact: Fact) -> Schema:
        number: Schema = {"type": "integer" if fact.type == "int" else "number"}
        if fact.minimum is not None:
            number["minimum"] = float(fact.minimum)
        if fact.maximum is not None:
            number["maximum"] = float(fact.maximum)
        patterns = (_AMOUNT, _PERCENT) if takes_percent(fact) else (_AMOUNT,)
        return {"anyOf": [number, *({"type": "string", "pattern": pattern} for pattern in patterns)]}
