"""What an edit of the rules changes about a portfolio, before it is made, and which of its parts is behind what."""

from __future__ import annotations

from ..batch.engines import any_order, duckdb_at_work
from ..batch.sources import read_in_place
from ..rules.base import RuleBase
from .blame import blame
from .edits import rule_edits
from .side_by_side import Comparison, Impact


def impact(old: RuleBase, new: RuleBase, source: str, memory: str = "", threads: int = 0) -> Impact:
    """Return what the step from one rule base to another changes about the deals of a source.

    Raises :class:`~..batch.refusal.BadSource` if the source can't be used.
    """
    edits = rule_edits(old, new)
    with duckdb_at_work(memory, threads) as (database, _), any_order(database), read_in_place(source):
        comparison = Comparison(database, old, new)
        rejected = comparison.read(source)
        comparison.compare()
        return comparison.result(edits, rejected, blame(comparison, edits))
