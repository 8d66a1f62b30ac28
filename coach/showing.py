"""Coverage and mutation for people: on the terminal, and as one page of HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_MOST_OF_SECTION = 15
_HEADINGS = ("rule", "asked", "fired", "decided")
_COLOURS = {"never": "red", "idle": "yellow", "always": "cyan", "good": ""}


def print_coverage(console: Console, found: Coverage, base: RuleBase, language: Language, everything: bool = False) -> None:
    """Print which rules fired and decided: those that are worth a look under a heading of their own, or all of them."""
    if everything:
        console.print(_table(found, language))
    else:
        for heading, rules in _sections(found):
            _print_section(console, say(f"coverage.{heading}", language, count=len(rules)), rules, language)
        unseen = _unseen(found)
        _print_section(console, say("coverage.unseen", language, count=len(unseen)), unseen, language)
    console.print(Prose(_summary(found, language), style="bold"))
    print_version(console, base, language)


def _sections(found: Coverage) -> Iterator[tuple[str, list[str]]]:
    yield "never", found.never_fired
    yield "idle", found.never_decided
    yield "always", found.always_fired


def _print_section(console: Console, heading: str, entries: Sequence[str], language: Language) -> None:
    if entries:
        console.print(Prose(heading, style="bold"))
        for entry in entries[:_MOST_OF_SECTION]:
            console.print(Prose(f"  {entry}"))
        if len(entries) > _MOST_OF_SECTION:
            more = say("coverage.more", language, count=len(entries) - _MOST_OF_SECTION)
            console.print(Prose(f"  {more}", style="bright_black"))


def _table(found: Coverage, language: Language) -> Table:
    table = Table(box=None, padding=(0, 1))
    for number, heading in enumerate(_HEADINGS):
        table.add_column(say(f"coverage.{heading}", language), justify="right" if number else "left", no_wrap=bool(number))
    for rule in _by_interest(found):
        cells = (str(rule.asked), str(rule.fired), str(rule.decided))
        table.add_row(Prose(rule.id, style=_COLOURS[_kind(rule)]), *cells)
        for part in rule.parts.values():
            text = say("coverage.part", language, part=part.text, held=part.held, failed=part.asked - part.held,
                       decided=part.decided)
            table.add_row(Prose(f"  {text}", style="bright_black"))
    return table


def _kind(rule: RuleCoverage) -> str:
    if not rule.fired:
        return "never"
    if not rule.decided:
        return "idle"
    return "always" if rule.fired == rule.asked else "good"


def _by_interest(found: Coverage) -> list[RuleCoverage]:
    return sorted(found.rules.values(), key=lambda rule: (list(_COLOURS).index(_kind(rule)), rule.id))


def _unseen(found: Coverage) -> list[str]:
    return [value for value, count in found.values.items() if not count]


def _summary(found: Coverage, language: Language) -> str:
    values = sum(count > 0 for count in found.values.values())
    text = say("coverage.summary", language, deals=found.deals, rules=len(found.rules), never=len(found.never_fired),
               always=len(found.always_fired), idle=len(found.never_decided), values=values, tested=len(found.values))
    sampled = say("coverage.sampled", language, sampled=found.sampled) if found.sampled < found.deals else ""
    return f"{text}{sampled}"


def print_version(console: Console, base: RuleBase, language: Language) -> None:
    """Print which version of the rules something is told of."""
    console.print(Prose(say("foot.rules", language, version=base.version, hash=base.hash[:12]), style="bright_black"))


def coverage_document(found: Coverage, base: RuleBase) -> dict[str, Any]:
    """Return coverage as JSON-able data."""
    return {
        **version_document(base),
        "deals": found.deals, "sampled": found.sampled,
        "rules": [
            {"id": rule.id, "kind": rule.kind, "asked": rule.asked, "fired": rule.fired, "decided": rule.decided,
             "parts": [
                 {"path": list(path), "condition": part.text, "held": part.held, "failed": part.asked - part.held,
                  "decided": part.decided}
                 for path, part in rule.parts.items()
             ]}
            for rule in found.rules.values()
        ],
        "never_fired": found.never_fired, "always_fired": found.always_fired, "never_decided": found.never_decided,
        "values": found.values,
    }


def version_document(base: RuleBase) -> dict[str, str]:
    """Return which version of the rules something is told of, as JSON-able data."""
    return {"rule_base_version": base.version, "rule_base_hash": base.hash}


_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #eee}"
    "td:first-child,th:first-child{text-align:left;overflow-wrap:anywhere}.never b{color:#b00020}.idle b{color:#8a5300}"
    ".always b{color:#00607a}"
    ".good b{color:#1b6e2e}.part td{color:#555;font-size:.85em}.part td:first-child{padding-left:2rem}"
    "ul{padding-left:1.2rem}footer{color:#555;margin-top:2rem}@media(max-width:40rem){td,th{padding:.2rem .3rem}}"
)


def coverage_page(found: Coverage, base: RuleBase, language: Language) -> str:
    """Return coverage as a page that needs nothing but itself."""
    labels = {rule.id: rule.label for rule in base.rules.values()}
    labels |= {criterion.id: criterion.label for step in base.steps for criterion in step.criteria}
    rows = []
    for rule in _by_interest(found):
        parts = "".join(
            f"<tr class='part'><td>{escape(part.text)}</td><td>{part.asked}</td><td>{part.held}</td>"
            f"<td>{part.decided}</td></tr>"
            for part in rule.parts.values()
        )
        rows.append(
            f"<tbody class='{_kind(rule)}'><tr><td><b>{escape(rule.id)}</b><br>"
            f"<small>{escape(labels[rule.id].read(language))}</small></td>"
            f"<td>{rule.asked}</td><td>{rule.fired}</td><td>{rule.decided}</td></tr>{parts}</tbody>"
        )
    counts = {heading: len(rules) for heading, rules in _sections(found)}
    counts["good"] = sum(_kind(rule) == "good" for rule in found.rules.values())
    legend = "".join(
        f"<li class='{kind}'><b>{escape(say(f'coverage.{kind}', language, count=counts[kind]))}</b></li>" for kind in _COLOURS)
    heads = "".join(f"<th scope='col'>{escape(say(f'coverage.{name}', language))}</th>" for name in _HEADINGS)
    title, unseen = escape(say("coverage.title", language)), _unseen(found)
    heading = escape(say("coverage.unseen", language, count=len(unseen)))
    version = escape(say("foot.rules", language, version=base.version, hash=base.hash[:12]))
    return (
        f"<!doctype html><html lang='{language}'><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title}</h1><p>{escape(_summary(found, language))}</p><ul>{legend}</ul>"
        f"<p><small>{escape(say('coverage.reading', language))}</small></p>"
        f"<table><thead><tr>{heads}</tr></thead>{''.join(rows)}</table>"
        f"<h2>{heading}</h2><p>{escape(joined(unseen, language)) or '–'}</p>"
        f"<footer>{version}</footer></html>\n"
    )


def print_mutants(
    console: Console, judged: Sequence[Judged], base: RuleBase, language: Language, everything: bool = False
) -> None:
    """Print the mutants that no case notices, and how many there are."""
    survivors = [entry for entry in judged if not entry.noticed_by]
    for entry in survivors if everything else survivors[:_MOST]:
        part = spell_in_line(entry.mutant.part)
        key = "mutants.reached" if entry.reached else "mutants.unreached"
        console.print(Prose.assemble((entry.mutant.of, "cyan"), "  ", say(f"mutants.{entry.mutant.kind}", language, part=part),
                                     (f"  {say(key, language)}", "bright_black")))
    if len(survivors) > _MOST and not everything:
        console.print(Prose(say("coverage.more", language, count=len(survivors) - _MOST), style="bright_black"))
    noticed = len(judged) - len(survivors)
    share = 100 * noticed / len(judged)
    text = say("mutants.summary", language, noticed=noticed, all=len(judged), share=f"{share:.1f}")
    console.print(Prose(text, style="bold"))
    print_version(console, base, language)


def mutants_document(judged: Sequence[Judged], base: RuleBase) -> dict[str, Any]:
    """Return the mutants as JSON-able data."""
    return {
        **version_document(base),
        "all": len(judged), "noticed": sum(bool(entry.noticed_by) for entry in judged),
        "mutants": [
            {"of": entry.mutant.of, "kind": entry.mutant.kind, "part": spell_in_line(entry.mutant.part),
             "noticed_by": entry.noticed_by, "reached": entry.reached}
            for entry in judged
        ],
    }
