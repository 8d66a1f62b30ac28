"""A script of SQL: statements, some of which need others to be done before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A statement of a script, and the numbers of those before it that have to be done first."""

    sql: str
    after: tuple[int, ...] = ()
