"""Writes a case out of today's diagnosis, for a coach to edit."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

from ..engine.diagnosis import Diagnosis
from ..facts.deal import Deal, Observation
from ..facts.source import STDIN
from ..facts.yaml_text import yaml_text
from .cases import named


def new_case(deal: Deal, diagnosis: Diagnosis, target: Path | None = None) -> str:
    """Return a case file that says of a deal what its diagnosis says today.

    It names the deal's file as seen from ``target``, where it will stand, or, if nobody knows where, by its full
    path; a deal that came through standard input stands in the case itself.
    """
    lines: dict[str, object] = {
        "name": "case" if deal.file == STDIN else Path(deal.file).stem,
        "deal": deal_data(deal) if deal.file == STDIN else _seen_from(target, Path(deal.file)),
        "step": diagnosis.step.proven,
    }
    if diagnosis.step.claimed:
        lines["claimed"] = diagnosis.step.claimed
    lines["readiness"] = {"low": diagnosis.readiness.low, "high": diagnosis.readiness.high}
    lines["criteria"] = {criterion.id: criterion.state for step in diagnosis.steps for criterion in step.criteria}
    lists = {
        "findings": [named(found.id, found.about) for found in diagnosis.findings],
        "actions": [named(given.id, given.with_) for given in diagnosis.actions],
        "withheld": [named(held.id, held.with_) for held in diagnosis.withheld],
        "fires": [named(traced.rule, traced.about) for traced in diagnosis.trace],
    }
    lines |= {kind: names for kind, names in lists.items() if names}
    return yaml_text(lines)


def _seen_from(target: Path | None, file: Path) -> str:
    return str(file.resolve()) if target is None else Path(os.path.relpath(file, target.parent)).as_posix()


def deal_data(deal: Deal) -> dict[str, Any]:
    """Return a deal as the data that its file would hold."""
    told = {name: _value(seen) for name, seen in deal.facts.items()}
    for of, rows in deal.items.items():
        told[of] = [{"id": item.id, **{name: _value(seen) for name, seen in item.facts.items()}} for item in rows]
    return told


def _value(seen: Observation) -> Any:
    value = seen.value
    plain: Any = list(value) if isinstance(value, tuple) else value
    if not isinstance(plain, bool | int | str | list | date):
        plain = int(plain) if plain == int(plain) else float(plain)
    notes: dict[str, Any] = {"by": seen.by} if seen.by else {}
    notes |= {"seen": seen.seen} if seen.seen else {}
    notes |= {} if seen.confirmed else {"confirmed": False}
    return {"value": plain} | notes if notes else plain
