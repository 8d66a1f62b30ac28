"""What rules conclude and rest on: actions, findings, talk tracks, steps, sources, parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from ..facts.problems import Place
from ..facts.texts import Text
from .language import Condition

DEAL = "deal"
HIGHEST_PRIORITY = 99  # of an action
KINDS_OF_ACTION = ("remove_blocker", "advance", "learn", "maintain", "prepare")
DOERS = ("rep", "manager", "expert", "service", "coach")
KINDS_OF_FINDING = ("conflict", "risk", "gap", "caution", "strength")  # in the order in which they are told
SEVERITIES = ("high", "medium", "low")


@dataclass(frozen=True)
class Override:
    """While the action that declares it is proposed, ``action`` is withheld; ``tension`` says why."""

    action: str
    tension: str


@dataclass(frozen=True)
class Action:
    """A thing to do next. ``about`` is ``deal`` or the collection whose item it is done with.

    ``priority`` runs from 1 to :data:`HIGHEST_PRIORITY`, higher first; ``within_days`` counts from ``as_of``. One that a layer
    switched ``off`` is never given, and overrides nothing.
    """

    id: str
    about: str
    kind: str
    priority: int
    effort: str
    within_days: int
    who: str
    label: Text
    how: Text
    words: Text | None
    why: Text
    done_when: Text
    after_loss: bool = False
    withheld_when: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    off: bool = False
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Finding:
    """A risk, strength, gap, caution, or conflict inside the file; one that a layer switched ``off`` is never told."""

    id: str
    about: str
    kind: str
    severity: str
    label: Text
    meaning: Text
    blocks: tuple[str, ...] = ()
    withheld_when: tuple[str, ...] = ()
    off: bool = False
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Talk:
    """What to say to somebody who cares about ``concern``."""

    id: str
    concern: str
    label: Text
    opening: Text
    proof: Text
    question: Text
    objection: Text
    answer: Text
    commitment: Text
    off: bool = False
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Criterion:
    """One condition that a step must meet before the next one has ground to stand on."""

    id: str
    step: str
    label: Text
    why: Text
    recognise: Text
    misread: Text
    when: Condition
    basis: str
    do: str
    because: tuple[str, ...]
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Step:
    """One of the six steps; ``starts_when`` puts a deal there whatever else is open."""

    id: str
    label: Text
    aim: Text
    criteria: tuple[Criterion, ...]
    starts_when: Condition | None = None


@dataclass(frozen=True)
class Parameter:
    """A number that a coach may turn, with its unit and where it comes from."""

    id: str
    value: int | Decimal
    unit: str
    label: Text
    about: Text
    basis: str
    because: tuple[str, ...]
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Source:
    """A numbered statement that rules rest on.

    ``kind`` is ``article`` (a heuristic of the article), ``supplement`` (general practice) or
    ``reading`` (our reading where the article is silent). ``uncarried`` says why nothing carries it.
    """

    id: str
    kind: Literal["article", "supplement", "reading"]
    text: Text
    nature: str = ""
    at: str = ""
    origin: str = ""
    grade: str = ""
    fills: Text | None = None
    uncarried: Text | None = None
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Tension:
    """Two pieces of advice that pull apart, and which of them comes first."""

    id: str
    label: Text
    sides: tuple[tuple[str, ...], ...]
    first: Text
    why: Text
    basis: str
    because: tuple[str, ...]
