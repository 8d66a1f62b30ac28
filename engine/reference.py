"""The meaning of rules in executable form: slow, short, and plainly what the documentation says.

Stratum by stratum, each rule is asked of each row of its scope. It serves as the judge of the
other engines, and answers questions that need many evaluations of one deal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier
from ..rules.program import Program
from .case import Case, Row, owner_row, test_holds
from .outcome import Firing, Outcome

Concluded = Mapping[str, set[str]]


def conclude(program: Program, case: Case, settled: Mapping[str, Collection[str]] | None = None) -> Outcome:
    """Return everything that follows from a case, and from what is ``settled`` already."""
    concluded: dict[str, set[str]] = {name: set(about) for name, about in (settled or {}).items()}
    fired: list[Firing] = []
    for stratum in program.strata:
        firing = [
            (rule, row.id)
            for rule in stratum
            for row in case.rows(rule.scope)
            if holds(rule.when, row, case, concluded)
        ]
        for rule, about in firing:
            fired.append(Firing(rule.id, about))
            for name in rule.concludes:
                concluded.setdefault(name, set()).add(about)
    return Outcome({name: frozenset(about) for name, about in concluded.items()}, tuple(fired))


def holds(condition: Condition, row: Row, case: Case, concluded: Concluded) -> bool:
    """Tell whether a condition holds of a row (the deal's own, for a condition about the deal)."""
    match condition:
        case FactTest():
            return test_holds(condition, owner_row(condition.path, row, case), case.as_of)
        case All(parts):
            return all(holds(part, row, case, concluded) for part in parts)
        case Any(parts):
            return any(holds(part, row, case, concluded) for part in parts)
        case Holds(name, collection):
            return (row.id if collection else "") in concluded.get(name, ())
        case Absent(name, collection):
            return (row.id if collection else "") not in concluded.get(name, ())
        case Listed(of, wanted):
            return (of in case.items) == wanted
        case Quantifier():
            return quantifier_holds(condition, _count(condition, case, concluded))


def quantifier_holds(quantifier: Quantifier, count: int) -> bool:
    """Tell whether a quantifier holds, given the number of items that it counts."""
    match quantifier.name:
        case "some":
            return count > 0
        case "none" | "every":
            return count == 0
        case _:
            return quantifier.span.holds(count)


def _count(quantifier: Quantifier, case: Case, concluded: Concluded) -> int:
    """Count the items with ``where``; for ``every``, those of them that lack ``have``."""
    return sum(
        holds(quantifier.where, item, case, concluded)
        and not (quantifier.have is not None and holds(quantifier.have, item, case, concluded))
        for item in case.rows(quantifier.of)
    )
