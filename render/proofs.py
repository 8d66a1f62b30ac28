"""A proof as a tree on the terminal: from a conclusion down to facts, absences and sources."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.tree import Tree

from ..engine.bounds import Bound
from ..engine.outcome import Outcome
from ..engine.proof import ConclusionUsed, FactUsed, ItemsCounted, Proof, Support
from .conditions import counted_words
from .ladder import STATE_SIGNS
from .misses import MissBranches
from .names import Names
from .prose import Prose
from .words import aside, command_line, headed, joined, rules_line, say


def print_proofs(
    console: Console, proofs: Sequence[tuple[Proof, ...]], bound: Bound | None, outcome: Outcome, names: Names, everything: bool
) -> None:
    """Print why something holds, or, of a bound of readiness, what it counts; and by which rules."""
    if bound is not None:
        console.print(bound_tree(bound, proofs, outcome, names, everything))
    for alternatives in proofs if bound is None else ():
        console.print(proof_tree(alternatives, outcome, names, everything))
    console.print(Prose(rules_line(names.base, names.language), style="bright_black"))


def bound_tree(bound: Bound, proofs: Sequence[tuple[Proof, ...]], outcome: Outcome, names: Names, everything: bool) -> Tree:
    """Return a bound of readiness with the proof of each criterion that it counts below it."""
    tree = Tree(Prose(names.bound(bound), style="bold"))
    branches = _Branches(outcome, names, everything)
    for alternatives in proofs:
        first = alternatives[0]
        branch = tree.add(Prose(names.conclusion(first.conclusion, first.about), style="bold"))
        for proof in alternatives:
            branches.add(branch, proof)
    return tree


def proof_tree(proofs: tuple[Proof, ...], outcome: Outcome, names: Names, everything: bool = False) -> Tree:
    """Return the proofs of one conclusion as a tree; a premise shown before is named, not repeated.

    Unless ``everything`` is wanted, a step on which something rests is named with the command that unfolds it.
    """
    first = proofs[0]
    tree = Tree(Prose(names.conclusion(first.conclusion, first.about), style="bold"))
    branches = _Branches(outcome, names, everything)
    for proof in proofs:
        branches.add(tree, proof)
    return tree


class _Branches:
    def __init__(self, outcome: Outcome, names: Names, everything: bool) -> None:
        self.outcome = outcome
        self.names = names
        self.everything = everything
        self.judged = MissBranches(names, everything)
        self.shown: set[tuple[str, str]] = set()
        self.cited: set[str] = set()

    def say(self, key: str, **words: object) -> str:
        return say(key, self.names.language, **words)

    def add(self, tree: Tree, proof: Proof) -> None:
        """Add what a proof rests on; a rule that follows from a criterion or a step alone needs no line of its own."""
        rule = proof.rule
        branch = tree
        if rule.origin == "rule":
            label = self.names.read(rule.label)
            branch = tree.add(Prose.assemble((self.say("why.holds") + " ", "bright_black"), (label, "cyan"),
                                             (f"  [{rule.id}]", "bright_black")))
        premises = {(premise.conclusion, premise.about): premise for premise in proof.premises}
        if proof.judged is not None:
            self.judged.add(branch, proof.judged, "")
        for part in proof.support if proof.judged is None else ():
            self.add_support(branch, part, premises)
        if not proof.support:
            branch.add(Prose(self.say("why.always"), style="bright_black"))
        new = [source for source in rule.because if source not in self.cited]
        for source_id in new:
            branch.add(_source(source_id, self.names))
        if len(new) < len(rule.because):
            again = [source for source in rule.because if source not in new]
            branch.add(Prose(joined(again, self.names.language), style="green"))
        self.cited.update(new)

    def add_support(self, branch: Tree, part: Support, premises: dict[tuple[str, str], Proof]) -> None:
        match part:
            case FactUsed():
                branch.add(_fact(part, self.names))
            case ConclusionUsed(name, about, holds):
                label = self.names.conclusion(name, about)
                if not holds:
                    self.add_missing(branch.add(Prose(self.say("why.absent", name=label), style="bright_black")), name)
                    return
                premise = premises.get((name, about))
                if premise is None or (name, about) in self.shown:
                    branch.add(Prose(label))
                elif premise.rule.origin == "step" and not self.everything:
                    step = name.partition(".")[2]
                    more = self.say("why.step", command=command_line("why", self.names.deal.file, step))
                    branch.add(Prose.assemble(label, (f"  {more}", "bright_black")))
                else:
                    self.shown.add((name, about))
                    self.add(branch.add(Prose(label)), premise)
            case ItemsCounted():
                words = counted_words(part, self.names)
                twig = branch.add(Prose(words, style="" if part.items else "bright_black"))
                for inner in part.support:
                    self.add_support(twig, inner, premises)


    def add_missing(self, twig: Tree, name: str) -> None:
        """Say which criteria keep a step from being complete."""
        verb, _, step_id = name.partition(".")
        if verb != "done":
            return
        for criterion in self.names.base.step(step_id).criteria:
            if not self.outcome.holds(f"met.{criterion.id}"):
                sign, colour = STATE_SIGNS["unknown" if self.outcome.holds(f"open.{criterion.id}") else "unmet"]
                twig.add(Prose.assemble((f"{sign} ", colour), self.names.criterion(criterion.id)))


def _source(source_id: str, names: Names) -> Prose:
    base = names.base
    kind = "tension" if source_id in base.tensions else base.sources[source_id].kind
    text = names.read(base.source_text(source_id))
    head = source_id + aside(say(f"source.{kind}", names.language), names.language)
    return Prose.assemble((headed(head, names.language), "green"), text)


def _fact(used: FactUsed, names: Names) -> Prose:
    kind = headed(say("why.fact", names.language), names.language)
    line = Prose.assemble((kind, "yellow"), names.fact(used.path, used.about), " = ")
    line.append(names.value(used.path, used.value), style="bold")
    said = used.written.startswith("is:") or (used.path.through and used.path.fact == "id")
    if not said:  # by the value itself
        line.append(aside(names.test(used.path, used.written), names.language), style="bright_black")
    if used.inferred:
        line.append(f"  {say('people.inferred', names.language)}", style="magenta")
    return line
