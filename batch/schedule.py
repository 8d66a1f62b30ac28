"""Runs statements at the same time that do not wait for one another.

DuckDB gives a thread a whole row group of a table, so that a statement over few deals keeps one thread busy, and
while it plans, the others wait in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from graphlib import TopologicalSorter
from typing import Any

import duckdb

from ..engine.script import Step

Rows = list[tuple[Any, ...]]


def run_steps(
    database: duckdb.DuckDBPyConnection, steps: Sequence[Step], at_once: int = 1, told: Callable[[], None] = lambda: None
) -> list[Rows]:
    """Run statements, each after those that it needs, and return the rows of each, in the order of the steps.

    At most ``at_once`` run at the same time; ``told`` is called after each. Tables that several of them know must not
    be temporary: each of those that run at the same time has a connection of its own.
    """
    found: list[Rows] = [[] for _ in steps]
    if at_once == 1:
        for number, step in enumerate(steps):
            found[number] = database.execute(step.sql).fetchall()
            told()
        return found
    urgency = _urgency(steps)
    order = TopologicalSorter({number: step.after for number, step in enumerate(steps)})
    order.prepare()
    ready: list[int] = []
    running: dict[Future[Rows], tuple[int, duckdb.DuckDBPyConnection]] = {}
    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        idle = [stack.enter_context(database.cursor()) for _ in range(at_once)]
        try:
            while order.is_active():
                ready = sorted([*ready, *order.get_ready()], key=urgency.__getitem__)
                while ready and idle:
                    number, own = ready.pop(), idle.pop()
                    running[pool.submit(_rows, own, steps[number].sql)] = number, own
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    number, own = running.pop(future)
                    found[number] = future.result()
                    idle.append(own)
                    order.done(number)
                    told()
        except BaseException:
            for _, own in running.values():
                own.interrupt()
            raise
    return found


def _rows(database: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    return database.execute(sql).fetchall()


def _urgency(steps: Sequence[Step]) -> list[int]:
    """Return for each step how much waits for it, itself included, by the length of what is written."""
    waiting = [0] * len(steps)
    for number in reversed(range(len(steps))):
        waiting[number] += len(steps[number].sql)
        for before in steps[number].after:
            waiting[before] = max(waiting[before], waiting[number])
    return waiting
