"""What differs between two versions of a rule base, for people: record by record, and in what they tell of a portfolio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from ..facts.deal import Deal
from ..facts.texts import Language
from ..render.names import Names
from ..render.prose import Prose
from ..render.words import aside, joined, say
from ..rules.base import RuleBase
from .edits import Record
from .history import RecordChange
from .side_by_side import Impact, Move

_MOST_MOVES, _MOST_GROUPS = 5, 15


def versions(old: RuleBase, new: RuleBase) -> str:
    """Return the version and hash of two rule bases as people read them."""
    return f"{old.version} ({old.hash[:12]}) → {new.version} ({new.hash[:12]})"


def versions_document(old: RuleBase, new: RuleBase) -> dict[str, Any]:
    """Return the version and hash of two rule bases as JSON-able data."""
    return {"old": {"version": old.version, "hash": old.hash}, "new": {"version": new.version, "hash": new.hash}}


def print_changes(console: Console, found: Sequence[RecordChange], old: RuleBase, new: RuleBase, language: Language) -> None:
    """Print which records differ between two versions of a rule base."""
    console.print(Prose(versions(old, new), style="bold"))
    for record in found:
        sign, colour = {"added": ("+", "green"), "removed": ("−", "red"), "changed": ("~", "yellow")}[record.change]
        kind = say(f"records.{record.kind}", language)
        console.print(Prose.assemble((f"{sign} ", colour), (f"{kind} ", "bright_black"), record.id))
        for name, before, after in record.fields:
            if name == "off":
                console.print(Prose(f"    {say('log.off' if after == 'true' else 'log.on', language)}"))
                continue
            console.print(Prose(f"    {name}: {before}"), Prose(f"    {' ' * len(name)}→ {after}"), sep="\n")
    if not found:
        console.print(say("log.same", language))


def changes_document(found: Sequence[RecordChange], old: RuleBase, new: RuleBase) -> dict[str, Any]:
    """Return the records that differ as JSON-able data."""
    return {
        **versions_document(old, new),
        "records": [
            {"kind": record.kind, "id": record.id, "change": record.change,
             "fields": [{"name": name, "before": before, "after": after} for name, before, after in record.fields]}
            for record in found
        ],
    }


def print_impact(console: Console, found: Impact, old: RuleBase, new: RuleBase, language: Language) -> None:
    """Print what an edit of the rules changes, by the edits that are to blame."""
    console.print(Prose(versions(old, new), style="bright_black"))
    kinds = joined([say(f"impact.{kind}", language, count=count) for kind, count in found.kinds.items() if count], language)
    key = "impact.summary" if found.changed else "impact.none"
    text = say(key, language, changed=found.changed, deals=found.deals, kinds=kinds)
    console.print(Prose(text, style="bold"))
    if found.rejected:
        console.print(Prose(say("impact.rejected", language, count=found.rejected), style="yellow"))
    words = _Words(old, new, language)
    frequent = sorted(found.blamed, key=lambda blamed: -blamed.deals)
    for blamed in frequent[:_MOST_GROUPS]:
        edits = " + ".join(words.edit(name) for edit in blamed.edits for name in edit.names)
        console.print(Prose.assemble((edits, "cyan"), f"  {say('impact.deals', language, count=blamed.deals)}"))
        for move, count in blamed.moves[:_MOST_MOVES]:
            console.print(Prose.assemble("    ", words.sign(move), words.move(move), (f"  {count}", "bright_black")))
        deals = joined([deal for deal, _ in blamed.examples], language)
        console.print(Prose(f"    {say('impact.examples', language, deals=deals)}", style="bright_black"))
    if len(frequent) > _MOST_GROUPS:
        deals_left = sum(blamed.deals for blamed in frequent[_MOST_GROUPS:])
        more = say("impact.more", language, count=len(frequent) - _MOST_GROUPS, deals=deals_left)
        console.print(Prose(more, style="bright_black"))
    idle = [edit for edit in found.edits if not any(edit in blamed.edits for blamed in found.blamed)]
    if idle:
        edits = joined([words.edit(name) for edit in idle for name in edit.names], language)
        console.print(Prose(say("impact.idle", language, edits=edits)))


class _Words:
    """The words for edits and moves; what only the old rule base knows has them from there."""

    def __init__(self, old: RuleBase, new: RuleBase, language: Language) -> None:
        self.language: Language = language
        self.old, self.new = (Names(base, Deal({}, {}), language) for base in (old, new))

    def edit(self, record: Record) -> str:
        kind, name = record
        return f"{say(f'records.{kind}', self.language)} {name}"

    def sign(self, move: Move) -> tuple[str, str]:
        if not move.before and move.kind != "readiness":
            return "+ ", "green"
        return ("~ ", "yellow") if move.after else ("− ", "red")

    def move(self, move: Move) -> str:
        label = self.label(move)
        if move.kind == "readiness":
            return f"{label} {say(f'impact.{move.after}', self.language)}"
        if not move.before or not move.after:
            return label
        return f"{label}  {self.value(move.kind, move.before)} → {self.value(move.kind, move.after)}"

    def label(self, move: Move) -> str:
        match move.kind:
            case "findings":
                return (self.new if move.id in self.new.base.findings else self.old).finding(move.id, "…")
            case "actions":
                return (self.new if move.id in self.new.base.actions else self.old).action(move.id, "…")
            case "criteria":
                return self.new.criterion(move.id)
            case "status":
                return self.new.step(move.id)
            case "readiness":
                return say(f"impact.readiness_{move.id}", self.language)
            case _:
                return say("head.proven", self.language)

    def value(self, kind: str, value: str) -> str:
        match kind:
            case "findings":
                of, severity = value.split()
                return say(f"kind.{of}", self.language) + aside(say(f"severity.{severity}", self.language), self.language)
            case "actions":
                priority, days, *power = value.split()
                key = "impact.action_power" if power else "impact.action"
                return say(key, self.language, priority=priority, days=days)
            case "criteria":
                return say(f"state.{value}", self.language)
            case "status":
                return say(f"status.{value}", self.language)
            case _:
                return self.new.step(value) if value else "–"


def impact_document(found: Impact, old: RuleBase, new: RuleBase) -> dict[str, Any]:
    """Return what an edit changes as JSON-able data."""
    return {
        **versions_document(old, new),
        "deals": found.deals, "rejected": found.rejected, "changed": found.changed, "kinds": dict(found.kinds),
        "edits": [_edit_document(edit.names) for edit in found.edits],
        "blamed": [
            {"edits": [_edit_document(edit.names) for edit in blamed.edits], "deals": blamed.deals,
             "moves": [{**_move_document(move), "deals": count} for move, count in blamed.moves],
             "examples": [{"deal": deal, "moves": [_move_document(move) for move in moves]} for deal, moves in blamed.examples]}
            for blamed in found.blamed
        ],
    }


def _edit_document(names: Sequence[Record]) -> list[dict[str, str]]:
    return [{"kind": kind, "id": name} for kind, name in names]


def _move_document(move: Move) -> dict[str, str]:
    return {"kind": move.kind, "id": move.id, "about": move.about, "before": move.before, "after": move.after}
