"""How a run says that its input or output can't be used."""

from __future__ import annotations

import json
import re

from ..facts.problems import messages
from ..facts.texts import Language

_FULL = ("No space left on device", "Disk quota exceeded", "database or disk is full")  # as systems and SQLite say it
_WRAPPED = re.compile(r'"exception_message":("(?:[^"\\]|\\.)*")')


class BadSource(Exception):
    """An input or output that can't be used at all: the code of the message and the words that fill it."""

    def __init__(self, code: str, **words: object) -> None:
        super().__init__(code)
        self.code = code
        self.words = words

    def message(self, language: Language) -> str:
        """Return what is wrong, in one sentence."""
        return messages()[self.code].read(language, **self.words)


def is_full(error: Exception) -> bool:
    """Tell whether something failed because a disk is full."""
    return any(words in str(error) for words in _FULL)


def reason_of(error: Exception) -> str:
    """Return in one line why something failed, without what DuckDB wraps around the words of the system."""
    wrapped = _WRAPPED.search(str(error))
    text = str(json.loads(wrapped[1])) if wrapped else str(error)
    return next(iter(text.splitlines()), type(error).__name__)
