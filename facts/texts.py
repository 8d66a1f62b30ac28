"""A text that exists in English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
FILLED = ("account",)  # the placeholders of a text about the deal
FILLED_OF_ITEM = (*FILLED, "name")  # and of one about an item
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Text:
    """One text in both languages; which one is read is the reader's choice, never the data's."""

    en: str
    zh: str

    def read(self, language: Language, **words: object) -> str:
        """Return the text in ``language`` with ``{placeholders}`` replaced by ``words``.

        A word may itself be a :class:`Text`. What a word contains is left as it is.
        """
        text = self.zh if language == "zh" else self.en
        if not words:
            return text

        def fill(placeholder: re.Match[str]) -> str:
            word = words.get(placeholder.group(1), placeholder.group())
            return word.read(language) if isinstance(word, Text) else str(word)

        return _PLACEHOLDER.sub(fill, text)


NO_TEXT = Text("", "")
