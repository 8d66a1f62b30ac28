"""Which tests of facts a program asks, and what the columns are called that hold their answers."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from ..facts.tables import column_name
from ..rules.language import FactTest, Span, placed
from ..rules.program import Program

_LONGEST = 60  # PostgreSQL cuts names at 63 bytes
_RANGES = {"age": "days_ago", "size": "has", "range": "is"}


def tests_asked(program: Program) -> dict[str, list[FactTest]]:
    """Return the tests that rules ask of the rows of each scope, each test once."""
    asked: dict[str, dict[FactTest, None]] = {}
    for rule in program.rules:
        for scope, part in placed(rule.when, rule.scope):
            if isinstance(part, FactTest):
                asked.setdefault(scope, {})[part] = None
    return {scope: list(tests) for scope, tests in asked.items()}


def name_test(test: FactTest, taken: Collection[str]) -> str:
    """Return what the column of a test is called, such as ``budget_status_is_applied_or_approved``; it is not ``taken``."""
    words = f"{column_name(str(test.path))}_{_asked(test)}"
    whole = re.sub(r"\W", "_", words, flags=re.ASCII).lower()
    name, number = whole[:_LONGEST], 1
    while name in taken:
        number += 1
        name = f"{whole[: _LONGEST - len(str(number)) - 1]}_{number}"
    return name


def _asked(test: FactTest) -> str:
    operand = test.operand
    if isinstance(operand, Span):
        bounds = ((operand.low, "over" if operand.low_open else "from"), (operand.high, "under" if operand.high_open else "to"))
        return "_".join([_RANGES[test.kind], *(f"{word}_{_value(bound)}" for bound, word in bounds if bound is not None)])
    values = [_value(value) for value in operand]
    match test.kind:
        case "in":
            return f"is_{'_or_'.join(values)}"
        case "not_in":
            return f"is_not_{'_or_'.join(values)}"
        case "has_any":
            return f"has_{'_or_'.join(values)}"
        case "has_all":
            return f"has_{'_and_'.join(values)}"
        case "lacks":
            return f"lacks_{'_and_'.join(values)}"
        case kind:
            return f"is_{kind}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | date):
        return str(value)
    return str(value).replace("-", "minus_")
