"""A text that exists in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages; which one is read is the reader's choice, never the data's."""

    en: str
    zh: str

    def read(self, language: Language, **words: object) -> str:
        """Return the text in ``language`` with ``{placeholders}`` replaced by ``words``."""
        text = self.zh if language == "zh" else self.en
        for name, word in words.items():
            text = text.replace("{" + name + "}", str(word))
        return text


NO_TEXT = Text("", "")
