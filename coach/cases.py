"""Case files: a deal, and what must and must not be concluded about it.

A file holds one case, or several under ``cases``. ``deal`` is a deal, or the path of a deal file
beside the case file; ``change`` is laid over it (what it calls unknown nobody knows any more), and ``drop`` names
what is taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.diagnosis import Diagnosis
from ..facts.deal import Deal, change_of, deal_of, load_deal
from ..facts.edits import Edit, read_drop, without
from ..facts.nodes import Mapping, Node, Scalar
from ..facts.problems import Place, Problems, Rejected, suggestion, suggestion_or_all
from ..facts.reader import Record, describe
from ..facts.source import parse, read_bytes
from ..rules.base import RuleBase

CASE_FILES = (".yaml", ".yml", ".json")
STATES = ("met", "unmet", "unknown")
FIRST_QUESTIONS = 10
_LISTS = {
    "findings": "findings", "no_findings": "findings", "actions": "actions", "no_actions": "actions",
    "first_actions": "actions", "withheld": "actions", "no_withheld": "actions", "fires": "rules", "does_not_fire": "rules",
}


@dataclass(frozen=True)
class Expectation:
    """One line of a case: what kind of thing, which one (``id@item``), and, for a step or a state, which value."""

    kind: str
    name: str
    value: str = ""
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class CaseFile:
    """One case, ready to be checked."""

    name: str
    deal: Deal
    expected: tuple[Expectation, ...]
    place: Place

    @property
    def asks(self) -> bool:
        """Whether the case expects questions."""
        return any(line.kind == "questions" for line in self.expected)


@dataclass(frozen=True)
class Failure:
    """An expectation that a diagnosis does not meet, with what was found instead."""

    expectation: Expectation
    found: str


def load_cases(paths: Iterable[str], base: RuleBase) -> list[CaseFile]:
    """Read every case of some files and folders.

    Raises :class:`~..facts.problems.Rejected` with every problem of every file.
    """
    problems = Problems()
    cases: list[CaseFile] = []
    for path in paths:
        for file in case_files(Path(path)):
            try:
                cases += read_cases(file, base)
            except Rejected as rejected:
                problems.take(rejected)
    problems.raise_if_any()
    return cases


def case_files(path: Path) -> list[Path]:
    """Return the case files under a folder, or the file itself."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in CASE_FILES and is_case_file(file))


def is_case_file(file: Path) -> bool:
    """Tell whether a file holds cases; anything else in the folder, such as the deals themselves, is left alone."""
    try:
        node = parse(read_bytes(str(file)), str(file))
    except Rejected:
        return True  # its mistake is worth telling
    if not isinstance(node, Mapping) or node.get("as_of") is not None:  # a deal has its day, a case has none
        return False
    keys = {key.text for key, _ in node.entries}
    return "cases" in keys or ("deal" in keys and bool(keys & _MARKS))


_MARKS = {"step", "claimed", "readiness", "criteria", "questions", "before", *_LISTS}


def read_cases(file: Path, base: RuleBase) -> list[CaseFile]:
    """Read the cases of one file; see :func:`load_cases`."""
    problems = Problems()
    node = parse(read_bytes(str(file)), str(file), problems)
    top = Record(node, "", problems, node.place)
    reader = _Reader(base, file, problems)
    if top.has("cases"):
        cases = top.records("cases", reader.case)
        top.close()
    else:
        case = reader.case(top)
        top.close()
        cases = () if case is None else (case,)
    problems.raise_if_any()
    return list(cases)


class _Reader:
    def __init__(self, base: RuleBase, file: Path, problems: Problems) -> None:
        self.base = base
        self.file = file
        self.problems = problems
        self.known = {"findings": set(base.findings), "actions": set(base.actions),
                      "rules": {rule.id for rule in base.program.rules}}
        vocabulary = base.vocabulary
        self.facts = {*vocabulary.facts, *vocabulary.collections}
        self.facts |= {f"{of.id}.{fact}" for of in vocabulary.collections.values() for fact in of.facts}

    def case(self, record: Record) -> CaseFile | None:
        name = record.text("name") or self.file.stem
        if record.has("story"):
            record.bilingual("story")
        deal = self.deal(record)
        drops, change = record.scalars("drop"), record.node("change")
        if deal is not None:
            deal = self.changed(deal, change, drops)
        expected = tuple(self.expectations(record))
        if not expected and record.valid:
            self.problems.add(record.place, record.field, "case-expects-nothing")
        if deal is None:
            return None
        for line in expected:
            self.check_item(line, deal)
        return CaseFile(name, deal, expected, record.place)

    def deal(self, record: Record) -> Deal | None:
        node = record.node("deal", required=True)
        try:
            if isinstance(node, Scalar):
                return self.deal_file(node, record.path("deal"))
            if node is not None:
                return deal_of(node, str(self.file), self.base.vocabulary)
        except Rejected as rejected:
            self.problems.take(rejected)
        return None

    def deal_file(self, name: Scalar, field: str) -> Deal | None:
        path = self.file.parent / name.text
        if path.is_file():
            return load_deal(str(path), self.base.vocabulary)
        folder = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        self.problems.add(name.place, field, "case-no-deal", found=name.text, hint=suggestion(path.name, sorted(folder)))
        return None

    def changed(self, deal: Deal, change: Node | None, drops: Sequence[Scalar]) -> Deal:
        try:
            if change is not None:
                deal = Edit(*change_of(change, str(self.file), self.base.vocabulary)).applied(deal)
            return without(deal, [read_drop(name.text, name.place, deal.items, self.base.vocabulary) for name in drops])
        except Rejected as rejected:
            self.problems.take(rejected)
            return deal

    def expectations(self, record: Record) -> Iterable[Expectation]:
        steps = [step.id for step in self.base.steps]
        if record.has("step"):
            yield Expectation("step", record.choice("step", steps), place=record.where("step"))
        if record.has("claimed"):
            yield Expectation("claimed", record.choice("claimed", steps), place=record.where("claimed"))
        if record.has("readiness"):
            part = Record(record.node("readiness"), record.path("readiness"), self.problems, record.place)
            for end in ("low", "high"):
                if part.has(end):
                    yield Expectation("readiness", end, str(part.number(end, 0, 100)), part.where(end))
            part.close()
        if record.has("criteria"):
            yield from self.criteria(record)
        for kind, catalogue in _LISTS.items():
            for name in record.scalars(kind):
                self.check(name, self.known[catalogue], record.path(kind))
                yield Expectation(kind, name.text, place=name.place)
        for name in record.scalars("questions"):
            self.check(name, self.facts, record.path("questions"))
            yield Expectation("questions", name.text, place=name.place)
        for order in record.scalars("before"):
            parts = [part.strip() for part in order.text.split("<")]
            if len(parts) < 2:
                self.problems.add(order.place, record.path("before"), "case-no-order", found=order.text)
            for part_ in parts:
                self.check(Scalar(part_, order.place), self.known["actions"], record.path("before"))
            yield Expectation("before", order.text, place=order.place)

    def criteria(self, record: Record) -> Iterable[Expectation]:
        node = record.node("criteria")
        criteria = {criterion.id for step in self.base.steps for criterion in step.criteria}
        if not isinstance(node, Mapping):
            self.problems.add(record.where("criteria"), record.path("criteria"), "expected-mapping", found=describe(node))
            return
        for key, value in node.entries:
            state = value.text if isinstance(value, Scalar) else ""
            if key.text not in criteria:
                hint = suggestion_or_all(key.text, sorted(criteria))
                self.problems.add(key.place, record.path("criteria"), "unknown-key", found=key.text, hint=hint)
            if state not in STATES:
                self.problems.add(value.place, f"criteria.{key.text}", "not-a-choice", found=state,
                                  hint=suggestion(state, STATES), choices=", ".join(STATES))
            yield Expectation("criteria", key.text, state, key.place)

    def check(self, name: Scalar, known: set[str], field: str) -> None:
        bare = name.text.partition("@")[0]
        if bare not in known:
            self.problems.add(name.place, field, "case-unknown", found=bare, hint=suggestion(bare, sorted(known)))

    def check_item(self, line: Expectation, deal: Deal) -> None:
        for name in line.name.split("<"):
            _, _, item = name.strip().partition("@")
            ids = {entry.id for rows in deal.items.values() for entry in rows}
            if item and item not in ids:
                self.problems.add(line.place, line.kind, "edit-no-item", found=item, hint=suggestion(item, ids))


def check_case(case: CaseFile, diagnosis: Diagnosis) -> list[Failure]:
    """Return the expectations that a diagnosis does not meet."""
    told = _Told(diagnosis)
    return [Failure(line, found) for line in case.expected if (found := told.contradicts(line)) is not None]


class _Told:
    """What a diagnosis says, by the kinds of lines that a case may hold."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis
        self.names = {
            "findings": [named(found.id, found.about) for found in diagnosis.findings],
            "actions": [named(given.id, given.with_) for given in diagnosis.actions],
            "withheld": [named(held.id, held.with_) for held in diagnosis.withheld],
            "fires": [named(traced.rule, traced.about) for traced in diagnosis.trace],
            "questions": [named(asked.fact, asked.about) for asked in diagnosis.questions[:FIRST_QUESTIONS]],
        }
        self.states = {criterion.id: criterion.state for step in diagnosis.steps for criterion in step.criteria}

    def contradicts(self, line: Expectation) -> str | None:
        """Return what was found instead of what a line says, or None if it is as the line says."""
        match line.kind:
            case "step":
                return self.other(self.diagnosis.step.proven, line.name)
            case "claimed":
                return self.other(self.diagnosis.step.claimed or "-", line.name)
            case "readiness":
                return self.other(str(getattr(self.diagnosis.readiness, line.name)), line.value)
            case "criteria":
                return self.other(self.states[line.name], line.value)
            case "before":
                return self.order(line)
            case "first_actions":
                first = self.names["actions"][:5]
                return None if has(first, line.name) else ", ".join(first)
            case "does_not_fire":
                return self.absent(self.names["fires"], line)
            case kind if kind.startswith("no_"):
                return self.absent(self.names[kind.removeprefix("no_")], line)
            case kind:
                return None if has(self.names[kind], line.name) else "-"

    @staticmethod
    def other(found: str, wanted: str) -> str | None:
        return None if found == wanted else found

    @staticmethod
    def absent(names: Sequence[str], line: Expectation) -> str | None:
        there = [name for name in names if has([name], line.name)]
        return ", ".join(there) or None

    def order(self, line: Expectation) -> str | None:
        actions = self.names["actions"]
        places = [next((at for at, name in enumerate(actions) if has([name], part.strip())), None)
                  for part in line.name.split("<")]
        known = [place for place in places if place is not None]
        if len(known) == len(places) and known == sorted(known):
            return None
        return ", ".join(str(place + 1) if place is not None else "-" for place in places)


def named(name: str, about: str) -> str:
    """Return a name as a case writes it."""
    return f"{name}@{about}" if about else name


def has(names: Sequence[str], wanted: str) -> bool:
    """Tell whether a name is among others; one without an item stands for any item."""
    return any(name == wanted or ("@" not in wanted and name.partition("@")[0] == wanted) for name in names)
