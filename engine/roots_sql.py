"""What is worth asking for, as SQL: the roots of the ranking of :mod:`.questions_sql`, and where a deal stands."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from ..facts.tables import column_name
from ..rules.base import RuleBase
from ..rules.catalogue import Step
from ..rules.language import Holds, Rule
from ..rules.program import LOST
from .expressions import Cases, all_hold, both, col, negated, paren, whole
from .questions import CLAIMED_STEP, SHARES, step_points, worth
from .questions_sql import Root, Stage
from .sql import Compiled


def roots(base: RuleBase, compiled: Compiled) -> list[Root]:
    """Return what is worth asking for: open criteria, and rules that could still find or advise something."""
    found = [root for number, step in enumerate(base.steps) for root in _of_criteria(base, compiled, number, step)]
    found += [root for rule in base.rules.values() if (root := _of_rule(base, compiled, rule))]
    return found


def _of_criteria(base: RuleBase, compiled: Compiled, number: int, step: Step) -> Iterator[Root]:
    """Yield the criteria of a step; none is worth anything once the deal is lost."""
    points = Cases()
    for here, proven in enumerate(base.steps):
        points = points.when(col(compiled.columns[f"step.{proven.id}"]), whole(step_points(base, number - here) * SHARES))
    worth_ = points.otherwise(whole(0))
    for criterion in step.criteria:
        pending = both(col(compiled.columns[f"open.{criterion.id}"]), negated(paren(_lost(compiled, ""))))
        yield Root("", criterion.when, worth_.copy(), pending)


def _of_rule(base: RuleBase, compiled: Compiled, rule: Rule) -> Root | None:
    most, after_loss = (worth(base, rule, lost)[0] * SHARES for lost in (False, True))
    if not most:
        return None
    settled = all_hold([col(compiled.columns[name]) for name in rule.concludes])
    points = whole(most) if most == after_loss else Cases().when(
        _lost(compiled, rule.scope), whole(after_loss)).otherwise(whole(most))
    return Root(rule.scope, rule.when, points, negated(paren(settled)))


def _lost(compiled: Compiled, scope: str) -> exp.Expr:
    return compiled.test(Holds(LOST), scope)


def stage(base: RuleBase, compiled: Compiled) -> Stage:
    """Return the numbers of the proven step, and of the claimed one if that lies beyond."""
    proven, claimed = Cases(), Cases()
    for number, step in enumerate(base.steps):
        proven = proven.when(col(compiled.columns[f"step.{step.id}"]), whole(number))
        is_claimed = exp.EQ(this=col(column_name(CLAIMED_STEP)), expression=exp.Literal.string(step.id))
        claimed = claimed.when(is_claimed, whole(number))
    here = proven.otherwise(whole(0))
    return Stage(here, exp.Greatest(this=here.copy(), expressions=[claimed.otherwise(whole(0))]))
