"""Hypothesis strategies for the whole suite: conditions, rule bases, cases, deals.

Generated rule bases speak a small vocabulary of their own: a few facts of every type about the
deal and about two kinds of items, one of which refers to the other.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from dealready.engine.case import Case, Row
from dealready.facts.deal import Deal, Item, Observation
from dealready.facts.problems import Rejected
from dealready.facts.values import FactValue
from dealready.facts.vocabulary import Fact, Vocabulary
from dealready.rules.language import (
    Absent,
    All,
    Any,
    Condition,
    FactPath,
    FactTest,
    Holds,
    Listed,
    Quantifier,
    Rule,
    Span,
)
from dealready.rules.program import Program, build_program
from hypothesis import strategies as st

DAY = date(2026, 3, 16)
COLLECTIONS = ("people", "signs")
LEVELS = ("low", "middle", "high")
MEMBERS = ("red", "green", "blue")

FACTS: dict[str, dict[str, str]] = {
    "": {"a.flag": "bool", "a.level": "level", "a.number": "number", "a.day": "day", "a.colours": "members"},
    "people": {"flag": "bool", "level": "level", "number": "number", "day": "day", "colours": "members"},
    "signs": {"kind": "level", "count": "number", "by": "ref"},
}

_VALUES: dict[str, st.SearchStrategy[object]] = {
    "bool": st.booleans(),
    "level": st.sampled_from(LEVELS),
    "number": st.sampled_from([Decimal(0), Decimal(1), Decimal("1.5"), Decimal(3)]),
    "day": st.integers(-3, 3).map(lambda days: DAY - timedelta(days=days)),
    "members": st.lists(st.sampled_from(MEMBERS), unique=True, max_size=3).map(lambda found: tuple(sorted(found))),
    "ref": st.sampled_from(["p0", "p1", "nobody"]),
}


def _spans(numbers: st.SearchStrategy[object]) -> st.SearchStrategy[Span]:
    return st.one_of(
        st.builds(Span, low=numbers, low_open=st.booleans()),
        st.builds(Span, high=numbers, high_open=st.booleans()),
    )


_OPERANDS: dict[str, list[tuple[str, st.SearchStrategy[object]]]] = {
    "bool": [("in", st.sampled_from([(True,), (False,)])), ("not_in", st.sampled_from([(True,), (False,)]))],
    "level": [
        ("in", st.lists(st.sampled_from(LEVELS), min_size=1, max_size=2, unique=True).map(tuple)),
        ("not_in", st.sampled_from(LEVELS).map(lambda level: (level,))),
    ],
    "number": [("range", _spans(_VALUES["number"]))],
    "day": [("age", _spans(st.integers(-2, 2)))],
    "members": [
        (kind, st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=2, unique=True).map(tuple))
        for kind in ("has_any", "has_all", "lacks")
    ] + [("size", _spans(st.integers(0, 2)))],
    "ref": [],
}
_ABOUT_KNOWLEDGE = ("known", "unknown", "stale", "inferred")


def _paths(scope: str) -> list[tuple[FactPath, str]]:
    paths = [(FactPath("deal", name), kind) for name, kind in FACTS[""].items()]
    if scope:
        paths += [(FactPath("item", name, scope), kind) for name, kind in FACTS[scope].items()]
    if scope == "signs":
        paths += [(FactPath("ref", name, "people", "by"), kind) for name, kind in FACTS["people"].items()]
    return paths


@st.composite
def tests_of_facts(draw: st.DrawFn, scope: str, about_knowledge: bool) -> FactTest:
    """A test of a fact that a condition of this scope can see."""
    path, kind = draw(st.sampled_from(_paths(scope)))
    choices: list[tuple[str, st.SearchStrategy[object]]] = list(_OPERANDS[kind])
    choices += [(name, st.just(())) for name in (_ABOUT_KNOWLEDGE if about_knowledge else ("known",))]
    name, operands = draw(st.sampled_from(choices))
    return FactTest(path, name, draw(operands))  # type: ignore[arg-type]


@st.composite
def conditions(
    draw: st.DrawFn, scope: str = "", conclusions: tuple[tuple[str, str], ...] = (), depth: int = 3,
    about_knowledge: bool = True,
) -> Condition:
    """A condition of a scope that may read the given conclusions, as (name, collection)."""
    readable = [pair for pair in conclusions if pair[1] in ("", scope)]
    kinds = ["test", "test", "test", "listed"] + ["conclusion"] * (3 if readable else 0)
    if depth:
        kinds += ["all", "any", "quantifier", "quantifier"]
    kind = draw(st.sampled_from(kinds))
    deeper = conditions(scope, conclusions, depth - 1, about_knowledge) if depth else st.nothing()
    match kind:
        case "test":
            return draw(tests_of_facts(scope, about_knowledge))
        case "listed":
            return Listed(draw(st.sampled_from(COLLECTIONS)), draw(st.booleans())) if about_knowledge else All(())
        case "conclusion":
            make = draw(st.sampled_from([Holds, Absent]))
            return make(*draw(st.sampled_from(readable)))
        case "all":
            return All(tuple(draw(st.lists(deeper, max_size=3))))
        case "any":
            return Any(tuple(draw(st.lists(deeper, max_size=3))))
        case _:
            of = draw(st.sampled_from(COLLECTIONS))
            inner = conditions(of, conclusions, depth - 1, about_knowledge)
            name = draw(st.sampled_from(["some", "none", "every", "count"]))
            have = draw(inner) if name == "every" else None
            span = draw(_spans(st.integers(0, 3))) if name == "count" else Span()
            return Quantifier(name, of, draw(inner), have, span)  # type: ignore[arg-type]


@st.composite
def programs(draw: st.DrawFn, most_rules: int = 8) -> Program:
    """A rule base without cycles: each rule reads conclusions of the rules drawn before it."""
    rules: list[Rule] = []
    made: list[tuple[str, str]] = []
    for number in range(draw(st.integers(1, most_rules))):
        scope = draw(st.sampled_from(["", "", *COLLECTIONS]))
        earlier = [name for name, collection in made if collection == scope]
        name = draw(st.sampled_from([f"c{number}", *earlier]))
        before = tuple(pair for pair in made if pair[0] != name)
        rules.append(Rule(f"r{draw(st.integers(0, 99))}.{number}", scope, draw(conditions(scope, before)), (name,)))
        made.append((name, scope))
    try:
        return build_program(rules)
    except Rejected:  # a name made twice may close a circle: keep what came first of each name
        first = {rule.concludes[0]: rule for rule in reversed(rules)}
        return build_program(list(first.values()))


@st.composite
def rows(draw: st.DrawFn, scope: str, row_id: str = "") -> Row:
    """A row with some facts known, some of them inferred, some stale."""
    values, stale, inferred = {}, set(), set()
    for name, kind in FACTS[scope].items():
        state = draw(st.sampled_from(["known", "known", "unknown", "stale", "inferred"]))
        if state in ("known", "inferred"):
            values[name] = draw(_VALUES[kind])
        if state == "inferred":
            inferred.add(name)
        if state == "stale":
            stale.add(name)
    return Row(row_id, values, frozenset(stale), frozenset(inferred))  # type: ignore[arg-type]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A deal of the small vocabulary; a collection may be unlisted, empty, or hold a few items."""
    items: dict[str, tuple[Row, ...]] = {}
    for collection in COLLECTIONS:
        size = draw(st.integers(-1, 3))
        if size >= 0:
            items[collection] = tuple(draw(rows(collection, f"{collection[0]}{number}")) for number in range(size))
    if "signs" in items:
        people = {row.id: row for row in items.get("people", ())}
        items["signs"] = tuple(_with_person(row, people) for row in items["signs"])
    return Case(DAY, draw(rows("")), items)


def _with_person(row: Row, people: dict[str, Row]) -> Row:
    person = people.get(str(row.values.get("by")))
    if person is None:
        return row
    values = {**row.values, "by.id": person.id, **{f"by.{name}": value for name, value in person.values.items()}}
    return Row(
        row.id, values, row.stale | {f"by.{name}" for name in person.stale},
        row.inferred | {f"by.{name}" for name in person.inferred},
    )


AS_OF = date(2026, 3, 16)
_TEXTS = st.sampled_from(["a", "two words", "钢铁", "‘quoted’"])


def values_of(fact: Fact) -> st.SearchStrategy[FactValue]:
    """Values that a fact of our own vocabulary allows."""
    ids = [value.id for value in fact.values]
    match fact.type:
        case "bool":
            return st.booleans()
        case "enum" | "ordinal":
            return st.sampled_from(ids)
        case "int":
            return st.integers(0, 4)
        case "decimal" | "money":
            low = int(fact.minimum or 0)
            high = int(fact.maximum if fact.maximum is not None else 5_000_000)
            return st.sampled_from([Decimal(low), Decimal(high), Decimal(low + high) / 2])
        case "date":
            return st.integers(-60, 400).map(lambda days: AS_OF - timedelta(days=days))
        case "set":
            return st.lists(st.sampled_from(ids), unique=True).map(lambda found: tuple(sorted(found, key=ids.index)))
        case "list":
            return st.lists(_TEXTS, unique=True, max_size=2).map(tuple)
        case "ref":
            return st.sampled_from(["i0", "i1", "nobody"])
        case "refs":
            return st.lists(st.sampled_from(["i0", "i1", "nobody"]), unique=True, max_size=2).map(tuple)
        case _:
            return _TEXTS


@st.composite
def observations(draw: st.DrawFn, fact: Fact) -> Observation:
    """A value with, sometimes, the day it was seen and whether it is only inferred."""
    seen = draw(st.none() | st.integers(-20, 120).map(lambda days: AS_OF - timedelta(days=days)))
    return Observation(draw(values_of(fact)), seen=seen, confirmed=draw(st.booleans()))


@st.composite
def _some_facts(draw: st.DrawFn, facts: dict[str, Fact], most: int) -> dict[str, Observation]:
    names = draw(st.lists(st.sampled_from(sorted(facts)), unique=True, max_size=most))
    return {name: draw(observations(facts[name])) for name in names}


@st.composite
def deals(draw: st.DrawFn, vocabulary: Vocabulary) -> Deal:
    """A deal of our own vocabulary: some facts known, some collections listed."""
    facts = draw(_some_facts({name: fact for name, fact in vocabulary.facts.items() if name != "as_of"}, 40))
    items = {}
    for collection in vocabulary.collections.values():
        size = draw(st.integers(-1, 3))
        if size >= 0:
            items[collection.id] = tuple(Item(f"i{number}", draw(_some_facts(collection.facts, 12))) for number in range(size))
    return Deal({**facts, "as_of": Observation(AS_OF)}, items, "generated.yaml")
