"""What an engine sees of a deal: values that count, on the day ``as_of``.

Stale observations are left out (they count as unknown), inferred ones are marked, and the facts
behind a reference are laid beside it (``by.attitude``), so that a test is always of one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ..facts.deal import Deal, Observation
from ..facts.values import FactValue
from ..facts.vocabulary import Fact, Vocabulary
from ..rules.language import FactPath, FactTest, Span

DEAL_ID = ""


@dataclass(frozen=True)
class Row:
    """The deal (``id`` empty) or one item: its known values, and which facts are stale or only inferred."""

    id: str
    values: Mapping[str, FactValue]
    stale: frozenset[str] = frozenset()
    inferred: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """One deal, ready to be judged. Items are in the order of their ids; unlisted collections are absent."""

    as_of: date
    deal: Row
    items: Mapping[str, tuple[Row, ...]]

    def rows(self, scope: str) -> tuple[Row, ...]:
        """Return the rows that a rule of this scope is asked about."""
        return self.items.get(scope, ()) if scope else (self.deal,)

    def row(self, scope: str, row_id: str) -> Row:
        """Return one row by id; KeyError if there is none."""
        for row in self.rows(scope):
            if row.id == row_id:
                return row
        raise KeyError((scope, row_id))


def build_case(deal: Deal, vocabulary: Vocabulary, stale_limits: Mapping[str, int]) -> Case:
    """Return the case of a deal; ``stale_limits`` gives the days of life of each ``stale_after``."""
    as_of = deal.as_of
    top = _row(DEAL_ID, deal.facts, vocabulary.facts, as_of, stale_limits)
    plain = {
        name: {item.id: _row(item.id, item.facts, vocabulary.collections[name].facts, as_of, stale_limits) for item in items}
        for name, items in deal.items.items()
    }
    items = {
        name: tuple(_with_references(rows[row_id], vocabulary.collections[name].facts, plain) for row_id in sorted(rows))
        for name, rows in plain.items()
    }
    return Case(as_of, top, items)


def is_stale(fact: Fact, observed: Mapping[str, Observation], as_of: date, stale_limits: Mapping[str, int]) -> bool:
    """Tell whether a known fact does not count on ``as_of``; ``observed`` is the row that it stands in.

    It does not if it was seen too long ago for its kind or, the file says, only later; and if its value is true
    from a later day on. Without such a date it counts.
    """
    observation = observed[fact.id]
    since = observed.get(fact.since.get(str(observation.value), ""))
    if since is not None and isinstance(since.value, date) and since.value > as_of:
        return True
    if not fact.stale_after or observation.seen is None:
        return False
    return not 0 <= (as_of - observation.seen).days <= stale_limits[fact.stale_after]


def _row(
    row_id: str, observed: Mapping[str, Observation], facts: Mapping[str, Fact], as_of: date, limits: Mapping[str, int]
) -> Row:
    stale = frozenset(name for name in observed if is_stale(facts[name], observed, as_of, limits))
    values = {name: observation.value for name, observation in observed.items() if name not in stale}
    inferred = frozenset(name for name in values if not observed[name].confirmed)
    return Row(row_id, values, stale, inferred)


def _with_references(row: Row, facts: Mapping[str, Fact], tables: Mapping[str, Mapping[str, Row]]) -> Row:
    """Return the row with the facts of every item that it refers to, under ``reference.fact``."""
    values, stale, inferred = dict(row.values), set(row.stale), set(row.inferred)
    for name in [name for name in row.values if facts[name].type == "ref"]:
        target = tables.get(facts[name].to, {}).get(str(row.values[name]))
        if target is None:
            continue
        values[f"{name}.id"] = target.id
        values.update({f"{name}.{fact}": value for fact, value in target.values.items()})
        stale.update(f"{name}.{fact}" for fact in target.stale)
        inferred.update(f"{name}.{fact}" for fact in target.inferred)
    return Row(row.id, values, frozenset(stale), frozenset(inferred))


def test_holds(test: FactTest, row: Row, as_of: date) -> bool:
    """Tell whether a test holds of a row, which must be the one that owns the tested fact."""
    name = str(test.path)
    match test.kind:
        case "known":
            return name in row.values
        case "unknown":
            return name not in row.values
        case "stale":
            return name in row.stale
        case "inferred":
            return name in row.inferred
        case _:
            return name in row.values and value_satisfies(test, row.values[name], as_of)


def value_satisfies(test: FactTest, value: FactValue, as_of: date) -> bool:
    """Tell whether a known value satisfies a test on values."""
    operand = test.operand
    if isinstance(operand, Span):
        match test.kind:
            case "age":
                assert isinstance(value, date)
                return operand.holds((as_of - value).days)
            case "size":
                assert isinstance(value, tuple)
                return operand.holds(len(value))
            case _:
                return operand.holds(value)
    match test.kind:
        case "in":
            return value in operand
        case "not_in":
            return value not in operand
    assert isinstance(value, tuple)
    match test.kind:
        case "has_all":
            return all(member in value for member in operand)
        case "has_any":
            return any(member in value for member in operand)
        case _:
            return not any(member in value for member in operand)


def owner_row(path: FactPath, row: Row, case: Case) -> Row:
    """Return the row that a path reads from: the deal's, or the one at hand."""
    return case.deal if path.owner == "deal" else row


