"""The language of rules: conditions as trees, and what each part means.

A test holds when the value is known and satisfies it; an unknown value satisfies no test. There
is no general negation: ``none``, ``absent`` and tests such as ``is_not`` say what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from ..facts.problems import Place
from ..facts.texts import NO_TEXT, Text

Owner = Literal["deal", "item", "ref"]

TestKind = Literal[
    "in", "not_in", "range", "age", "has_any", "has_all", "lacks", "size", "known", "unknown", "stale", "inferred"
]


@dataclass(frozen=True)
class FactPath:
    """A fact as a rule names it: of the deal, of the item, or of the item that a reference of it points at.

    ``collection`` is where the fact itself lives, empty for a fact of the deal.
    """

    owner: Owner
    fact: str
    collection: str = ""
    through: str = ""

    def __str__(self) -> str:
        return f"{self.through}.{self.fact}" if self.through else self.fact


@dataclass(frozen=True)
class Span:
    """A range of numbers; a bound of None is open-ended."""

    low: object = None
    high: object = None
    low_open: bool = False
    high_open: bool = False

    def holds(self, number: object) -> bool:
        """Tell whether ``number`` lies in the range."""
        if self.low is not None and (number < self.low or (self.low_open and number == self.low)):  # type: ignore[operator]
            return False
        return not (
            self.high is not None
            and (number > self.high or (self.high_open and number == self.high))  # type: ignore[operator]
        )


@dataclass(frozen=True)
class FactTest:
    """A test of one fact.

    ``kind`` is the test that engines run, ``operand`` its canonical values (a tuple, or a
    :class:`Span`); ``written`` is the test as its author wrote it, for people to read.
    Ordinals are already turned into the values that satisfy the test, dates into ages in days.
    """

    path: FactPath
    kind: TestKind
    operand: tuple[object, ...] | Span = ()
    written: str = field(default="", compare=False)
    place: Place = field(default=Place(""), compare=False, repr=False)


@dataclass(frozen=True)
class All:
    """Holds when every part holds; with no parts it always holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    """Holds when at least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Quantifier:
    """Counts the items of a collection: ``count`` of those for which ``where`` holds lies in ``span``.

    ``some``, ``none`` and ``every`` are kept by name for the reader; ``every`` counts the items
    with ``where`` but without ``have``. ``written`` is the bound as its author wrote it.
    """

    name: Literal["some", "none", "every", "count"]
    of: str
    where: Condition
    have: Condition | None = None
    span: Span = field(default_factory=Span)
    written: str = field(default="", compare=False)
    place: Place = field(default=Place(""), compare=False, repr=False)


@dataclass(frozen=True)
class Holds:
    """Holds when some rule has concluded ``name``; ``collection`` is the scope of the conclusion."""

    name: str
    collection: str = ""
    place: Place = field(default=Place(""), compare=False, repr=False)


@dataclass(frozen=True)
class Absent:
    """Holds when no rule has concluded ``name``."""

    name: str
    collection: str = ""
    place: Place = field(default=Place(""), compare=False, repr=False)


@dataclass(frozen=True)
class Listed:
    """Holds when the collection is given in the deal file (``wanted``), or left out (not ``wanted``)."""

    of: str
    wanted: bool = True


Condition = FactTest | All | Any | Quantifier | Holds | Absent | Listed
ALWAYS = All(())
NEVER = Any(())


@dataclass(frozen=True)
class Rule:
    """When the condition holds, each name in ``concludes`` is true of the deal, or of the item.

    ``scope`` is the collection that the rule is asked for, item by item; empty for the deal.
    ``origin`` tells who wrote it: an author, or which part of the rule base it was made from.
    """

    id: str
    scope: str
    when: Condition
    concludes: tuple[str, ...]
    because: tuple[str, ...] = ()
    label: Text = NO_TEXT
    origin: Literal["rule", "criterion", "step", "catalogue"] = "rule"
    place: Place = field(default=Place(""), compare=False)


def walk(condition: Condition) -> Iterator[Condition]:
    """Yield the condition and every part of it, outermost first."""
    return (part for _, part in placed(condition, ""))


def placed(condition: Condition, scope: str) -> Iterator[tuple[str, Condition]]:
    """Yield every part of a condition about rows of a scope, outermost first, with the scope whose rows the part is about."""
    yield scope, condition
    match condition:
        case All(parts) | Any(parts):
            for part in parts:
                yield from placed(part, scope)
        case Quantifier(of=of, where=where, have=have):
            yield from placed(where, of)
            if have is not None:
                yield from placed(have, of)


def place_of(condition: Condition, otherwise: Place) -> Place:
    """Return where a condition is written; one made of others, where the first of them is."""
    places = (part.place for part in walk(condition) if isinstance(part, FactTest | Quantifier | Holds | Absent))
    return next((place for place in places if place.line), otherwise)


def reads(condition: Condition) -> set[tuple[str, str]]:
    """Return the conclusions that a condition reads, as (name, collection)."""
    return {(part.name, part.collection) for part in walk(condition) if isinstance(part, Holds | Absent)}


def all_of(*parts: Condition) -> Condition:
    """Return the conjunction, without needless nesting."""
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, All) else (part,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(*parts: Condition) -> Condition:
    """Return the disjunction, without needless nesting."""
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Any) else (part,))
    return flat[0] if len(flat) == 1 else Any(tuple(flat))


def certain(condition: Condition) -> Condition:
    """Return the condition under which ``condition`` holds whatever the unknown facts turn out to be.

    Unknown is Kleene's third value here: a test of an unknown fact may go either way, and so may
    a statement about a collection that is not listed. Conclusions are taken as they stand.
    """
    match condition:
        case FactTest() | Holds() | Absent() | Listed():
            return condition
        case All(parts):
            return all_of(*(certain(part) for part in parts))
        case Any(parts):
            return any_of(*(certain(part) for part in parts))
        case Quantifier():
            return _bounded(condition, certain, possible, _never_more)


def possible(condition: Condition) -> Condition:
    """Return the condition under which ``condition`` holds, or would hold for some values of the unknown facts."""
    match condition:
        case FactTest(kind="known"):
            return ALWAYS
        case FactTest(path=path, kind=kind) if kind not in ("unknown", "stale", "inferred"):
            return any_of(condition, FactTest(path, "unknown", written="unknown: true"))
        case FactTest() | Holds() | Absent() | Listed():
            return condition
        case All(parts):
            return all_of(*(possible(part) for part in parts))
        case Any(parts):
            return any_of(*(possible(part) for part in parts))
        case Quantifier():
            return any_of(Listed(condition.of, wanted=False), _bounded(condition, possible, certain, lambda part, _: part))


Transform = Callable[[Condition], Condition]


def _bounded(
    quantifier: Quantifier, same: Transform, opposite: Transform, seal: Callable[[Condition, Quantifier], Condition]
) -> Condition:
    """Apply ``same`` where more items help the quantifier and ``opposite`` where they harm it."""
    parts: list[Condition] = []
    if quantifier.name == "every":
        assert quantifier.have is not None
        parts.append(seal(replace(quantifier, where=opposite(quantifier.where), have=same(quantifier.have)), quantifier))
    elif quantifier.name == "none":
        parts.append(seal(replace(quantifier, where=opposite(quantifier.where)), quantifier))
    elif quantifier.name == "some":
        parts.append(replace(quantifier, where=same(quantifier.where)))
    else:
        span = quantifier.span
        if span.low is not None:
            at_least = Span(low=span.low, low_open=span.low_open)
            parts.append(replace(quantifier, where=same(quantifier.where), span=at_least))
        if span.high is not None:
            at_most = Span(high=span.high, high_open=span.high_open)
            parts.append(seal(replace(quantifier, where=opposite(quantifier.where), span=at_most), quantifier))
    return all_of(*parts)


def _never_more(part: Condition, quantifier: Quantifier) -> Condition:
    """A bound from above is certain only if the whole collection is listed."""
    return all_of(Listed(quantifier.of), part)
