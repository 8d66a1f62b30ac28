"""Asks for one fact at a time, in the order of how much of the diagnosis waits for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from ..engine.diagnose import Diagnoser
from ..engine.diagnosis import Diagnosis, Question
from ..facts.deal import AS_OF, Deal, Item, Observation
from ..facts.problems import Rejected, messages
from ..facts.texts import Language
from ..facts.values import BadValue, FactValue, shifted
from ..facts.vocabulary import Fact
from ..render.document import question_reasons, question_text
from ..render.names import Names
from ..render.prose import Prose
from ..render.words import headed, joined, say, show_value
from ..rules.base import RuleBase
from .answers import SEVERAL, Misunderstood, items_of, means, options_of, value_of
from .rewrite import ChangedMeanwhile, DealFile
from .splice import CannotWrite

BAD_INPUT = 2
MOST_REASONS = 4
MOST_TO_FIND_OUT = 5
_GREY = "bright_black"


class Stopped(Exception):
    """The person wants no more questions, or there is no more input."""


class TakenBack(Exception):
    """The person wants to answer the question before once more."""


@dataclass(frozen=True)
class Turn:
    """A question that was asked, and the file as it was before."""

    question: Question
    before: bytes
    is_answered: bool


class Interview:
    """One sitting with one deal file; every answer is on disk before the next question."""

    def __init__(self, base: RuleBase, path: Path, deal: Deal, language: Language, console: Console) -> None:
        self.base = base
        self.deal = deal
        self.language = language
        self.console = console
        self.file = DealFile(path, base.vocabulary)
        self.diagnoser = Diagnoser(base)
        self.turns: list[Turn] = []
        self.is_moved = False

    def run(self) -> None:
        """Ask until nothing is left to ask or the person stops; interruption is a way to stop."""
        try:
            self._settle_day()
            self._sitting()
        except (KeyboardInterrupt, EOFError, Stopped, click.Abort):
            self.console.print()
        self._farewell()

    def _sitting(self) -> None:
        diagnosis = self.diagnoser.diagnose(self.deal)
        self._tell("ask.progress", low=diagnosis.readiness.low, high=diagnosis.readiness.high,
                   step=self.names.step(diagnosis.step.proven))
        self._tell("ask.help", _GREY)
        while (question := self._next_question(diagnosis)) is not None:
            before = self.file.data
            try:
                answer = self._ask(question)
            except TakenBack:
                self._take_back()
            else:
                if answer is not None:
                    self._save(partial(self.file.write, answer))
                self.turns.append(Turn(question, before, answer is not None))
            after = self.diagnoser.diagnose(self.deal)
            self._show_move(diagnosis, after)
            diagnosis = after
        self._tell("ask.done")

    def _take_back(self) -> None:
        """Forget the question before the one at hand, and what was answered to it."""
        last = self.turns.pop() if self.turns else None
        if last is not None and last.is_answered:
            self._save(partial(self.file.restore, last.before))

    @property
    def names(self) -> Names:
        """The words for the deal as it now reads."""
        return Names(self.base, self.deal, self.language)

    def _tell(self, key: str, style: str = "", **words: object) -> None:
        self._print(say(key, self.language, **words), style)

    def _print(self, text: str, style: str = "", end: str = "\n") -> None:
        self.console.print(Prose(text, style=style), end=end)

    def _settle_day(self) -> None:
        """Say on which day answers count as seen, and move the file to a later one if it has become old."""
        as_of = self.deal.as_of
        self._tell("ask.dated", day=as_of)
        self._tell("ask.redate", _GREY, later=shifted(as_of, 7))
        fact = self.base.vocabulary.facts[AS_OF]
        try:
            read = partial(self._later_day, fact)
            day = self._until_understood(partial(self._tell, "ask.why_dated"), read, "yes")
        except TakenBack:  # there is nothing before it
            day = None
        if day is not None and day != as_of:
            self._save(partial(self.file.write, Deal({AS_OF: Observation(day)}, {})))
            self.is_moved = True

    def _later_day(self, fact: Fact, typed: str) -> FactValue:
        day = value_of(fact, typed, self.deal)
        if str(day) < str(self.deal.as_of):
            raise Misunderstood("ask.earlier", day=str(day), as_of=str(self.deal.as_of))
        return day

    def _next_question(self, diagnosis: Diagnosis) -> Question | None:
        asked = {(turn.question.fact, turn.question.about) for turn in self.turns}
        return next((entry for entry in diagnosis.questions if (entry.fact, entry.about) not in asked), None)

    def _ask(self, question: Question) -> Deal | None:
        """Return the answer as facts to lay over the deal, or None if the person does not know."""
        fact, collection = self.names.find_fact(question.fact)
        self.console.print()
        self._print(question_text(question.fact, question.about, self.names), "bold")
        old = self.deal.observation(collection, question.about, fact.id) if fact is not None else None
        if old is not None:
            self._tell("ask.last", _GREY, value=show_value(fact, old.value, self.language), day=old.seen or "?")
        self._show_choices(fact or self._listed_by(collection), several=fact is None)
        read = self._lister(collection) if fact is None else self._reader(fact, collection, question.about)
        answer: Deal | None = self._until_understood(partial(self._explain, question), read)
        return answer

    def _until_understood(self, explain: Callable[[], None], read: Callable[[str], Any], *also_unknown: str) -> Any:
        """Return what an answer means, or None for no answer; ask again until one is understood."""
        while True:
            typed = self._type()
            if means(typed, "quit"):
                raise Stopped
            if means(typed, "back"):
                raise TakenBack
            if means(typed, "why"):
                explain()
            elif not typed or means(typed, "dont_know", *also_unknown):
                return None
            else:
                try:
                    return read(typed)
                except BadValue as bad:
                    self._print(messages()[bad.code].read(self.language, **bad.words), "red")
                except Misunderstood as wrong:
                    self._tell(wrong.key, "red", **wrong.words)

    def _type(self) -> str:
        """Return one line that is typed. Raises :class:`Stopped` at the end of the input."""
        self._print(headed(say("ask.prompt", self.language), self.language), end="")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise Stopped
        return line.strip()

    def _listed_by(self, collection: str) -> Fact:
        found = self.base.vocabulary.collections[collection]
        return found.facts[found.listed_by] if found.listed_by else next(iter(found.facts.values()))

    def _reader(self, fact: Fact, collection: str, about: str) -> Callable[[str], Deal]:
        """Return what turns an answer about a fact into facts to lay over the deal."""
        old = self.deal.observation(collection, about, fact.id)
        dated = bool(fact.stale_after) or (old is not None and old.seen is not None)

        def read(typed: str) -> Deal:
            value = old.value if old is not None and means(typed, "same") else value_of(fact, typed, self.deal)
            told = {fact.id: Observation(value, seen=self.deal.as_of if dated else None)}
            return Deal({}, {collection: (Item(about, told),)}) if collection else Deal(told, {})

        return read

    def _lister(self, collection: str) -> Callable[[str], Deal | None]:
        """Return what turns an answer that lists items into them, once the person has seen how they will be noted."""
        def read(typed: str) -> Deal | None:
            items = items_of(self.base.vocabulary.collections[collection], typed, self.deal)
            given = Deal({}, {collection: items})
            noted = Names(self.base, given, self.language)
            if items:
                self._tell("ask.listed", names=joined([noted.item(collection, item.id) for item in items], self.language))
                self._tell("ask.right", _GREY)
                sure = self._type()
                if means(sure, "quit"):
                    raise Stopped
                if sure and not means(sure, "yes"):
                    raise Misunderstood("ask.which")
            return given
        return read

    def _show_choices(self, fact: Fact, several: bool) -> None:
        options = options_of(fact, self.deal)
        for number, option in enumerate(options, 1):
            label = self.names.item(fact.to, option.value) if fact.to else fact.label_of(option.value).read(self.language)
            self._print(f"  {number}. {label}")
        self._tell(f"ask.hint.{_hint(fact, bool(options), several)}", _GREY)

    def _explain(self, question: Question) -> None:
        """Say what waits for the answer, the weightiest first."""
        self._tell("ask.why")
        reasons = question_reasons(question, self.names)
        for reason in reasons[:MOST_REASONS]:
            self._print(f"  - {reason}")
        if len(reasons) > MOST_REASONS:
            self._tell("ask.more", _GREY, count=len(reasons) - MOST_REASONS)

    def _save(self, change: Callable[[], Deal]) -> None:
        """Change the file, or say why that can't be done and leave."""
        try:
            self.deal = change()
        except ChangedMeanwhile:
            self._give_up(say("ask.changed", self.language, file=self.file.path))
        except CannotWrite:
            self._give_up(say("ask.cannot_write", self.language, file=self.file.path))
        except Rejected as rejected:
            self._give_up("\n".join(problem.message(self.language) for problem in rejected.problems))
        except OSError as error:
            self._give_up(f"{self.file.path}: {error.strerror}")

    def _give_up(self, message: str) -> NoReturn:
        click.echo(message, err=True)
        sys.exit(BAD_INPUT)

    def _show_move(self, before: Diagnosis, after: Diagnosis) -> None:
        if before.readiness != after.readiness:
            self._tell("ask.moved", "green", low0=before.readiness.low, high0=before.readiness.high,
                       low=after.readiness.low, high=after.readiness.high)
        if before.step.proven != after.step.proven:
            self._tell("ask.step_moved", "green", before=self.names.step(before.step.proven),
                       after=self.names.step(after.step.proven))
        old, new = ({(found.id, found.about) for found in side.findings} for side in (before, after))
        for key, style, changed in (("ask.new", "yellow", new - old), ("ask.gone", "green", old - new)):
            if changed:
                self._tell(key, style, names=self._some([self.names.finding(*found) for found in sorted(changed)]))

    def _some(self, labels: Sequence[str]) -> str:
        """Return the first of several labels, and how many more there are."""
        shown, more = joined(list(labels[:MOST_REASONS]), self.language), len(labels) - MOST_REASONS
        return shown if more <= 0 else say("ask.some", self.language, names=shown, count=more)

    def _farewell(self) -> None:
        """Say what was saved, and what the person could not say, with whom to ask."""
        unanswered = [turn.question for turn in self.turns if not turn.is_answered]
        if unanswered:
            self._tell("ask.find_out")
        for question in unanswered[:MOST_TO_FIND_OUT]:
            fact, _ = self.names.find_fact(question.fact)
            whom = say(f"whom.{fact.whom if fact else 'anyone'}", self.language)
            self._tell("ask.open", question=question_text(question.fact, question.about, self.names), whom=whom)
        saved = len(self.turns) - len(unanswered) + self.is_moved
        if saved:
            self._tell("ask.saved", count=saved, file=self.file.path)
        else:
            self._tell("ask.nothing")


def _hint(fact: Fact, has_options: bool, several: bool) -> str:
    """Return the name of the text that says how to answer."""
    if has_options:
        return "several" if several or fact.type in SEVERAL else "one"
    if fact.type == "date":
        return "dates" if several else "date" if fact.past else "date_ahead"
    if several or fact.type in SEVERAL:
        return "list"
    kinds = {"bool": "bool", "int": "number", "decimal": "number", "money": "money"}
    return kinds.get(fact.type, "text")
