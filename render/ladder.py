"""The six steps as a ladder: how far each has got, what blocks it, and its criteria."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding

from ..engine.diagnosis import CriterionState, Diagnosis, StepState
from ..rules.program import WON
from .names import Names, item_name
from .prose import Prose
from .words import say

STATE_SIGNS = {"met": ("●", "green"), "unmet": ("✕", "red"), "unknown": ("?", "bright_black")}
_STATUS_SIGNS = {"complete": ("✓", "green"), "in_progress": ("▶", "yellow"), "not_started": ("·", "bright_black"),
                 "blocked": ("■", "red"), "partly_on_file": ("·", "bright_black"), "not_on_file": ("·", "bright_black")}
_PASSED = {"not_started": "not_on_file", "in_progress": "partly_on_file"}


def ladder(diagnosis: Diagnosis, names: Names, everything: bool) -> list[RenderableType]:
    """Return all steps, with the criteria of the one where the deal stands, or, if wanted, of every one."""
    current = diagnosis.step.proven
    width = max(cell_len(names.step(step.id)) for step in diagnosis.steps)
    return [
        line for step in diagnosis.steps
        for line in (*rung(step, diagnosis, names, width),
                     *(criteria(step, names, everything) if everything or step.id == current else ()))
    ]


def rung(step: StepState, diagnosis: Diagnosis, names: Names, width: int = 0) -> list[RenderableType]:
    """Return one step, its name at least as wide as told, with what blocks it."""
    sign, colour = _STATUS_SIGNS[_told(step, diagnosis)]
    name = names.step(step.id)
    current = step.id == diagnosis.step.proven
    line = Prose.assemble((f"{sign} ", colour), (name, "bold" if current else ""), " " * max(width - cell_len(name), 0), "  ")
    lines: list[RenderableType] = [line + _standing(step, _told(step, diagnosis), names)]
    if step.status == "blocked":
        lines += [
            _indented(Prose.assemble(
                ("■ ", "red"), say("step.blocked_by", names.language, finding=names.finding(finding.id, finding.about)),
                (f"  [{item_name(finding.id, finding.about)}]", "bright_black"),
            ))
            for finding in diagnosis.findings if finding.id in step.blocked_by
        ]
    return lines


def criteria(step: StepState, names: Names, ids: bool) -> list[RenderableType]:
    """Return the criteria of a step, with the ids under which ``dealready why`` knows them if they are wanted."""
    return [
        _indented(Prose.assemble(criterion_line(criterion, names), (f"  [{criterion.id}]" if ids else "", "bright_black")))
        for criterion in step.criteria
    ]


def _indented(line: Prose) -> Padding:
    return Padding(line, (0, 0, 0, 4))


def print_step(console: Console, step_id: str, diagnosis: Diagnosis, names: Names) -> bool:
    """Print one step with its blockers and criteria; return whether the deal is proven to stand in it."""
    step = next(step for step in diagnosis.steps if step.id == step_id)
    proven = diagnosis.step.proven == step_id
    for line in (*rung(step, diagnosis, names), *criteria(step, names, ids=True)):
        console.print(line)
    if not proven and step.status != "complete":
        stands, file = names.step(diagnosis.step.proven), names.deal.file
        said = say("step.not_proven", names.language, proven=stands, file=file, step=step_id)
        console.print(Prose(said, style="bright_black"))
    return proven


def _told(step: StepState, diagnosis: Diagnosis) -> str:
    """Return how a step is told: one that a signature has left behind is done with, whatever of it is on file."""
    order = [other.id for other in diagnosis.steps]
    passed = diagnosis.concluded(WON) and order.index(step.id) < order.index(diagnosis.step.proven)
    return _PASSED.get(step.status, step.status) if passed else step.status


def _standing(step: StepState, told: str, names: Names) -> Prose:
    met = sum(criterion.state == "met" for criterion in step.criteria)
    unknown = sum(criterion.state == "unknown" for criterion in step.criteria)
    line = Prose(say(f"status.{told}", names.language), style=_STATUS_SIGNS[told][1])
    if step.status != "complete":
        key = "step.count" if told == step.status else "step.count_passed"
        count = say(key, names.language, met=met, all=len(step.criteria), unknown=unknown)
        line.append(f"  {count}", style="bright_black")
    return line


def criterion_line(criterion: CriterionState, names: Names) -> Prose:
    """Return a criterion with the sign of its state."""
    sign, colour = STATE_SIGNS[criterion.state]
    return Prose.assemble((f"{sign} ", colour), names.criterion(criterion.id))
