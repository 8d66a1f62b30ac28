"""The rule base: everything under ``rules/``, read, checked against the vocabulary, and ordered.

base = load_rule_base()
base.program.rules          every rule, the ones made from criteria and catalogues included
base.parameters["contact_stale_days"].value
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as PlainMapping
from dataclasses import dataclass, field, replace

from ..facts.layers import joined, overlaid, record_id, records
from ..facts.nodes import Mapping, Node, Scalar
from ..facts.nodes import Sequence as Items
from ..facts.problems import Problems, Rejected, listing
from ..facts.source import parse, read_bytes
from ..facts.texts import Text
from ..facts.vocabulary import Vocabulary, load_vocabulary
from .catalogue import Action, Finding, Parameter, Source, Step, Talk, Tension
from .language import Rule, reads
from .layers import OURS, Layer, content_hash, rule_files
from .loader import Loader
from .program import Program, bind, build_program


@dataclass(frozen=True)
class RuleBase:
    """One version of the rules, with the vocabulary they speak.

    ``off`` holds the rules and criteria that a layer switched off, with what they would conclude.
    ``origins`` names the layers that a record comes from, by the key of its list and its id, such as ("rules", "health.quiet").
    """

    version: str
    hash: str
    vocabulary: Vocabulary
    parameters: dict[str, Parameter]
    sources: dict[str, Source]
    tensions: dict[str, Tension]
    actions: dict[str, Action]
    findings: dict[str, Finding]
    talks: dict[str, Talk]
    steps: tuple[Step, ...]
    rules: dict[str, Rule]
    program: Program
    used_parameters: frozenset[str] = frozenset()
    layers: tuple[Layer, ...] = (OURS,)
    off: dict[str, Rule] = field(default_factory=dict)
    origins: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def step(self, step_id: str) -> Step:
        """Return a step by id; KeyError if there is none."""
        return next((step for step in self.steps if step.id == step_id), None) or _missing(step_id)

    @property
    def stale_limits(self) -> dict[str, int]:
        """The days after which an observation counts as unknown, by the name that facts use for it."""
        return {name: int(parameter.value) for name, parameter in self.parameters.items() if parameter.unit == "days"}

    def source_text(self, source_id: str) -> Text:
        """Return the statement behind an id of an article item, supplement, reading or tension."""
        if source_id in self.tensions:
            return self.tensions[source_id].label
        return self.sources[source_id].text


def _bound(step: Step, program: Program) -> Step:
    """Return a step whose criteria know the scope of every conclusion that they read."""
    criteria = [
        replace(criterion, when=bind(Rule(criterion.id, "", criterion.when, ()), program.scopes, Problems()).when)
        for criterion in step.criteria
    ]
    return replace(step, criteria=tuple(criteria))


def _missing(step_id: str) -> Step:
    raise KeyError(step_id)


def load_rule_base(layers: Sequence[Layer] = (OURS,)) -> RuleBase:
    """Read and check the layers of a rule base, the lowest first.

    Raises :class:`~..facts.problems.Rejected` with every problem: unknown facts, values and
    names, wrong types, missing texts, conclusions that nobody reads, cycles.
    """
    vocabulary = load_vocabulary([layer.facts for layer in layers])
    problems = Problems()
    trees, complete = _trees(layers, problems)
    loader = Loader(vocabulary, problems)
    laid = [tree for tree in trees.values() if tree is not None]
    if laid:
        loader.read(functools.reduce(lambda below, over: overlaid(below, over, problems), laid))
    if not complete:  # names that an unreadable file defines would be reported as unknown everywhere else
        problems.raise_if_any()
    loader.finish()
    _check_taken_away(loader, laid, problems)
    program = build_program(
        loader.rules.values(), loader.steps, loader.actions, loader.findings, problems, loader.declared_scopes, loader.whole
    )
    problems.raise_if_any()
    bound = {rule.id: rule for rule in program.rules}
    return RuleBase(
        version="+".join(_version(name, tree) for name, tree in trees.items()),
        hash=content_hash(layers),
        vocabulary=replace(vocabulary, mentions=()),  # checked by now, and nobody reads them again
        parameters=loader.parameters,
        sources=loader.sources,
        tensions=loader.tensions,
        actions=loader.actions,
        findings=loader.findings,
        talks=loader.talks,
        steps=tuple(_bound(step, program) for step in loader.steps),
        rules={name: bound[name] for name in loader.rules},
        program=program,
        used_parameters=frozenset(loader.used_parameters),
        layers=tuple(layers),
        off=loader.off,
        origins=_origins(trees) | _origins_of_facts(vocabulary, layers),
    )


def _check_taken_away(loader: Loader, laid: Sequence[Mapping], problems: Problems) -> None:
    """Note each conclusion that others read and nobody makes any more, at the record that took its rule away."""
    made = {name for rule in loader.rules.values() for name in rule.concludes}
    advice: list[Action | Finding] = [*loader.actions.values(), *loader.findings.values()]
    asking = [(rule.id, {name for name, _ in reads(rule.when)}) for rule in loader.rules.values()]
    readers: dict[str, list[str]] = {}
    for reader, names in (*asking, *((entry.id, set(entry.withheld_when)) for entry in advice if not entry.off)):
        for name in names - made:
            readers.setdefault(name, []).append(reader)
    before = len(problems)
    for rule in loader.off.values():
        for name in rule.concludes:
            if name in readers and "." not in name:
                problems.add(rule.place, rule.id, "off-read", found=name, readers=listing(readers[name], 5))
    for below, above in _replaced(laid):
        for name in _conclusions(below):
            if name in readers:
                problems.add(above.place, record_id(above), "replaced-read", found=name, other=below.place,
                             readers=listing(readers[name], 5))
    if len(problems) > before:  # the readers need not be told one by one
        problems.raise_if_any()


def _replaced(laid: Sequence[Mapping]) -> Iterator[tuple[Mapping, Mapping]]:
    """Yield each rule that a layer lets conclude something else than the layers below: as it was, and as it is."""
    known: dict[str, Mapping] = {}
    for tree in laid:
        rules = _items(tree.get("rules"))
        own = {record_id(rule): rule for rule in rules if isinstance(rule, Mapping) and rule.get("then") is not None}
        yield from ((known[name], rule) for name, rule in own.items() if name in known)
        known |= own


def _conclusions(rule: Mapping) -> list[str]:
    then = rule.get("then")
    conclude = then.get("conclude") if isinstance(then, Mapping) else None
    return [name.text for name in (conclude, *_items(conclude)) if isinstance(name, Scalar)]


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else ()


def _trees(layers: Sequence[Layer], problems: Problems) -> tuple[dict[str, Mapping | None], bool]:
    """Return the rule files of each layer as one tree, and whether all of them can be read; what is wrong is noted."""
    trees: dict[str, Mapping | None] = {}
    complete = True
    for layer in layers:
        nodes = []
        for path in rule_files(layer.rules):
            try:
                nodes.append(parse(read_bytes(str(path)), str(path), problems))
            except Rejected as rejected:
                problems.take(rejected)
                complete = False
        trees[layer.name] = joined(nodes, problems)
    return trees, complete


def _version(name: str, tree: Mapping | None) -> str:
    """Return the version of a layer; those above ours have their name before it."""
    version = tree.get("version") if tree is not None else None
    number = version.text if isinstance(version, Scalar) else ""
    return number if name == OURS.name else ".".join(filter(None, (name, number)))


def _origins(trees: PlainMapping[str, Mapping | None]) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, tree in trees.items():
        for entry in records(tree):
            found[entry] = (*found.get(entry, ()), name)
    return found


def _origins_of_facts(vocabulary: Vocabulary, layers: Sequence[Layer]) -> dict[tuple[str, str], tuple[str, ...]]:
    return {("facts", name): tuple(layers[at].name for at in found) for name, found in vocabulary.origins.items()}
