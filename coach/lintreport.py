"""What the linter found, as data for programs: our own JSON, and SARIF for code hosts and editors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..facts.problems import Problem
from ..facts.texts import Language
from ..render.document import rule_base_document
from ..rules.base import RuleBase


def level(entry: Problem) -> str:
    """Return how bad it is: a warning, or an error that keeps the rules from loading."""
    return "warning" if entry.code.startswith("lint-") else "error"


def lint_document(found: Sequence[Problem], base: RuleBase | None, language: Language) -> dict[str, Any]:
    """Return what was found as JSON-able data; there is no rule base if it could not be loaded."""
    return {
        "rule_base": None if base is None else rule_base_document(base),
        "findings": [
            {"code": entry.code, "level": level(entry), "file": entry.place.file, "line": entry.place.line,
             "column": entry.place.column, "field": entry.field, "message": _message(entry, language)}
            for entry in found
        ],
    }


def _message(entry: Problem, language: Language) -> str:
    return entry.message(language).removeprefix(f"{entry.place}: ")


def sarif(found: Sequence[Problem], base: RuleBase | None, language: Language) -> dict[str, Any]:
    """Return what was found as a SARIF 2.1.0 log."""
    rules = [{"id": code} for code in sorted({entry.code for entry in found})]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "dealready", "version": __version__, "rules": rules}},
            "properties": {"rule_base": None if base is None else rule_base_document(base)},
            "results": [
                {"ruleId": entry.code, "level": level(entry), "message": {"text": _message(entry, language)},
                 "locations": [{"physicalLocation": _location(entry)}]}
                for entry in found
            ],
        }],
    }


def _location(entry: Problem) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": quote(entry.place.file.replace("\\", "/"))},
        "region": {"startLine": max(entry.place.line, 1), "startColumn": max(entry.place.column, 1)},
    }
