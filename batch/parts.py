"""Lets a run take more deals than memory holds: it goes part by part, and what came of a part waits in files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

MOST_DEALS = 1_000_000
_BYTES_A_DEAL = 3_000  # of the widest tables that are held at once, as measured; beyond that much, parts spill
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def deals_at_once(database: duckdb.DuckDBPyConnection) -> int:
    """Return how many deals a part has at most, by the memory that DuckDB may take."""
    (limit,) = database.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    found = re.fullmatch(r"([\d.]+) (\w*?)(B|bytes?)", limit)
    assert found is not None, limit
    return max(1, min(MOST_DEALS, int(float(found[1]) * _UNITS[found[2]]) // _BYTES_A_DEAL))


class Aside:
    """Files, beside the temporary ones of a run, of the output tables of the parts that are done."""

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.files: dict[str, list[str]] = {}

    def put(self, tables: Iterable[str]) -> None:
        """Move the output tables of a part out of memory."""
        for table in tables:
            files = self.files.setdefault(table, [])
            files.append(str(self.folder / f"{table}-{len(files)}.parquet").replace("'", "''"))
            self.database.execute(f"COPY out_{table} TO '{files[-1]}' (FORMAT parquet)")
            self.database.execute(f"DROP TABLE out_{table}")

    def bring_back(self) -> None:
        """Let the output tables be those of all parts, one after another."""
        for table, files in self.files.items():
            listed = ", ".join(f"'{file}'" for file in files)
            self.database.execute(f"CREATE VIEW out_{table} AS SELECT * FROM read_parquet([{listed}])")
