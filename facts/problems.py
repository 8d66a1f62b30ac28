"""What is wrong with an input: where, in which field, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from .texts import NO_TEXT, Language, Text

LONGEST_WORD = 60
LONGEST_FIELD = 120
MOST_PROBLEMS = 500


@dataclass(frozen=True, order=True)
class Place:
    """A position in an input; ``line`` and ``column`` count from 1, 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    ``code`` names the message in ``messages.yaml``; ``field`` is the path inside the file
    (``stakeholders[2].attitude``) or empty; ``words`` fill the placeholders of the message,
    each the same in every language or a text in both.
    """

    place: Place
    field: str
    code: str
    words: tuple[tuple[str, str | Text], ...] = ()

    def message(self, language: Language = "en") -> str:
        """Return one or two sentences: the place, the field, what was found, what was expected."""
        parts = (str(self.place), short(self.field, LONGEST_FIELD), self.text(language))
        return printable(": ".join(part for part in parts if part))

    def text(self, language: Language = "en") -> str:
        """Return what was found and what was expected, without the place, in one line."""
        return printable(messages()[self.code].read(language, **dict(self.words)))


class Rejected(Exception):
    """An input that cannot be used; carries every problem found in it, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        by_place = sorted(set(problems), key=lambda problem: (problem.place, problem.message()))
        self.problems: tuple[Problem, ...] = tuple(by_place)
        super().__init__("\n".join(problem.message() for problem in self.problems))


class Problems:
    """Collects the problems of one input, so that all of them can be told at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, place: Place, field: str, code: str, **words: object) -> None:
        """Note a problem; ``words`` other than texts are turned into plain text, ``found`` is cut to a readable length.

        Raises :class:`Rejected` with :data:`MOST_PROBLEMS`: more than that nobody reads.
        """
        self._found.append(problem(place, field, code, **words))
        if len(self._found) >= MOST_PROBLEMS:
            self.raise_if_any()

    def unknown(self, place: Place, field: str, code: str, found: str, known: Iterable[str]) -> None:
        """Note a name that is none of those known, with the nearest of them."""
        names = list(known)
        self.add(place, field, code, found=found, hint=suggestion(found, names), choices=listing(names))

    def take(self, rejected: Rejected) -> None:
        """Note what was found wrong with a part of the input, so that the other parts can be read as well."""
        self._found += [found for found in rejected.problems if found not in self._found]
        if len(self._found) >= MOST_PROBLEMS:
            self.raise_if_any()

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def raise_if_any(self) -> None:
        """Raise :class:`Rejected` with everything found so far, if there is anything."""
        if self._found:
            raise Rejected(self._found)


def problem(place: Place, field: str, code: str, **words: object) -> Problem:
    """Return a problem; see :meth:`Problems.add`."""
    filled: list[tuple[str, str | Text]] = []
    for key, word in words.items():
        plain = word if isinstance(word, Text) else str(word)
        filled.append((key, short(plain) if key == "found" and isinstance(plain, str) else plain))
    return Problem(place, field, code, tuple(filled))


def short(text: str, most: int = LONGEST_WORD) -> str:
    """Return the text, cut after ``most`` signs."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str) -> str:
    """Return the text as one line that a terminal shows as it is: line ends and unseen signs become escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def quoted(text: str) -> Text:
    """Return what was found in an input, in the quotation marks of each language."""
    return Text(f"'{short(text)}'", f"“{short(text)}”")


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return the choice that looks most like ``word``, or an empty string if none does."""
    import difflib  # only an input with a mistake pays for it

    known = list(choices)
    folded = {choice.casefold().replace("-", "_").replace(" ", "_"): choice for choice in reversed(known)}
    cutoff = 0.6 if word.isascii() else 0.5  # one wrong sign in a Chinese word of two is half of it
    close = difflib.get_close_matches(word.casefold().replace("-", "_").replace(" ", "_"), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else ""


def suggestion(word: str, choices: Iterable[str]) -> Text:
    """Return ``; did you mean 'x'?`` for the nearest choice, or an empty text."""
    guess = nearest(word, choices)
    return Text(f"; did you mean '{guess}'?", f"，您是不是想写“{guess}”？") if guess else NO_TEXT


def suggestion_or_all(word: str, choices: Sequence[str]) -> Text:
    """Return the suggestion, or, if nothing resembles the word, what there is to choose from."""
    near = suggestion(word, choices)
    if near.en or not choices:
        return near
    return Text(f" (known: {listing(choices)})", f"（可用：{listing(choices, comma='、')}）")


def hint(word: str, choices: Iterable[str], language: Language) -> str:
    """Return the suggestion in one language."""
    return suggestion(word, choices).read(language)


def listing(choices: Sequence[str], most: int = 14, comma: str = ", ") -> str:
    """Return the choices as one line, cut after ``most`` of them."""
    return comma.join([*choices[:most], *(["…"] if len(choices) > most else [])])


@cache
def messages() -> dict[str, Text]:
    """Return the texts of all problems by code; read when the first problem is told."""
    from pathlib import Path

    import yaml

    raw = Path(__file__).with_name("messages.yaml").read_text("utf-8")
    return {code: Text(**texts) for code, texts in yaml.safe_load(raw).items()}
