"""How a run says that its input or output can't be used."""

from __future__ import annotations

from ..facts.problems import messages
from ..facts.texts import Language


class BadSource(Exception):
    """An input or output that can't be used at all: the code of the message and the words that fill it."""

    def __init__(self, code: str, **words: object) -> None:
        super().__init__(code)
        self.code = code
        self.words = words

    def message(self, language: Language) -> str:
        """Return what is wrong, in one sentence."""
        return messages()[self.code].read(language, **self.words)
