"""Proofs as graphs, for Mermaid (which many wikis draw) and Graphviz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..engine.proof import ConclusionUsed, FactUsed, ItemsCounted, Proof, Support
from .names import Names
from .words import headed, joined, say

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
        rule_label = self.names.read(proof.rule.label) or proof.rule.id
        rule = self.node(f"r {proof.rule.id} {proof.about}", f"{rule_label} [{proof.rule.id}]", "rule")
        self.link(key, rule)
        premises = {(premise.conclusion, premise.about): premise for premise in proof.premises}
        for part in _flat(proof.support):
            self.link(rule, self.support(part, premises))
        for source in proof.rule.because:
            text = self.names.read(self.names.base.source_text(source))
            self.link(rule, self.node(f"s {source}", f"{source}: {_short(text)}", "source"))
        return key

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
                collection = self.names.base.vocabulary.collections[part.quantifier.of]
                items = joined([self.names.item(collection.id, item) for item in part.items], language)
                label = headed(self.names.read(collection.label), language) + (items or "0")
                return self.node(f"i {part.quantifier.of} {' '.join(part.items)}", label, "fact" if items else "absent")


def _flat(support: Iterable[Support]) -> Iterator[Support]:
    for part in support:
        yield part
        if isinstance(part, ItemsCounted):
            yield from _flat(part.support)


def _graph(proofs: Iterable[Sequence[Proof]], names: Names) -> _Graph:
    graph = _Graph(names)
    for alternatives in proofs:
        for proof in alternatives:
            graph.add(proof)
    return graph


def mermaid(proofs: Iterable[Sequence[Proof]], names: Names) -> str:
    """Return proofs as a Mermaid flowchart."""
    graph = _graph(proofs, names)
    numbers = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    for key, (label, kind) in graph.nodes.items():
        opening, closing, _ = _SHAPES[kind]
        lines.append(f'  {numbers[key]}{opening}"{_escaped(label)}"{closing}')
    lines += [f"  {numbers[above]} --> {numbers[below]}" for above, below in graph.edges]
    return "\n".join(lines) + "\n"


def dot(proofs: Iterable[Sequence[Proof]], names: Names) -> str:
    """Return proofs as a Graphviz graph."""
    graph = _graph(proofs, names)
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
