"""Rules that did not fire, part by part: what holds, what fails, what nobody knows; and what would make them fire."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.tree import Tree

from ..engine.repair import edit_to
from ..engine.whynot import Miss, Part
from ..facts.edits import spelled
from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier
from ..rules.spelling import spell_in_line
from .document import Data
from .names import Names
from .prose import Prose
from .words import aside, say, show_value

_SIGNS = {"holds": ("●", "green"), "fails": ("✕", "red"), "unknown": ("?", "yellow")}
_MOST_RULES = 5


def print_misses(
    console: Console, conclusion: str, about: str, misses: Sequence[Miss], names: Names, everything: bool = False
) -> None:
    """Print the rules that could have made a conclusion, the nearest first, and what it would take."""
    language = names.language
    heading = say("whynot.head", language, name=names.conclusion(conclusion, about))
    console.print(Prose(heading, style="bold"))
    shown = misses if everything else misses[:_MOST_RULES]
    for miss in shown:
        console.print(_tree(miss, names, everything))
    if len(shown) < len(misses):
        console.print(Prose(say("whynot.more", language, count=len(misses) - len(shown)), style="bright_black"))
    for miss in misses:
        edit = edit_to(names.base, names.deal, miss.rule, miss.about or about)
        if edit is not None:
            options = " ".join(_quoted(option) for option in spelled(edit, names.base.vocabulary))
            file = names.deal.file
            console.print(Prose(say("whynot.would", language, rule=miss.rule.id), style="bold"))
            console.print(f"  dealready whatif {file} {options}", soft_wrap=True)
            return
    console.print(Prose(say("whynot.nothing_would", language), style="bright_black"))


def _quoted(option: str) -> str:
    flag, _, value = option.partition(" ")
    return f"{flag} '{value}'" if any(sign in value for sign in " [{,;&|<>$") else option


def _tree(miss: Miss, names: Names, everything: bool) -> Tree:
    label = names.read(miss.rule.label) or miss.rule.id
    who = aside(names.item(miss.rule.scope, miss.about), names.language) if miss.about else ""
    tree = Tree(Prose.assemble((label + who, "cyan"), (f"  [{miss.rule.id}]", "bright_black")))
    if miss.about is None:
        collection = names.base.vocabulary.collections[miss.rule.scope]
        text = say("whynot.no_items", names.language, of=names.read(collection.label))
        tree.add(Prose.assemble(_SIGNS["fails"], " ", text))
    _add(tree, miss.part, miss.rule.scope, names, everything)
    return tree


def _add(tree: Tree, part: Part, scope: str, names: Names, everything: bool) -> None:
    if isinstance(part.condition, All):
        for inner in part.parts:
            _add(tree, inner, scope, names, everything)
        return
    sign, colour = _SIGNS[part.state]
    line = Prose.assemble((f"{sign} ", colour), _words(part, scope, names))
    line.append(f"  {say(f'whynot.{part.state}', names.language)}", style=colour)
    branch = tree.add(line)
    if isinstance(part.condition, Any):
        for inner in part.parts:
            _add(branch, inner, scope, names, everything)
    for miss in part.rules[: None if everything else 1]:
        branch.add(_tree(miss, names, everything))


def _words(part: Part, scope: str, names: Names) -> str:
    language = names.language
    condition = part.condition
    match condition:
        case FactTest(path=path):
            about = "" if path.owner == "deal" else part.about
            owner = names.deal if not about else names.deal.item(scope, about)
            observation = owner.facts.get(path.fact) if owner is not None and not path.through else None
            fact, _ = names.find_fact(path)
            now = show_value(fact, observation.value, language) if observation is not None else say("why.unknown", language)
            wanted = names.test(path, condition.written)
            return say("whynot.fact", language, fact=names.fact(path, about), wanted=wanted, value=now)
        case Holds(name, collection):
            return names.conclusion(name, part.about if collection else "")
        case Absent(name, collection):
            return say("why.absent", language, name=names.conclusion(name, part.about if collection else ""))
        case Any():
            return say("whynot.any", language)
        case Quantifier(name=name, of=of):
            label = names.read(names.base.vocabulary.collections[of].label)
            return say("whynot.items", language, quantifier=say(f"quantifier.{name}", language), of=label,
                       condition=spell_in_line(condition))
        case Listed(of=of):
            return say("whynot.listed", language, of=names.read(names.base.vocabulary.collections[of].label))
        case _:
            return spell_in_line(condition)


def misses_document(conclusion: str, about: str, misses: Sequence[Miss], names: Names) -> Data:
    """Return the rules that could have made a conclusion as JSON-able data."""
    rules = []
    for miss in misses:
        edit = edit_to(names.base, names.deal, miss.rule, miss.about or about)
        would = spelled(edit, names.base.vocabulary) if edit is not None else None
        rules.append({**_document(miss), "would": would})
    return {"conclusion": conclusion, "about": about, "label": names.conclusion(conclusion, about), "rules": rules}


def _document(miss: Miss) -> Data:
    return {"rule": miss.rule.id, "about": miss.about, "distance": miss.distance, "when": _part(miss.part),
            "sources": list(miss.rule.because)}


def _part(part: Part) -> Data:
    unknown = [{"fact": ".".join(filter(None, (entry.collection, entry.fact))), "about": entry.about} for entry in part.unknown]
    return {"condition": _written(part.condition), "state": part.state, "waiting_for": unknown,
            "parts": [_part(inner) for inner in part.parts], "rules": [_document(miss) for miss in part.rules]}


def _written(condition: Condition) -> str:
    return spell_in_line(condition)


