"""The rule base: everything under ``rules/``, read, checked against the vocabulary, and ordered.

base = load_rule_base()
base.program.rules          every rule, the ones made from criteria and catalogues included
base.parameters["contact_stale_days"].value
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..facts.problems import Problems, Rejected
from ..facts.texts import Text
from ..facts.vocabulary import FOLDER as VOCABULARY_FOLDER
from ..facts.vocabulary import Vocabulary, load_vocabulary
from .catalogue import Action, Finding, Parameter, Source, Step, Talk, Tension
from .language import Rule
from .loader import Loader
from .program import Program, bind, build_program

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class RuleBase:
    """One version of the rules, with the vocabulary they speak."""

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


def rule_files(folder: Path = FOLDER) -> Iterator[Path]:
    """Yield the YAML files of a rule folder in a fixed order."""
    yield from sorted(folder.rglob("*.yaml"), key=lambda path: path.relative_to(folder).as_posix())


def content_hash(folders: Iterable[Path] = (VOCABULARY_FOLDER, FOLDER)) -> str:
    """Return a hash of every YAML file's name and content; line ends do not count."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in rule_files(folder):
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            content = path.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def load_rule_base(folder: Path = FOLDER, vocabulary: Vocabulary | None = None) -> RuleBase:
    """Read and check the rules of a folder.

    Raises :class:`~..facts.problems.Rejected` with every problem: unknown facts, values and
    names, wrong types, missing texts, conclusions that nobody reads, cycles.
    """
    words = vocabulary or load_vocabulary()
    problems = Problems()
    loader = Loader(words, problems)
    unreadable = False
    for path in rule_files(folder):
        try:
            loader.file(path, path.relative_to(folder).as_posix())
        except Rejected as rejected:
            problems.take(rejected)
            unreadable = True
    if unreadable:  # names that it defines would be reported as unknown everywhere else
        problems.raise_if_any()
    loader.finish()
    problems.raise_if_any()
    program = build_program(
        loader.rules.values(), loader.steps, loader.actions, loader.findings, problems, loader.declared_scopes
    )
    problems.raise_if_any()
    bound = {rule.id: rule for rule in program.rules}
    return RuleBase(
        version=loader.version,
        hash=content_hash((VOCABULARY_FOLDER, folder)),
        vocabulary=words,
        parameters=loader.parameters,
        sources=loader.sources,
        tensions=loader.tensions,
        actions=loader.actions,
        findings=loader.findings,
        talks=loader.talks,
        steps=tuple(_bound(step, program) for step in loader.steps),
        rules={name: bound[name] for name in loader.rules},
        program=program,
    )
