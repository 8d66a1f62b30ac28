"""What a batch run tells a person: how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..facts.texts import Language
from ..facts.vocabulary import Fact
from ..render.browse import table
from ..render.prose import Prose
from ..render.words import headed, joined, say, show_money
from ..rules.base import RuleBase
from .report import Counted, Report
from .summary import Group, Share, Summary

Advance = Callable[[str, int, int], None]


@contextmanager
def progress(console: Console, language: Language, quiet: bool) -> Iterator[Advance]:
    """Show a bar while a run goes on, if somebody watches."""
    if quiet or not console.is_terminal:
        yield lambda _stage, _done, _all: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1)

        def advance(stage: str, done: int, total: int) -> None:
            bar.update(task, description=say(f"score.stage.{stage}", language), completed=done, total=total)

        yield advance


def print_report(console: Console, report: Report, target: str, language: Language) -> None:
    """Print what came of a run."""
    console.print(Prose(say("score.summary", language, deals=report.deals, scored=report.scored, rejected=report.rejected,
                            seconds=f"{report.seconds:.1f}")))
    moved = [Counted(say(f"change.{name}", language), "", count) for name, count in report.changes.items()]
    for title, counted in (("score.steps", report.steps), ("score.changes", moved), ("score.risks", report.findings),
                           ("score.actions", report.actions)):
        if counted:
            console.print(Prose(f"\n{say(title, language)}", style="bold"))
            console.print(table(("", "", ""), [(entry.id, entry.label, str(entry.deals)) for entry in counted]))
    if report.errors:
        console.print()
        print_errors(console, report, language)
    for note in report.notes:
        console.print(Prose(note, style="bright_black"))
    console.print(Prose("\n" + say("score.written", language, target=target)))


def print_errors(console: Console, report: Report, language: Language) -> None:
    """Print the first errors of a run, if there are any."""
    if report.errors:
        console.print(Prose(say("score.errors", language), style="bold"))
    for error in report.errors:
        console.print(Prose(str(error), style="yellow"))


def print_summary(console: Console, summary: Summary, base: RuleBase, language: Language, most: int) -> None:
    """Print a roll-up, of each kind at most so many groups."""
    steps = {step.id: step.label.read(language) for step in base.steps}
    outcome, currency = base.vocabulary.facts["deal.outcome"], base.vocabulary.facts["deal.currency"]
    console.print(Prose(say("summary.head", language, deals=summary.deals, scored=summary.scored)))
    if summary.changes:
        moves = joined(_moves(summary.changes, language), language)
        console.print(Prose(headed(say("score.changes", language), language) + moves))
    console.print(Prose(f"\n{say('summary.by.outcome', language)}", style="bold"))
    console.print(table(
        [say(f"summary.{name}", language) for name in ("name", "deals", "amount")],
        [(outcome.label_of(name).read(language), str(share.deals), _amounts(share, currency, language))
         for name, share in summary.outcomes.items()],
    ))
    for kind, groups in summary.by.items():
        console.print(Prose(f"\n{say(f'summary.by.{kind}', language)}", style="bold"))
        heads = [say(f"summary.{name}", language) for name in ("name", "deals", "amount", "readiness", "at_risk", "ahead")]
        shown = [(steps.get(group.name, group.name) if kind == "step" else group.name, group) for group in groups[:most]]
        rows = [
            (name, str(group.deals), _amounts(group, currency, language),
             f"{group.readiness_low:.0f}–{group.readiness_high:.0f}%", str(group.at_risk), str(group.ahead))
            for name, group in shown
        ]
        console.print(table(heads, rows, whole=range(1, len(heads))))
        if summary.changes:  # beside the figures there is no room for them
            moved = [(name, joined(_moves(group.changes, language), language)) for name, group in shown]
            console.print(table((say("summary.changes", language), ""), moved, whole=()))
        if len(groups) > most:
            console.print(Prose(say("summary.more", language, count=len(groups) - most), style="bright_black"))


def _amounts(of: Group | Share, currency: Fact, language: Language) -> str:
    return "\n".join(show_money(f"{amount:,.0f}", currency, code.strip("-"), language) for code, amount in of.amounts.items())


def _moves(changes: Mapping[str, int], language: Language) -> list[str]:
    return [f"{say(f'change.{change}', language)} {count}" for change, count in changes.items()]


def report_document(report: Report, target: str) -> dict[str, Any]:
    """Return a report as plain data, with the place of what was written."""
    return {"output": target, **asdict(report)}


def summary_document(summary: Summary) -> dict[str, Any]:
    """Return a roll-up as plain data."""
    return asdict(summary)
