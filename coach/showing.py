"""Coverage and mutation for people: on the terminal, and as one page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from rich.console import Console
from rich.table import Table

from ..facts.texts import Language
from ..render.prose import Prose
from ..render.words import joined, say
from ..rules.base import RuleBase
from ..rules.spelling import spell_in_line
from .coverage import Coverage, RuleCoverage
from .mutation import Judged

_MOST = 40


def print_coverage(console: Console, found: Coverage, base: RuleBase, language: Language, everything: bool = False) -> None:
    """Print which rules fired and decided, those that are worth a look first."""
    rules = sorted(found.rules.values(), key=lambda rule: (bool(rule.fired), bool(rule.decided), rule.id))
    table = Table(box=None, padding=(0, 1))
    for number, heading in enumerate(("rule", "asked", "fired", "decided")):
        table.add_column(say(f"coverage.{heading}", language), justify="right" if number else "left", no_wrap=bool(number))
    shown = rules if everything else [rule for rule in rules if not rule.fired or not rule.decided][:_MOST]
    for rule in shown:
        colour = "red" if not rule.fired else "yellow" if not rule.decided else ""
        table.add_row(Prose(rule.id, style=colour), str(rule.asked), str(rule.fired), str(rule.decided))
        if everything:
            for part, (held, failed, decided) in rule.parts.items():
                text = say("coverage.part", language, part=part.partition(" ")[2], held=held, failed=failed, decided=decided)
                table.add_row(Prose(f"  {text}", style="bright_black"))
    if shown:
        console.print(table)
    console.print(Prose(_summary(found, language), style="bold"))


def _summary(found: Coverage, language: Language) -> str:
    values = sum(count > 0 for count in found.values.values())
    return say("coverage.summary", language, deals=found.deals, rules=len(found.rules), never=len(found.never_fired),
               always=len(found.always_fired), idle=len(found.never_decided), values=values, tested=len(found.values))


def coverage_document(found: Coverage) -> dict[str, Any]:
    """Return coverage as JSON-able data."""
    return {
        "deals": found.deals,
        "rules": [
            {"id": rule.id, "asked": rule.asked, "fired": rule.fired, "decided": rule.decided, "parts": _parts(rule)}
            for rule in found.rules.values()
        ],
        "never_fired": found.never_fired, "always_fired": found.always_fired, "never_decided": found.never_decided,
        "values": found.values,
    }


def _parts(rule: RuleCoverage) -> list[dict[str, Any]]:
    return [
        {"condition": part.partition(" ")[2], "held": held, "failed": failed, "decided": decided}
        for part, (held, failed, decided) in rule.parts.items()
    ]


def coverage_page(found: Coverage, base: RuleBase, language: Language) -> str:
    """Return coverage as a page that needs nothing but itself."""
    rows = []
    for rule in sorted(found.rules.values(), key=lambda rule: (bool(rule.fired), bool(rule.decided), rule.id)):
        kind = "never" if not rule.fired else "idle" if not rule.decided else "good"
        label = escape(base.rules[rule.id].label.read(language))
        parts = "".join(
            f"<tr class='part'><td>{escape(part.partition(' ')[2])}</td><td>{held + failed}</td><td>{held}</td>"
            f"<td>{decided}</td></tr>"
            for part, (held, failed, decided) in rule.parts.items()
        )
        rows.append(
            f"<tbody class='{kind}'><tr><td><b>{escape(rule.id)}</b><br><small>{label}</small></td><td>{rule.asked}</td>"
            f"<td>{rule.fired}</td><td>{rule.decided}</td></tr>{parts}</tbody>"
        )
    heads = "".join(f"<th>{escape(say(f'coverage.{name}', language))}</th>" for name in ("rule", "asked", "fired", "decided"))
    unseen = [value for value, count in found.values.items() if not count]
    values = escape(joined(unseen, language)) or "–"
    return (
        f"<!doctype html><html lang='{language}'><meta charset='utf-8'><title>{escape(say('coverage.title', language))}</title>"
        "<style>body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
        "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #eee}"
        "td:first-child,th:first-child{text-align:left}.never td:first-child b{color:#b00020}"
        ".idle td:first-child b{color:#a66300}"
        ".good td:first-child b{color:#1b6e2e}.part td{color:#666;font-size:.85em}.part td:first-child{padding-left:2rem}"
        "</style>"
        f"<h1>{escape(say('coverage.title', language))}</h1><p>{escape(_summary(found, language))}</p>"
        f"<table><thead><tr>{heads}</tr></thead>{''.join(rows)}</table>"
        f"<h2>{escape(say('coverage.unseen', language))}</h2><p>{values}</p></html>\n"
    )


def print_mutants(console: Console, judged: Sequence[Judged], language: Language, everything: bool = False) -> None:
    """Print the mutants that no case notices, and how many there are."""
    survivors = [entry for entry in judged if not entry.noticed_by]
    for entry in survivors if everything else survivors[:_MOST]:
        part = spell_in_line(entry.mutant.part)
        key = "mutants.reached" if entry.reached else "mutants.unreached"
        console.print(Prose.assemble((entry.mutant.of, "cyan"), "  ", say(f"mutants.{entry.mutant.kind}", language, part=part),
                                     (f"  {say(key, language)}", "bright_black")))
    noticed = len(judged) - len(survivors)
    share = 100 * noticed / len(judged) if judged else 100.0
    text = say("mutants.summary", language, noticed=noticed, all=len(judged), share=f"{share:.1f}")
    console.print(Prose(text, style="bold"))


def mutants_document(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the mutants as JSON-able data."""
    return {
        "all": len(judged), "noticed": sum(bool(entry.noticed_by) for entry in judged),
        "mutants": [
            {"of": entry.mutant.of, "kind": entry.mutant.kind, "part": spell_in_line(entry.mutant.part),
             "noticed_by": entry.noticed_by, "reached": entry.reached}
            for entry in judged
        ],
    }
