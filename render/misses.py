"""Rules that did not fire, part by part: what holds, what fails, what nobody knows; and what would make them fire."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.tree import Tree

from ..engine.remedy import remedy_for
from ..engine.whynot import Miss, Part
from ..facts.edits import spelled
from ..rules.language import Absent, All, Holds, Quantifier
from .comparison import fact_change_words
from .conditions import part_words
from .document import Data, miss_document, rule_base_document
from .names import Names
from .prose import Prose
from .words import aside, command_line, rules_line, say

_SIGNS = {"holds": ("●", "green"), "fails": ("✕", "red"), "unknown": ("?", "yellow")}
_MOST_RULES, _MOST_ITEMS, _MOST_PARTS = 5, 3, 3
_MOST_CHANGES, _FEW_CHANGES = 8, 5  # more than a reader would type; those that are named then


def print_misses(
    console: Console, conclusion: str, about: str, misses: Sequence[Miss], names: Names, everything: bool = False
) -> None:
    """Print the rules that could have made a conclusion, the nearest first, and what it would take."""
    language = names.language
    heading = say("whynot.head", language, name=names.conclusion(conclusion, about))
    console.print(Prose(heading, style="bold"))
    shown = misses if everything else misses[:_MOST_RULES]
    branches = MissBranches(names, everything)
    for miss in shown:
        console.print(branches.tree(miss))
    if len(shown) < len(misses):
        console.print(Prose(say("whynot.more", language, count=len(misses) - len(shown)), style="bright_black"))
    _print_remedy(console, conclusion, about, misses, names, everything)
    console.print(Prose(rules_line(names.base, language), style="bright_black"))


def _print_remedy(
    console: Console, conclusion: str, about: str, misses: Sequence[Miss], names: Names, everything: bool
) -> None:
    language = names.language
    for miss in misses:
        remedy = remedy_for(names.base, names.deal, conclusion, miss.rule, miss.about or about)
        if remedy is not None:
            rule = names.rule(miss.rule, miss.about or about)
            if len(remedy.changes) <= _MOST_CHANGES or everything:
                options = spelled(remedy.edit, names.deal, names.base.vocabulary)
                command = command_line("whatif", names.deal.file, *(word for option in options for word in option))
                console.print(Prose(say("whynot.would", language, rule=rule), style="bold"))
                console.print(f"  {command}", soft_wrap=True)
                return
            console.print(Prose(say("whynot.far", language, rule=rule, count=len(remedy.changes)), style="bold"))
            then = Names(names.base, remedy.edit.applied(names.deal), language)
            for change in remedy.changes[:_FEW_CHANGES]:
                console.print(Prose(f"  {fact_change_words(change, names if change.after is None else then)}"))
            console.print(Prose(say("whynot.far_all", language), style="bright_black"))
            return
    console.print(Prose(say("whynot.nothing_would", language), style="bright_black"))


class MissBranches:
    """Draws parts of conditions as branches; what a conclusion waits for is drawn once."""

    def __init__(self, names: Names, everything: bool) -> None:
        self.names = names
        self.everything = everything
        self.shown: set[tuple[str, str]] = set()

    def say(self, key: str, **words: object) -> str:
        """Return a text of the screen."""
        return say(key, self.names.language, **words)

    def tree(self, miss: Miss) -> Tree:
        """Return a rule with every part of its condition."""
        tree = Tree(self.rule(miss))
        self.add_miss(tree, miss, deep=False)
        return tree

    def rule(self, miss: Miss) -> Prose:
        """Return the name of a rule and of the item that it was asked about."""
        label = self.names.rule(miss.rule, miss.about or "")
        named = miss.about and miss.rule.origin == "rule"
        who = aside(self.names.item(miss.rule.scope, miss.about or ""), self.names.language) if named else ""
        return Prose.assemble((label + who, "cyan"), (f"  [{miss.rule.id}]", "bright_black"))

    def add_miss(self, tree: Tree, miss: Miss, deep: bool) -> None:
        """Add every part of a rule's condition; say so if there is nothing that it could be asked about."""
        if miss.about is None:
            collection = self.names.base.vocabulary.collections[miss.rule.scope]
            text = self.say("whynot.no_items", of=self.names.read(collection.label))
            tree.add(Prose.assemble(_SIGNS["fails"], " ", text))
        self.add(tree, miss.part, miss.rule.scope, deep)

    def add(self, tree: Tree, part: Part, scope: str, deep: bool = False) -> None:
        """Add a part; ``deep`` below a rule, what holds already is left out unless everything is wanted."""
        if isinstance(part.condition, All):
            self.add_parts(tree, part, scope, deep)
            return
        if deep and part.state == "holds" and not self.everything:
            return
        sign, colour = _SIGNS[part.state]
        line = Prose.assemble((f"{sign} ", colour), part_words(part, scope, self.names))
        state = f"absent.{part.state}" if isinstance(part.condition, Absent) else part.state
        line.append(f"  {self.say(f'whynot.{state}')}", style=colour)
        branch = tree.add(line)
        self.add_ways(branch, part, scope, deep)
        self.add_items(branch, part)
        self.add_rules(branch, part)

    def add_parts(self, tree: Tree, part: Part, scope: str, deep: bool) -> None:
        """Add the parts that must hold together; ``deep`` below a rule the first few in the way stand for all."""
        parts = part.parts
        if deep and not self.everything:
            parts = tuple(inner for inner in parts if inner.state != "holds")
        shown = parts[:_MOST_PARTS] if deep and not self.everything else parts
        for inner in shown:
            self.add(tree, inner, scope, deep)
        if len(shown) < len(parts):
            tree.add(Prose(self.say("list.more", count=len(parts) - len(shown)), style="bright_black"))

    def add_ways(self, branch: Tree, part: Part, scope: str, deep: bool) -> None:
        """Add the parts of which one must hold; where they are long, only the nearest, unless everything is wanted."""
        ways = part.parts
        if any(way.rules or way.parts for way in ways) and not self.everything:
            ways = tuple(sorted(ways, key=lambda way: way.distance))[: 1 if deep else 2]
        for way in ways:
            together = isinstance(way.condition, All)
            twig = branch.add(Prose(self.say("whynot.together"), style="bright_black")) if together else branch
            self.add(twig, way, scope, deep)
        if len(ways) < len(part.parts):
            branch.add(Prose(self.say("whynot.other_ways"), style="bright_black"))

    def add_items(self, branch: Tree, part: Part) -> None:
        """Name the items that keep a quantifier from holding, or those that come nearest, with the parts in the way."""
        if not isinstance(part.condition, Quantifier):
            return
        of = part.condition.of
        for item in part.items[: None if self.everything else _MOST_ITEMS]:
            twig = branch.add(Prose(self.names.item(of, item.about), style="bright_black"))
            self.add(twig, item, of, deep=item.state != "holds")

    def add_rules(self, branch: Tree, part: Part) -> None:
        """Say why what is waited for was not concluded, or which rules concluded what should be absent."""
        condition = part.condition
        if not isinstance(condition, Holds | Absent) or part.state == "holds":
            return
        about = part.about if condition.collection else ""
        for rule in part.fired:
            fired = self.say("whynot.fired", rule=self.names.rule(rule, about))
            name = f"{condition.name}@{about}" if about else condition.name
            more = self.say("why.step", command=command_line("why", self.names.deal.file, name))
            branch.add(Prose.assemble(fired, (f"  [{rule.id}]  {more}", "bright_black")))
        if not part.rules:
            return
        if (condition.name, about) in self.shown:
            branch.add(Prose(self.say("whynot.above"), style="bright_black"))
            return
        self.shown.add((condition.name, about))
        for miss in part.rules[: None if self.everything else 1]:
            self.add_miss(branch.add(self.rule(miss)) if miss.rule.origin == "rule" else branch, miss, deep=True)


def misses_document(conclusion: str, about: str, misses: Sequence[Miss], names: Names) -> Data:
    """Return the rules that could have made a conclusion as JSON-able data; what one waits for is told once."""
    rules = []
    shown: set[tuple[str, str]] = set()
    for miss in misses:
        remedy = remedy_for(names.base, names.deal, conclusion, miss.rule, miss.about or about)
        options = spelled(remedy.edit, names.deal, names.base.vocabulary) if remedy is not None else None
        would = None if options is None else [" ".join(option) for option in options]
        rules.append({**miss_document(miss, shown), "would": would})
    return {"rule_base": rule_base_document(names.base), "conclusion": conclusion, "about": about,
            "label": names.conclusion(conclusion, about), "rules": rules}
