"""Asks for one fact at a time, in the order of how much of the diagnosis waits for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.text import Text

from ..engine.diagnose import Diagnoser
from ..engine.diagnosis import Diagnosis, Question
from ..facts.deal import Deal
from ..facts.problems import Rejected
from ..facts.texts import Language
from ..facts.values import BadValue, parse_member, parse_value
from ..facts.vocabulary import Fact
from ..render.document import question_text
from ..render.names import Names
from ..render.words import headed, joined, say
from ..rules.base import RuleBase
from .rewrite import Answer, ChangedMeanwhile, DealFile

_DONT_KNOW = frozenset({"", "?", "？"})
_WHY = frozenset({"w", "why", "为什么"})
_QUIT = frozenset({"q", "quit", "退出"})
_NONE = frozenset({"-", "none of them", "没有"})
BAD_INPUT = 2


class Interview:
    """One sitting with one deal file; every answer is on disk before the next question."""

    def __init__(self, base: RuleBase, path: Path, deal: Deal, language: Language, console: Console) -> None:
        self.base = base
        self.deal = deal
        self.language = language
        self.console = console
        self.file = DealFile(path, base.vocabulary)
        self.diagnoser = Diagnoser(base)
        self.skipped: set[tuple[str, str]] = set()
        self.saved = 0

    def run(self) -> None:
        """Ask until nothing is left to ask or the person stops; interruption is a way to stop."""
        try:
            self._sitting()
        except (KeyboardInterrupt, EOFError, click.Abort):
            self.console.print()
        self._farewell()

    def _sitting(self) -> None:
        diagnosis = self.diagnoser.diagnose(self.deal)
        self._tell("ask.progress", low=diagnosis.readiness.low, high=diagnosis.readiness.high,
                   step=self.names.step(diagnosis.step.proven))
        while True:
            question = self._next_question(diagnosis)
            if question is None:
                self._tell("ask.done")
                return
            answer = self._ask(question)
            if answer is None:
                return
            if isinstance(answer, Answer):
                after = self._save(answer)
                self._show_move(diagnosis, after)
                diagnosis = after

    @property
    def names(self) -> Names:
        """The words for the deal as it now reads."""
        return Names(self.base, self.deal, self.language)

    def _tell(self, key: str, style: str = "", **words: object) -> None:
        self.console.print(Text(say(key, self.language, **words), style=style))

    def _next_question(self, diagnosis: Diagnosis) -> Question | None:
        return next((entry for entry in diagnosis.questions if (entry.fact, entry.about) not in self.skipped), None)

    def _ask(self, question: Question) -> Answer | bool | None:
        """Return the answer, True if the person does not know, None if they stop."""
        fact, collection = self.names.find_fact(question.fact)
        self.console.print()
        self.console.print(Text(question_text(question.fact, question.about, self.names), style="bold"))
        self._show_choices(fact)
        while True:
            typed = self._read()
            if typed is None or typed.lower() in _QUIT:
                return None
            if typed in _DONT_KNOW:
                self.skipped.add((question.fact, question.about))
                return True
            if typed.lower() in _WHY:
                self._explain(question)
                continue
            try:
                value = self._value(fact, typed)
            except BadValue as bad:
                self._complain(bad)
                continue
            self.skipped.add((question.fact, question.about))
            name = "" if fact is None else fact.id
            return Answer(collection or (question.fact if fact is None else ""), question.about, name, value)

    def _show_choices(self, fact: Fact | None) -> None:
        if fact is None:
            self._tell("ask.items", style="bright_black")
        elif fact.values:
            for number, value in enumerate(fact.values, 1):
                self.console.print(Text(f"  {number}. {value.label.read(self.language)}"))
        elif fact.type == "bool":
            self.console.print(Text(f"  {say('ask.yes_no', self.language)}", style="bright_black"))
        if fact is None or fact.type in ("set", "list", "refs"):
            self._tell("ask.help_set", style="bright_black")
        self._tell("ask.help", style="bright_black")

    def _read(self) -> str | None:
        """Return one line, or None at the end of the input."""
        self.console.print(Text(headed(say("ask.prompt", self.language), self.language)), end="")
        sys.stdout.flush()
        line = sys.stdin.readline()
        return line.strip() if line else None

    def _explain(self, question: Question) -> None:
        self._tell("ask.why")
        for name in question.why:
            self.console.print(Text(f"  - {self.names.anything(name)}"))

    def _complain(self, bad: BadValue) -> None:
        from ..facts.problems import messages

        self.console.print(Text(messages()[bad.code].read(self.language, **bad.words), style="red"))

    def _value(self, fact: Fact | None, typed: str) -> Any:
        """Return the answer as it will stand in the file. Raises :class:`BadValue`."""
        if fact is None or fact.type in ("set", "list", "refs"):
            if typed.lower() in _NONE:
                return []
            parts = [part.strip() for part in typed.replace("，", ",").replace("、", ",").split(",") if part.strip()]
            members = parts if fact is None else [parse_member(fact, _by_number(fact, part)) for part in parts]
            return list(dict.fromkeys(members))
        value = parse_value(fact, _by_number(fact, typed))
        return value if isinstance(value, bool | int | str) else str(value)

    def _save(self, answer: Answer) -> Diagnosis:
        try:
            self.deal = self.file.write(answer)
        except ChangedMeanwhile:
            self._give_up(say("ask.changed", self.language, file=self.file.path))
        except Rejected as rejected:
            self._give_up("\n".join(problem.message(self.language) for problem in rejected.problems))
        except OSError as error:
            self._give_up(f"{self.file.path}: {error.strerror}")
        self.saved += 1
        return self.diagnoser.diagnose(self.deal)

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
                labels = [self.names.finding(found, about) for found, about in sorted(changed)]
                self._tell(key, style, names=joined(labels, self.language))

    def _farewell(self) -> None:
        if self.saved:
            self._tell("ask.saved", count=self.saved, file=self.file.path)
        else:
            self._tell("ask.nothing")


def _by_number(fact: Fact, typed: str) -> str:
    """Return the value that a number from the shown list stands for, or what was typed."""
    if fact.values and typed.isdecimal() and 1 <= int(typed) <= len(fact.values):
        return fact.values[int(typed) - 1].id
    return typed
