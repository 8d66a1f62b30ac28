"""What came of a run, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counted:
    """A step, finding or action, and of how many deals it is told."""

    id: str
    label: str
    deals: int


@dataclass(frozen=True)
class Error:
    """Something that was wrong with an input, and where; what is not known of the place is empty."""

    table: str
    row: int | None
    deal_id: str
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        place = (self.table, self.row, self.column, self.value)
        return f"{':'.join(str(part) for part in place if part not in (None, ''))}: {self.reason}"


@dataclass(frozen=True)
class Report:
    """What came of a run: deals that came in, were scored and were rejected, and what was found of them.

    ``errors`` holds the first few of ``error_count``.
    """

    deals: int
    scored: int
    rejected: int
    steps: list[Counted]
    findings: list[Counted]
    actions: list[Counted]
    error_count: int
    errors: list[Error]
    rule_base_version: str
    rule_base_hash: str
    changes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
