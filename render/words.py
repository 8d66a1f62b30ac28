"""The words of the screen in the reader's language, and values as people read them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..facts.source import STDIN
from ..facts.texts import Language, Text
from ..facts.values import FactValue
from ..facts.vocabulary import Fact

if TYPE_CHECKING:  # the help of every command comes by here
    from ..rules.base import RuleBase


@cache
def _texts() -> dict[str, Text]:
    raw = Path(__file__).with_name("texts.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {key: Text(**texts) for key, texts in yaml.load(raw, Loader=loader).items()}


def say(key: str, language: Language, **words: object) -> str:
    """Return a text of the screen with its placeholders filled in."""
    return _texts()[key].read(language, **words)


def joined(parts: list[str] | tuple[str, ...], language: Language) -> str:
    """Return a list as people write it."""
    return ("、" if language == "zh" else ", ").join(parts)


def headed(heading: str, language: Language) -> str:
    """Return a heading with the colon that its language puts before what follows."""
    return f"{heading}{'：' if language == 'zh' else ': '}"


def command_line(command: str, deal_file: str, *words: str) -> str:
    """Return a command about a deal as it is typed into a shell; one that came through standard input does so again."""
    return shlex.join(["dealready", command, "-" if deal_file == STDIN else deal_file, *words])


def rules_line(base: RuleBase, language: Language) -> str:
    """Return the line that tells which rules spoke."""
    return say("foot.rules", language, version=base.version, hash=base.hash[:12])


def aside(text: str, language: Language) -> str:
    """Return a text in brackets, as it follows another in its language."""
    return f"（{text}）" if language == "zh" else f" ({text})"


def show_value(fact: Fact | None, value: FactValue | None, language: Language) -> str:
    """Return a value in the reader's language, by the labels of its fact."""
    if value is None:
        return say("state.unknown", language)
    if isinstance(value, bool):
        return say("yes" if value else "no", language)
    if isinstance(value, tuple):
        return joined([show_value(fact, member, language) for member in value], language) or "[]"
    if isinstance(value, str):
        return fact.label_of(value).read(language) if fact is not None else value
    return value.isoformat() if isinstance(value, date) else show_number(value)


def show_number(value: Decimal | int) -> str:
    """Return a number with thousands separated, without needless zeros."""
    return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"


def show_money(number: str, fact: Fact, currency: str, language: Language) -> str:
    """Return a number with its currency, a value of ``fact``, as people write it; without one if there is none."""
    if not currency:
        return number
    return say("money", language, number=number, code=currency, unit=show_value(fact, currency, language))


def language_of(environ: Mapping[str, str]) -> Language:
    """Return the language that the environment asks for; English unless it asks for Chinese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
