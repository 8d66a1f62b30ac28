"""A proof as a tree on the terminal: from a conclusion down to facts, absences and sources."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from ..engine.proof import ConclusionUsed, FactUsed, ItemsCounted, Proof, Support
from .names import Names
from .words import joined, say, show_value


def proof_tree(proofs: tuple[Proof, ...], names: Names) -> Tree:
    """Return the proofs of one conclusion as a tree; a premise shown before is named, not repeated."""
    first = proofs[0]
    tree = Tree(Text(names.conclusion(first.conclusion, first.about), style="bold"))
    shown: set[tuple[str, str]] = set()
    for proof in proofs:
        _add(tree, proof, names, shown)
    return tree


def _add(tree: Tree, proof: Proof, names: Names, shown: set[tuple[str, str]]) -> None:
    rule = proof.rule
    label = names.read(rule.label) or rule.id
    branch = tree.add(Text.assemble((say("why.holds", names.language) + " ", "bright_black"), (label, "cyan"),
                                    (f"  [{rule.id}]", "bright_black")))
    for source_id in rule.because:
        branch.add(_source(source_id, names))
    premises = {(premise.conclusion, premise.about): premise for premise in proof.premises}
    for part in proof.support:
        _add_support(branch, part, premises, names, shown)
    if not proof.support:
        branch.add(Text(say("why.always", names.language), style="bright_black"))


def _add_support(
    branch: Tree, part: Support, premises: dict[tuple[str, str], Proof], names: Names, shown: set[tuple[str, str]]
) -> None:
    match part:
        case FactUsed():
            branch.add(_fact(part, names))
        case ConclusionUsed(name, about, holds):
            if not holds:
                branch.add(Text(say("why.absent", names.language, name=names.conclusion(name, about)), style="bright_black"))
                return
            twig = branch.add(Text(names.conclusion(name, about)))
            premise = premises.get((name, about))
            if premise is not None and (name, about) not in shown:
                shown.add((name, about))
                _add(twig, premise, names, shown)
        case ItemsCounted():
            twig = branch.add(_counted(part, names))
            for inner in part.support:
                _add_support(twig, inner, premises, names, shown)


def _source(source_id: str, names: Names) -> Text:
    base = names.base
    kind = "tension" if source_id in base.tensions else base.sources[source_id].kind
    text = names.read(base.source_text(source_id))
    return Text.assemble((f"{source_id} ({say(f'source.{kind}', names.language)}): ", "green"), text)


def _fact(used: FactUsed, names: Names) -> Text:
    fact, _ = names.find_fact(used.path)
    line = Text.assemble((f"{say('why.fact', names.language)}: ", "yellow"), names.fact(used.path, used.about), " = ")
    line.append(show_value(fact, used.value, names.language) if used.value is not None else say("why.unknown", names.language),
                style="bold")
    line.append(f"  ({used.written})", style="bright_black")
    if used.inferred:
        line.append(f"  {say('people.inferred', names.language)}", style="magenta")
    return line


def _counted(part: ItemsCounted, names: Names) -> Text:
    collection = names.base.vocabulary.collections[part.quantifier.of]
    of = names.read(collection.label)
    if part.items:
        items = joined([names.item(collection.id, item) for item in part.items], names.language)
        return Text(say("why.counted", names.language, items=items, of=of))
    key = "why.none_of" if part.listed else "why.unlisted"
    return Text(say(key, names.language, of=of), style="bright_black")
