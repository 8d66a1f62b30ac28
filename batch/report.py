"""What came of a run, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """What came of a run: deals that came in, were scored and were rejected, and what was found of them."""

    deals: int
    scored: int
    rejected: int
    steps: list[tuple[str, str, int]]
    findings: list[tuple[str, str, int]]
    actions: list[tuple[str, str, int]]
    errors: list[str]
    changes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
