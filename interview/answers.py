"""Understands what people type: a yes in either language, a number of the list, a few names, "three days ago"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from unicodedata import normalize

import yaml

from ..facts.deal import Deal, Item, Observation
from ..facts.problems import suggestion
from ..facts.texts import Text
from ..facts.values import FactValue, in_order, parse_member, parse_value, shifted
from ..facts.vocabulary import Collection, Fact

SEVERAL = ("set", "list", "refs")
_SEPARATORS = re.compile(r"[,，、;；]")
_FIRST_WORD = re.compile(r"[\s,，;；]")
_AGO = re.compile(r"(\d{1,4})\s*(?:days?\s+ago|天(?:之?前|以前))", re.IGNORECASE)
_AHEAD = re.compile(r"(?:in\s+(\d{1,4})\s*days?|(\d{1,4})\s*天(?:之?后|以后))", re.IGNORECASE)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_NOT = re.compile(r"(?:还|尚|暂|暂时)?(?:没有|没|未|不)(?:曾)?")
_SHORTEST = 2  # signs that must be typed of a label, if no other begins with them
_LONGEST_ID = 20


class Misunderstood(Exception):
    """What was typed is no answer to the question: the key of the text that says so, and the words that fill it."""

    def __init__(self, key: str, **words: str | Text) -> None:
        super().__init__(key)
        self.key = key
        self.words = words


@dataclass(frozen=True)
class Option:
    """One of several answers to choose from: what is stored, and every name that people give it."""

    value: str
    names: tuple[str, ...]


@cache
def _words() -> dict[str, frozenset[str]]:
    raw = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text("utf-8"))
    return {kind: frozenset(map(_bare, words["en"] + words["zh"])) for kind, words in raw.items()}


def _bare(typed: str) -> str:
    return normalize("NFKC", typed).strip().rstrip(".!。").casefold()


def means(typed: str, *kinds: str) -> bool:
    """Tell whether what was typed is a word of one of these kinds, and nothing else."""
    return any(_bare(typed) in _words()[kind] for kind in kinds)


def options_of(fact: Fact, deal: Deal) -> tuple[Option, ...]:
    """Return what can be chosen as the value of a fact: its values, or the items that it may refer to."""
    if fact.to:
        return tuple(Option(item.id, (item.id, *_texts(item))) for item in deal.items.get(fact.to, ()))
    return tuple(Option(value.id, (value.id, *value.spellings)) for value in fact.values)


def _texts(item: Item) -> Iterable[str]:
    name = item.facts.get("name")
    return () if name is None else (str(name.value),)


def value_of(fact: Fact, typed: str, deal: Deal) -> FactValue:
    """Return the value that an answer to the question of a fact means.

    Raises :class:`Misunderstood` or :class:`~..facts.values.BadValue`.
    """
    options = options_of(fact, deal)
    if fact.type in SEVERAL:
        return _several(fact, typed, options)
    if options or fact.to:
        return _chosen(fact, typed, options)
    if fact.type == "bool":
        return _yes_or_no(fact, typed)
    if fact.type == "date":
        return _day(fact, typed, deal.as_of)
    if means(typed, "yes", "no"):
        raise Misunderstood("ask.say_more")
    return parse_value(fact, typed)


def _several(fact: Fact, typed: str, options: tuple[Option, ...]) -> tuple[str, ...]:
    if means(typed, "none"):
        return ()
    if means(typed, "yes", "no"):
        raise Misunderstood("ask.which")
    if fact.type == "list":
        return in_order(fact, [parse_member(fact, part) for part in _named(typed)])
    single = _match(typed, options)
    members = [single] if single else [_chosen(fact, part, options) for part in _parts_of_choice(typed)]
    return in_order(fact, members)


def _named(typed: str) -> list[str]:
    """Return the parts of an answer that names several things; a number or a sign names none."""
    parts = _parts(typed)
    if not all(any(sign.isalpha() for sign in part) for part in parts):
        raise Misunderstood("ask.which")
    return parts


def _parts(typed: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(typed) if part.strip()]


def _parts_of_choice(typed: str) -> list[str]:
    if re.fullmatch(r"[\d\s]+", typed):
        return typed.split()
    return [inner.strip() for part in _parts(typed) for inner in re.split(r"\s+(?:and|&)\s+", part)]


def _chosen(fact: Fact, typed: str, options: tuple[Option, ...]) -> str:
    """Return the option that was named; a plain no means the one called ``none``, if there is one."""
    found = _match(typed, options)
    if found is None and means(typed, "no", "none"):
        found = next((option.value for option in options if option.value == "none"), None)
    if found is not None:
        return found
    if fact.to:
        raise Misunderstood("ask.not_on_file", found=typed)
    if means(typed, "yes", "no"):
        raise Misunderstood("ask.choose")
    hint = suggestion(typed, [name for option in options for name in option.names])
    raise Misunderstood("ask.none_of_these", found=typed, hint=hint)


def _match(typed: str, options: tuple[Option, ...]) -> str | None:
    """Return the option with this name or number, or the only one whose name begins so."""
    bare = _bare(typed)
    exact = [option.value for option in options if typed.strip() in option.names]
    exact = exact or [option.value for option in options if bare in map(_bare, option.names)]
    if exact:
        return exact[0]
    if bare.isdecimal() and 1 <= int(bare) <= len(options):
        return options[int(bare) - 1].value
    begun = {option.value for option in options if any(_bare(name).startswith(bare) for name in option.names)}
    return begun.pop() if len(begun) == 1 and len(bare) >= _SHORTEST else None


def _yes_or_no(fact: Fact, typed: str) -> bool:
    """Understand a yes or no, also with more behind it, or one that repeats the end of the question: "没交付"."""
    said = _bare(typed)
    for kind in ("no", "yes"):
        if means(said, kind) or means(_FIRST_WORD.split(said, maxsplit=1)[0], kind):
            return kind == "yes"
    denied = _NOT.match(said)
    repeated = said[denied.end() :] if denied else said
    if len(repeated) >= _SHORTEST and re.search(re.escape(repeated.rstrip("了")) + "了?吗", fact.question.zh):
        return denied is None
    return bool(parse_value(fact, typed))


def _day(fact: Fact, typed: str, as_of: date) -> date:
    said = _bare(typed)
    if found := _AGO.fullmatch(said):
        return shifted(as_of, -int(found[1]))
    if found := _AHEAD.fullmatch(said):
        return shifted(as_of, int(found[1] or found[2]))
    if (days := next((days for kind, days in _DAYS.items() if means(said, kind)), None)) is not None:
        return shifted(as_of, days)
    if means(typed, "yes", "no"):
        raise Misunderstood("ask.which_day")
    value = parse_value(fact, typed)
    assert isinstance(value, date)
    return value


def items_of(collection: Collection, typed: str, deal: Deal) -> tuple[Item, ...]:
    """Return the items that an answer lists, each with the fact that it was listed by.

    A short text or a day is an item's id as well; other items are numbered.
    """
    if means(typed, "none"):
        return ()
    if means(typed, "yes", "no"):
        raise Misunderstood("ask.which")
    fact = collection.facts[collection.listed_by]
    options = options_of(fact, deal)
    parts = _parts_of_choice(typed) if options else _named(typed) if fact.type == "text" else _parts(typed)
    values = dict.fromkeys(value_of(fact, part, deal) for part in parts)
    return tuple(
        Item(_new_id(collection, fact, str(value), number), {fact.id: Observation(value)})
        for number, value in enumerate(values, 1)
    )


def _new_id(collection: Collection, fact: Fact, value: str, number: int) -> str:
    fits = fact.type == "date" or (fact.type == "text" and len(value) <= _LONGEST_ID)
    return value if fits else f"{collection.item}-{number}"
