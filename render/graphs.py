"""Proofs as graphs, for Mermaid (which many wikis draw) and Graphviz."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..engine.bounds import Bound
from ..engine.proof import ConclusionUsed, FactUsed, ItemsCounted, Proof, Support, flat_support
from ..engine.whynot import Part
from ..rules.language import All, FactTest, Quantifier
from ..rules.spelling import spell_in_line
from .conditions import counted_words, part_words
from .names import Names
from .words import say

_SHAPES = {
    "conclusion": ("([", "])", "box, style=rounded"), "rule": ("[", "]", "box"), "fact": ("[/", "/]", "parallelogram"),
    "source": (">", "]", "note"), "absent": ("{{", "}}", "hexagon"),
}


@dataclass
class _Graph:
    names: Names
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)  # label and kind by what a node stands for
    edges: dict[tuple[str, str], None] = field(default_factory=dict)

    def node(self, key: str, label: str, kind: str) -> str:
        self.nodes.setdefault(key, (label, kind))
        return key

    def link(self, above: str, below: str) -> None:
        self.edges[above, below] = None

    def add(self, proof: Proof) -> str:
        label = self.names.conclusion(proof.conclusion, proof.about)
        key = self.node(f"c {proof.conclusion} {proof.about}", label, "conclusion")
        rule = key
        if proof.rule.origin == "rule":  # what follows from a criterion or a step alone needs no node of its own
            label = f"{self.names.read(proof.rule.label)} [{proof.rule.id}]"
            rule = self.node(f"r {proof.rule.id} {proof.about}", label, "rule")
            self.link(key, rule)
        premises = {(premise.conclusion, premise.about): premise for premise in proof.premises}
        for part in flat_support(proof.support) if proof.judged is None else ():
            self.link(rule, self.support(part, premises))
        if proof.judged is not None:
            self.judged(rule, proof.judged)
        for source in proof.rule.because:
            text = self.names.read(self.names.base.source_text(source))
            self.link(rule, self.node(f"s {source}", f"{source}: {_short(text)}", "source"))
        return key

    def judged(self, above: str, part: Part, scope: str = "") -> None:
        """Add what keeps a criterion from being met, down to the facts of the items in the way."""
        if isinstance(part.condition, All):
            for inner in part.parts:
                self.judged(above, inner, scope)
            return
        if part.state == "holds" and not scope:
            return
        state = say(f"whynot.{part.state}", self.names.language)
        label = say("why.judged", self.names.language, part=part_words(part, scope, self.names), state=state)
        kind = "fact" if isinstance(part.condition, FactTest) else "absent"
        key = self.node(f"p {spell_in_line(part.condition)} {part.about}", label, kind)
        self.link(above, key)
        for inner in part.parts:
            self.judged(key, inner, scope)
        if isinstance(part.condition, Quantifier):
            for item in part.items:
                self.judged(key, item, part.condition.of)

    def support(self, part: Support, premises: dict[tuple[str, str], Proof]) -> str:
        language = self.names.language
        match part:
            case FactUsed():
                label = self.names.stated(part.path, part.about, part.value)
                return self.node(f"f {part.path} {part.about} {part.path.collection}", label, "fact")
            case ConclusionUsed(name, about, True) if (name, about) in premises:
                return self.add(premises[name, about])
            case ConclusionUsed(name, about, holds):
                label = self.names.conclusion(name, about)
                label = label if holds else say("why.absent", language, name=label)
                return self.node(f"a {name} {about} {holds}", label, "conclusion" if holds else "absent")
            case ItemsCounted():
                label = counted_words(part, self.names)
                return self.node(f"i {label}", label, "fact" if part.items else "absent")


def _graph(proofs: Iterable[Sequence[Proof]], names: Names, bound: Bound | None) -> _Graph:
    graph = _Graph(names)
    root = "" if bound is None else graph.node(bound.name, names.bound(bound), "conclusion")
    for proof in (proof for alternatives in proofs for proof in alternatives):
        key = graph.add(proof)
        if root:
            graph.link(root, key)
    return graph


def mermaid(proofs: Iterable[Sequence[Proof]], names: Names, bound: Bound | None = None) -> str:
    """Return proofs as a Mermaid flowchart."""
    graph = _graph(proofs, names, bound)
    numbers = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for key, (label, kind) in graph.nodes.items():
        opening, closing, _ = _SHAPES[kind]
        lines.append(f'  {numbers[key]}{opening}"{_escaped(label)}"{closing}')
    lines += [f"  {numbers[above]} --> {numbers[below]}" for above, below in graph.edges]
    return "\n".join(lines) + "\n"


def dot(proofs: Iterable[Sequence[Proof]], names: Names, bound: Bound | None = None) -> str:
    """Return proofs as a Graphviz graph."""
    graph = _graph(proofs, names, bound)
    numbers = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    lines = ["digraph why {", "  rankdir=TB;"]
    for key, (label, kind) in graph.nodes.items():
        text = label.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  {numbers[key]} [label="{text}", shape={_SHAPES[kind][2]}];')
    lines += [f"  {numbers[above]} -> {numbers[below]};" for above, below in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _escaped(label: str) -> str:
    return label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
