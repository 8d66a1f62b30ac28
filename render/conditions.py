"""Conditions in the reader's words, for people who do not write rules."""

from __future__ import annotations

from ..engine.proof import ItemsCounted
from ..engine.whynot import Part
from ..facts.vocabulary import Fact
from ..rules.language import ALWAYS, Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Span
from .names import Names
from .words import headed, joined, say, show_value


def part_words(part: Part, scope: str, names: Names) -> str:
    """Return a part of a condition with what is on file about it; one that offers a choice only says so."""
    condition, language = part.condition, names.language
    if isinstance(condition, Any) and part.parts:
        return say("whynot.any", language)
    if isinstance(condition, Absent):
        return say("whynot.absent", language, name=names.conclusion(condition.name, part.about if condition.collection else ""))
    if isinstance(condition, Holds) and condition.name.startswith("met."):
        return names.criterion(condition.name.partition(".")[2])  # whether it is met is the state of the part
    if not isinstance(condition, FactTest):
        return condition_words(condition, names, part.about)
    path = condition.path
    about = "" if path.owner == "deal" else part.about
    fact, _ = names.find_fact(path)
    value = names.known(path, scope, about)
    now = show_value(fact, value, language) if value is not None else say("why.unknown", language)
    if part.state == "unknown" and value is not None:
        now = say("whynot.stale", language, value=now)
    return say("whynot.fact", language, fact=names.fact(path, about), wanted=wanted_words(condition, names), value=now)


def condition_words(condition: Condition, names: Names, about: str = "") -> str:
    """Return a condition in a few words; ``about`` is the item that it is asked of, if there is one."""
    language = names.language
    match condition:
        case FactTest(path=path):
            return headed(names.fact(path), language) + wanted_words(condition, names)
        case Holds(name, collection):
            return names.conclusion(name, about if collection else "")
        case Absent(name, collection):
            return say("why.absent", language, name=names.conclusion(name, about if collection else ""))
        case All(parts):
            words = [condition_words(part, names, about) for part in parts]
            nested = [say("words.nested", language, part=text) if isinstance(part, Any) else text
                      for part, text in zip(parts, words, strict=True)]
            return say("list.sentences", language).join(nested)
        case Any(parts):
            return say("list.choice", language).join(condition_words(part, names, about) for part in parts)
        case Listed(of, wanted):
            key = "whynot.listed" if wanted else "why.unlisted"
            return say(key, language, of=names.read(names.base.vocabulary.collections[of].label))
        case Quantifier():
            return quantifier_words(condition, names)


def quantifier_words(quantifier: Quantifier, names: Names) -> str:
    """Return what a quantifier asks for: how many items, and of which kind."""
    language = names.language
    of = names.read(names.base.vocabulary.collections[quantifier.of].label)
    which = _which_words(quantifier, names)
    number = _span_words(quantifier.span, None, names) if quantifier.name == "count" else ""
    have = condition_words(quantifier.have, names) if quantifier.have is not None else ""
    return say(f"quantifier.{quantifier.name}", language, of=of, number=number, which=which, have=have)


def _which_words(quantifier: Quantifier, names: Names) -> str:
    """Return which items a quantifier counts, as it follows their name."""
    if quantifier.where == ALWAYS:
        return ""
    return say("words.which", names.language, where=condition_words(quantifier.where, names))


def counted_words(counted: ItemsCounted, names: Names) -> str:
    """Return the items that a rule counted, or of which kind it found none on record."""
    collection, language = names.base.vocabulary.collections[counted.quantifier.of], names.language
    of = names.read(collection.label)
    if counted.items:
        items = joined([names.item(collection.id, item) for item in counted.items], language)
        return say("why.counted", language, items=items, of=of)
    key = "quantifier.none" if counted.listed else "why.unlisted"
    return say(key, language, of=of, which=_which_words(counted.quantifier, names))


def wanted_words(test: FactTest, names: Names) -> str:
    """Return what a test wants of its fact."""
    language = names.language
    fact, _ = names.find_fact(test.path)
    if isinstance(test.operand, Span):
        if test.kind == "age":
            return _age_words(test.operand, names)
        span = _span_words(test.operand, fact if test.kind == "range" else None, names)
        if test.kind == "size":
            return say("wanted.empty" if test.operand.high == 0 else "wanted.size", language, span=span)
        return span
    if test.kind in ("known", "unknown", "stale", "inferred"):
        return say(f"wanted.{test.kind}", language)
    if test.kind == "in" and fact is not None and fact.type == "ordinal" and len(test.operand) > 1:
        return _rank_words(fact, tuple(map(str, test.operand)), names)
    shown = [show_value(fact, value, language) for value in test.operand]  # type: ignore[arg-type]
    joiner = "list.and" if test.kind == "has_all" else "list.or"
    return say(f"wanted.{test.kind}", language, values=say(joiner, language).join(shown))


def _rank_words(fact: Fact, wanted: tuple[str, ...], names: Names) -> str:
    """Return a range of an ordinal by its end, if it reaches to one."""
    order = [value.id for value in fact.values]
    shown = [fact.label_of(value).read(names.language) for value in wanted]
    if list(wanted) == order[-len(wanted):]:
        return say("wanted.at_least", names.language, low=shown[0])
    if list(wanted) == order[: len(wanted)]:
        return say("wanted.at_most", names.language, high=shown[-1])
    return say("list.or", names.language).join(shown)


def _span_words(span: Span, fact: Fact | None, names: Names) -> str:
    language = names.language
    low, high = (show_value(fact, bound, language) if bound is not None else "" for bound in (span.low, span.high))  # type: ignore[arg-type]
    if span.low is not None and span.high is not None:
        return say("wanted.between", language, low=low, high=high) if low != high else low
    if span.low is not None:
        return say("wanted.above" if span.low_open else "wanted.at_least", language, low=low)
    return say("wanted.below" if span.high_open else "wanted.at_most", language, high=high)


def _age_words(span: Span, names: Names) -> str:
    """Return a range of ages in days; those below zero lie ahead."""
    low, high = span.low, span.high
    if isinstance(low, int) and isinstance(high, int):
        key, days = ("wanted.within", high) if low == 0 else ("wanted.ahead", -low)
        return say(key, names.language, days=days)
    if isinstance(low, int) and span.low_open:
        return say("wanted.older", names.language, days=low)
    return say("wanted.past" if high is None else "wanted.future", names.language)

