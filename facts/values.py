"""Turns what is written in a deal file into canonical values, by the type of the fact."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from .nodes import Scalar
from .problems import listing, short, suggestion
from .texts import Text
from .vocabulary import Fact

FactValue = bool | int | str | Decimal | date | tuple[str, ...]

# What spreadsheets show, and write into other files, where a formula has failed.
SHEET_ERRORS = frozenset({"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"})
SAID_UNKNOWN = frozenset({"unknown", "Unknown", "UNKNOWN", "未知", "不知道", "?", "？"})
UNKNOWN_WORDS = SAID_UNKNOWN | {"", "~", "null", "Null", "NULL"}
YES = frozenset({"true", "yes", "y", "on", "1", "是", "是的", "对", "有", "已", "√"})
NO = frozenset({"false", "no", "n", "off", "0", "否", "不是", "不对", "无", "没有", "未", "×"})
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})日)")
_NUMBER = re.compile(r"([+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)\s*(万|亿)?\s*元?")
_FACTORS = {None: 1, "万": 10_000, "亿": 100_000_000}
_PERCENT_OF = (1, 100)  # the largest value of a share, or of a percentage
LARGEST_NUMBER = Decimal(10) ** 14
LONGEST_NUMBER = 28
MOST_DECIMALS = 4
LONGEST_TEXT = 10_000


class BadValue(Exception):
    """A value that its fact does not allow: the code of the message and the words that fill it."""

    def __init__(self, code: str, **words: str | Text) -> None:
        super().__init__(code)
        self.code = code
        self.words = words


def is_unknown(scalar: Scalar) -> bool:
    """Tell whether the writer says that the fact is not known; in JSON it takes quotes to say so in a word."""
    return scalar.text in (SAID_UNKNOWN if scalar.quoted else UNKNOWN_WORDS)


def parse_value(fact: Fact, text: str) -> FactValue:
    """Return the canonical value of one scalar for a fact that is no set or list.

    Values of enums and ordinals may be written as id or as label in either language, in capitals or not.
    Raises :class:`BadValue`.
    """
    if fact.type in ("text", "ref"):
        return _text(fact, text.strip())
    return _PARSERS[fact.type](fact, unicodedata.normalize("NFKC", text).strip())


def parse_member(fact: Fact, text: str) -> str:
    """Return one member of a set, list or refs fact. Raises :class:`BadValue`."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return _choice(fact, plain) if fact.type == "set" else _text(fact, text.strip())


def in_order(fact: Fact, members: list[str]) -> tuple[str, ...]:
    """Return the members of a set in the order of the vocabulary; lists and refs keep their own."""
    if fact.type != "set":
        return tuple(dict.fromkeys(members))
    return tuple(sorted(set(members), key=lambda member: fact.order[member]))


def _choice(fact: Fact, text: str) -> str:
    value = fact.meant(text)
    if value is None:
        ids = listing([choice.id for choice in fact.values])
        labelled = listing([f"{choice.id} {choice.label.zh}" for choice in fact.values], comma="、")
        raise BadValue("not-a-value", found=short(text), label=fact.label, hint=suggestion(text, fact.spellings),
                       choices=Text(ids, labelled))
    return value


def _bool(fact: Fact, text: str) -> bool:
    word = text.lower()
    if word in YES or word in NO:
        return word in YES
    raise BadValue("not-yes-or-no", found=short(text))


def shifted(day: date, days: int) -> date:
    """Return the day that lies some days later, or earlier; beyond all days, the last or the first that there is."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def takes_percent(fact: Fact) -> bool:
    """Tell whether a value may be written in percent: that of a share up to 1, or of a percentage up to 100."""
    return fact.type == "decimal" and fact.maximum in _PERCENT_OF


def _number(fact: Fact, text: str) -> Decimal:
    plain, unit = text.lstrip("¥$€£ "), Decimal(1)
    if plain.endswith("%") and fact.maximum is not None and takes_percent(fact):
        plain, unit = plain[:-1].rstrip(), fact.maximum / 100
    match = _NUMBER.fullmatch(plain)
    if match is None:
        raise BadValue("not-a-number" if fact.type == "money" else "not-a-plain-number", found=short(text))
    digits = match.group(1)
    number = Decimal(digits.replace(",", "")[:LONGEST_NUMBER]) * _FACTORS[match.group(2)] * unit
    decimals = -int(number.normalize().as_tuple().exponent)
    if len(digits) > LONGEST_NUMBER or abs(number) >= LARGEST_NUMBER or decimals > MOST_DECIMALS:
        raise BadValue("number-too-long", found=short(text), decimals=str(MOST_DECIMALS))
    if fact.minimum is not None and number < fact.minimum:
        raise BadValue("below-minimum", found=text, limit=f"{fact.minimum:f}")
    if fact.maximum is not None and number > fact.maximum:
        if fact.maximum == unit == 1 and number <= 100:
            raise BadValue("above-whole", found=text, share=f"{number.normalize() / 100:f}")
        raise BadValue("above-maximum", found=text, limit=f"{fact.maximum:f}")
    return Decimal(f"{number.normalize():f}")


def _int(fact: Fact, text: str) -> int:
    number = _number(fact, text)
    if number != number.to_integral_value():
        raise BadValue("not-a-whole-number", found=text)
    return int(number)


def _date(fact: Fact, text: str) -> date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise BadValue("not-a-date", found=short(text))
    year, *rest = (int(part) for part in match.groups() if part is not None)
    try:
        return date(year, *rest)
    except ValueError:
        raise BadValue("no-such-day", found=text) from None


def _text(fact: Fact, text: str) -> str:
    if not text:
        raise BadValue("empty-value")
    if text in SHEET_ERRORS:
        raise BadValue("sheet-error", found=text)
    if len(text) > LONGEST_TEXT:
        raise BadValue("text-too-long", limit=str(LONGEST_TEXT), length=str(len(text)))
    return text


_PARSERS: dict[str, Callable[[Fact, str], FactValue]] = {
    "bool": _bool, "enum": _choice, "ordinal": _choice, "int": _int, "decimal": _number, "money": _number,
    "date": _date,
}
