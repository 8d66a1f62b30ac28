"""Writes a case out of today's diagnosis, for a coach to edit."""

from __future__ import annotations

from pathlib import Path

import yaml

from ..engine.diagnosis import Diagnosis
from .cases import named


def new_case(deal_file: str, diagnosis: Diagnosis, name: str = "") -> str:
    """Return a case file that says of a deal what its diagnosis says today."""
    lines: dict[str, object] = {
        "name": name or Path(deal_file).stem,
        "deal": deal_file,
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
    return yaml.safe_dump(lines, allow_unicode=True, sort_keys=False, width=120)
