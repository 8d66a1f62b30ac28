"""Lets a run take more deals than memory holds: it goes part by part, and its output waits in files, slice by slice."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from ..facts.tables import KEY
from .canonical import Canonical, Part
from .cells import literal

MOST_DEALS = 1_000_000
ROW_GROUP = 122_880  # rows, of DuckDB's own tables and of the files that it writes: a thread takes a whole one
_BYTES_A_DEAL = 2000  # of the widest tables that are held at once, as measured; beyond that much, parts spill
_BYTES_EXPLAINED = 60_000  # of a deal with the states of its conditions, which are laid down before they are sorted
_BYTES_A_ROW = 400  # of a table that is sorted, as measured
_ROWS_A_DEAL = {
    "deals": 1, "criteria": 60, "findings": 40, "actions": 40, "questions": 10, "fired": 160, "conditions": 600,
    "contradictions": 2,
}
_UNITS = {prefix: 1 << 10 * power for power, prefix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}


def deals_at_once(database: duckdb.DuckDBPyConnection, explained: bool = False) -> int:
    """Return how many deals a part has at most, by the memory that DuckDB may take; ``explained`` ones take far more."""
    return max(1, min(MOST_DEALS, _memory(database) // _bytes_a_deal(explained)))


def statements_at_once(database: duckdb.DuckDBPyConnection, deals: int, explained: bool = False) -> int:
    """Return how many statements over so many deals should run at the same time.

    One, if its row groups keep all threads busy; otherwise as many as there are threads, and memory for.
    """
    threads = threads_of(database)
    if deals >= threads * ROW_GROUP:
        return 1
    return max(1, min(threads, _memory(database) // (max(deals, 1) * _bytes_a_deal(explained))))


def _bytes_a_deal(explained: bool) -> int:
    return _BYTES_EXPLAINED if explained else _BYTES_A_DEAL


def threads_of(database: duckdb.DuckDBPyConnection) -> int:
    """Return how many threads DuckDB may use."""
    (threads,) = database.execute("SELECT current_setting('threads')").fetchone() or (1,)
    return int(threads)


def _memory(database: duckdb.DuckDBPyConnection) -> int:
    (limit,) = database.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    found = re.fullmatch(r"([\d.]+) (\w*?)(B|bytes?)", limit)
    assert found is not None, limit
    return int(float(found[1]) * _UNITS[found[2]])


class Aside:
    """Files, beside the temporary ones of a run, of its output tables: they take no memory while the run goes on.

    A table is sorted slice by slice: DuckDB does not always manage to spill what does not fit.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path, canonical: Canonical) -> None:
        self.database = database
        self.folder = folder
        self.canonical = canonical
        self.files: dict[str, list[str]] = {}  # by table, as SQL writes them
        rows = _memory(database) // _BYTES_A_ROW
        self.most = {table: max(1, rows // each) for table, each in _ROWS_A_DEAL.items()}  # deals of a slice

    def put(self, table: str, query: str, part: Part) -> None:
        """Write an output table of the deals of a part, which a query tells."""
        waiting = self.canonical.parts(self.most[table], part)
        while waiting:
            piece = waiting.pop(0)
            files = self.files.setdefault(table, [])
            file = literal(self.folder / f"{table}-{len(files)}.parquet")
            try:
                self.database.execute(f"COPY (FROM ({query}){piece.where(KEY)}) TO {file} (FORMAT parquet)")
            except duckdb.OutOfMemoryException:
                deals = self.canonical.count(piece)
                if deals < 2:
                    raise
                self.most[table] = -(-deals // 2)
                waiting = [*self.canonical.parts(self.most[table], piece), *waiting]
            else:
                files.append(file)

    def bring_back(self) -> None:
        """Let the output tables be those of all parts, one after another."""
        for table, files in self.files.items():
            self.database.execute(f"CREATE VIEW out_{table} AS SELECT * FROM read_parquet([{', '.join(files)}])")
