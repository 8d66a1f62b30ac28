"""Says in words which expectation of a case does not hold, what was found instead, and the nearest reason."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.diagnose import Diagnoser
from ..engine.whynot import Part, why_not
from ..facts.texts import Language
from ..render.conditions import part_words
from ..render.names import Names
from ..render.words import joined, say
from ..rules.language import All
from .cases import CaseFile, Expectation, Failure

_CONCLUDING = {"findings": "find", "actions": "do", "first_actions": "do"}


class Teller:
    """Tells what does not hold of one case."""

    def __init__(self, case: CaseFile, diagnoser: Diagnoser, language: Language) -> None:
        self.program = diagnoser.base.program
        self.names = Names(diagnoser.base, case.deal, language)
        self.case, self.outcome = diagnoser.outcome(case.deal)

    def say(self, key: str, **words: object) -> str:
        """Return a text of the screen."""
        return say(key, self.names.language, **words)

    def tell(self, failure: Failure) -> list[str]:
        """Return what was expected, with its place; what was found; and, of what is missing, what is in the way."""
        line = failure.expectation
        kind = self.say(f"case.{line.kind}")
        wanted = self.say("test.wanted", place=line.place, kind=kind, name=self.wanted(line))
        return [wanted, self.say("test.found", found=self.found(failure)), *self.reason(line)]

    def wanted(self, line: Expectation) -> str:
        """Return what a line of the case names, with the value that it wants."""
        if line.kind == "readiness":
            return f"{line.name} = {line.value}"
        label = self.label(line.kind, line.name)
        return f"{label} = {self.state(line.value)}" if line.kind == "criteria" else label

    def label(self, kind: str, name: str) -> str:
        """Return the label of what a line names, with its id."""
        bare, _, about = name.partition("@")
        words = ""
        if kind in ("step", "claimed"):
            words = self.names.step(bare)
        elif kind == "criteria":
            words = self.names.criterion(bare)
        elif kind.endswith("findings"):
            words = self.names.finding(bare, about)
        elif kind.endswith(("actions", "withheld")):
            words = self.names.action(bare, about)
        elif kind == "questions":
            words = self.names.fact(bare, about)
        elif bare in self.names.base.rules:
            words = self.names.read(self.names.base.rules[bare].label)
        return f"{words} [{name}]" if words else name

    def state(self, state: str) -> str:
        """Return the words for the state of a criterion."""
        return self.say(f"state.{state}")

    def found(self, failure: Failure) -> str:
        """Return what the diagnosis says instead."""
        kind, found = failure.expectation.kind, failure.found
        if found == "-":
            return self.say("test.nothing")
        if kind == "criteria":
            return self.state(found)
        if kind == "before":
            return self.say("test.places", places=found)
        if kind == "readiness":
            return found
        return joined([self.label(kind, name) for name in found.split(", ")], self.names.language)

    def reason(self, line: Expectation) -> Iterator[str]:
        """Yield what keeps the nearest rule from concluding what is missing."""
        bare, _, about = line.name.partition("@")
        name = ""
        if line.kind in _CONCLUDING:
            name = f"{_CONCLUDING[line.kind]}.{bare}"
            name = self.program.given(name) if self.outcome.about(name) else name
        elif line.kind == "criteria" and line.value == "met":
            name = f"met.{bare}"
        elif line.kind == "fires":
            name = next(rule.concludes[0] for rule in self.program.rules if rule.id == bare)
        misses = why_not(self.program, self.case, self.outcome, name, about) if name else ()
        for miss in [miss for miss in misses if line.kind != "fires" or miss.rule.id == bare][:1]:
            parts = [part_words(part, miss.rule.scope, self.names) for part in _in_the_way(miss.part)]
            if parts:
                rule = self.names.rule(miss.rule, about)
                yield self.say("test.reason", rule=rule, parts=self.say("list.sentences").join(parts))


def _in_the_way(part: Part) -> Iterator[Part]:
    if isinstance(part.condition, All):
        for inner in part.parts:
            yield from _in_the_way(inner)
    elif part.state != "holds":
        yield part
