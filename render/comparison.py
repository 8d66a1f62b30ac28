"""What differs between two diagnoses, for people and as data."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from ..engine.compare import Change, Comparison, FactChange, Moved
from .document import Data, plain, question_text, rule_base_document
from .names import Names
from .prose import Prose
from .words import headed, rules_line, say, show_value

_MOST_QUESTIONS = 8
_GAINED, _LOST = ("+", "green"), ("−", "red")


def print_comparison(console: Console, found: Comparison, before: Names, after: Names) -> None:
    """Print what differs; labels of what is gone come from the deal as it was."""
    language = after.language
    _print(console, found, before, after)
    console.print(Prose(rules_line(after.base, language), style="bright_black"))


def _print(console: Console, found: Comparison, before: Names, after: Names) -> None:
    language = after.language
    if found.facts:
        console.print(Prose(say("compare.facts", language), style="bold"))
        for fact in found.facts:
            console.print(Prose("  " + fact_change_words(fact, before if fact.after is None else after)))
    if found.is_empty:
        console.print(Prose(say("compare.same", language), style="bold"))
        return
    console.print(Prose(say("compare.diagnosis", language), style="bold"))
    _pair(console, say("head.proven", language), after.step(found.step.before), after.step(found.step.after))
    low, high = found.readiness
    _pair(console, say("head.readiness", language), f"{low.low}–{low.high}%", f"{high.low}–{high.high}%")
    for moved in found.statuses:
        words = [say(f"status.{state}", language) for state in (moved.before, moved.after)]
        _pair(console, after.step(moved.id), *words)
    for moved in found.criteria:
        words = [say(f"state.{state}", language) for state in (moved.before, moved.after)]
        _pair(console, f"  {after.criterion(moved.id)}", *words)
    for heading, changes in (
        ("compare.findings", found.findings), ("compare.actions", found.actions), ("title.withheld", found.withheld),
    ):
        _changes(console, say(heading, language), changes, before, after)
    _signals(console, found, before, after)
    _questions(console, found.questions, before, after)
    written = [change for change in found.rules if change.id in after.base.rules]
    if written:
        console.print(Prose(say("compare.rules", language), style="bold"))
        for change in written:
            _change(console, change, f"{change.id}@{change.about}" if change.about else change.id, ())


def _pair(console: Console, name: str, before: str, after: str) -> None:
    if before == after:
        console.print(Prose.assemble((f"  {name}  ", ""), (before, "bright_black")))
    else:
        console.print(Prose.assemble((f"  {name}  ", ""), (before, "bright_black"), " → ", (after, "bold")))


def _changes(console: Console, heading: str, changes: Sequence[Change], before: Names, after: Names) -> None:
    if not changes:
        return
    console.print(Prose(heading, style="bold"))
    for change in changes:
        names = after if change.gained else before
        catalogue = names.base.findings
        label = names.finding(change.id, change.about) if change.id in catalogue else names.action(change.id, change.about)
        _change(console, change, label, change.rules)


def _signals(console: Console, found: Comparison, before: Names, after: Names) -> None:
    language = after.language
    if not found.signals and found.push.before == found.push.after:
        return
    console.print(Prose(say("title.signals", language), style="bold"))
    for moved in found.signals:
        names = before if moved.after == "none" else after
        words = [say(f"compare.signal.{state}", language) for state in (moved.before, moved.after)]
        _pair(console, names.item("signals", moved.id), *words)
    if found.push.before != found.push.after:
        _pair(console, say("compare.push", language), say(found.push.before, language), say(found.push.after, language))


def _questions(console: Console, changes: Sequence[Change], before: Names, after: Names) -> None:
    if not changes:
        return
    console.print(Prose(say("title.questions", after.language), style="bold"))
    for change in changes[:_MOST_QUESTIONS]:
        _change(console, change, question_text(change.id, change.about, after if change.gained else before), ())
    if len(changes) > _MOST_QUESTIONS:
        more = say("compare.more", after.language, count=len(changes) - _MOST_QUESTIONS)
        console.print(Prose(f"  {more}", style="bright_black"))


def _change(console: Console, change: Change, label: str, rules: Sequence[str]) -> None:
    sign, colour = _GAINED if change.gained else _LOST
    console.print(Prose.assemble((f"  {sign} ", colour), label, (f"  [{', '.join(rules)}]" if rules else "", "bright_black")))


def fact_change_words(change: FactChange, names: Names) -> str:
    """Return a change of a fact, or that an item came or went; ``names`` are those of the deal in which it is known."""
    language = names.language
    collection = names.base.vocabulary.collections.get(change.collection)
    if not change.fact and collection is not None:
        way = "came" if change.before is None else "went"
        of = names.read(collection.label)
        if not change.about:
            return say(f"compare.list_{way}", language, of=of)
        return say(f"compare.{way}", language, what=names.item(change.collection, change.about), of=of)
    name = f"{change.collection}.{change.fact}" if change.collection else change.fact
    fact, _ = names.find_fact(name)
    label = names.fact(name, change.about)
    was, now = (show_value(fact, value, language) for value in (change.before, change.after))
    return f"{headed(label, language)}{was} → {now}"


def comparison_document(found: Comparison, before: Names, after: Names) -> Data:
    """Return what differs as JSON-able data."""
    return {
        "rule_base": rule_base_document(after.base),
        "facts": [
            {"fact": ".".join(part for part in (change.collection, change.fact) if part), "about": change.about,
             "before": plain(change.before), "after": plain(change.after)}
            for change in found.facts
        ],
        "step": _moved(found.step), "claimed": _moved(found.claimed),
        "readiness": {
            when: {"low": interval.low, "high": interval.high}
            for when, interval in zip(("before", "after"), found.readiness, strict=True)
        },
        "statuses": [_moved(moved) for moved in found.statuses],
        "criteria": [_moved(moved) for moved in found.criteria],
        "findings": [_change_document(change, before, after) for change in found.findings],
        "actions": [_change_document(change, before, after) for change in found.actions],
        "withheld": [_change_document(change, before, after) for change in found.withheld],
        "questions": [{"fact": change.id, "about": change.about, "change": _word(change)} for change in found.questions],
        "signals": [_moved(moved) for moved in found.signals],
        "push": _moved(found.push),
        "rules": [{"id": change.id, "about": change.about, "change": _word(change)} for change in found.rules],
    }


def _moved(moved: Moved) -> Data:
    return {"id": moved.id, "before": moved.before, "after": moved.after}


def _word(change: Change) -> str:
    return "gained" if change.gained else "lost"


def _change_document(change: Change, before: Names, after: Names) -> Data:
    names = after if change.gained else before
    label = (names.finding if change.id in names.base.findings else names.action)(change.id, change.about)
    return {"id": change.id, "about": change.about, "label": label, "change": _word(change), "rules": list(change.rules)}


