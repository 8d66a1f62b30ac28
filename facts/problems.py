"""What is wrong with an input: where, in which field, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from .texts import Language, Text


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in an input; ``line`` and ``column`` count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with an input.

    ``code`` names the message in ``messages.yaml``; ``field`` is the path inside the file
    (``stakeholders[2].attitude``) or empty; ``words`` fill the placeholders of the message.
    """

    place: Place
    field: str
    code: str
    words: tuple[tuple[str, str], ...] = ()

    def message(self, language: Language = "en") -> str:
        """Return one or two sentences: the place, the field, what was found, what was expected."""
        text = messages()[self.code].read(language, **dict(self.words))
        return ": ".join(part for part in (str(self.place), self.field, text) if part)


class Rejected(Exception):
    """An input that cannot be used; carries every problem found in it, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(problem.message() for problem in self.problems))


class Problems:
    """Collects the problems of one input, so that all of them can be told at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, place: Place, field: str, code: str, **words: object) -> None:
        """Note a problem; ``words`` are turned into text as they are."""
        self._found.append(Problem(place, field, code, tuple((key, str(word)) for key, word in words.items())))

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise :class:`Rejected` with everything found so far, if there is anything."""
        if self._found:
            raise Rejected(self._found)


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return the choice that looks most like ``word``, or an empty string if none does."""
    import difflib  # only an input with a mistake pays for it

    known = list(choices)
    folded = {choice.casefold().replace("-", "_").replace(" ", "_"): choice for choice in reversed(known)}
    close = difflib.get_close_matches(word.casefold().replace("-", "_").replace(" ", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def hint(word: str, choices: Iterable[str], language: Language) -> str:
    """Return `` Did you mean 'x'?`` for the nearest choice, or an empty string."""
    guess = nearest(word, choices)
    if not guess:
        return ""
    return f" 您是不是想写“{guess}”？" if language == "zh" else f"; did you mean '{guess}'?"


def listing(choices: Sequence[str], most: int = 14) -> str:
    """Return the choices as one line, cut after ``most`` of them."""
    shown = ", ".join(choices[:most])
    return f"{shown}, …" if len(choices) > most else shown


@cache
def messages() -> dict[str, Text]:
    """Return the texts of all problems by code; read when the first problem is told."""
    import importlib.resources

    import yaml

    raw = importlib.resources.files(__package__).joinpath("messages.yaml").read_text("utf-8")
    return {code: Text(**texts) for code, texts in yaml.safe_load(raw).items()}
