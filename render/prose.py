"""Running text that breaks where its language lets it break.

Rich breaks at spaces only, and Chinese has none: it would cut a line in two before a full stop.
"""

from __future__ import annotations

from typing import Any, cast

from rich.cells import cell_len
from rich.console import Console
from rich.containers import Lines
from rich.style import StyleType
from rich.text import Text

_NEVER_FIRST = frozenset("，。；：、？！）》」』】〕”’…—%,.;:?!)]}")
_NEVER_LAST = frozenset("（《「『【〔“‘([{")


class Prose(Text):
    """A text whose lines break at spaces and between Chinese characters, never before a closing sign."""

    @classmethod
    def assemble(cls, *parts: str | Text | tuple[str, StyleType], **options: Any) -> Prose:
        """Return the parts, each with its style if it has one, as one text."""
        return cast("Prose", super().assemble(*parts, **options))

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """Return the text as lines of at most ``width`` cells, unless the table's column forbids it."""
        if options.get("no_wrap") or self.no_wrap:
            return super().wrap(console, width, **options)
        lines = Lines()
        for line in self.split(allow_blank=True):
            for part in line.divide(line_ends(line.plain, width)):
                part.rstrip_end(width)
                lines.append(part)
        return lines


def line_ends(text: str, width: int) -> list[int]:
    """Return the offsets at which a text of one paragraph breaks into lines of at most ``width`` cells."""
    if cell_len(text) <= width:
        return []
    ends: list[int] = []
    start = used = 0
    last_chance = 0
    for at, sign in enumerate(text):
        if at > start and _may_break(text[at - 1], sign):
            last_chance = at
        used += cell_len(sign)
        while used > width and not sign.isspace() and at > start:
            start = last_chance if last_chance > start else at
            ends.append(start)
            used = cell_len(text[start : at + 1])
    return ends


def _may_break(before: str, after: str) -> bool:
    if before.isspace():
        return not after.isspace()
    if after.isspace() or after in _NEVER_FIRST or before in _NEVER_LAST:
        return False
    return _is_wide(before) or _is_wide(after)


def _is_wide(sign: str) -> bool:
    return cell_len(sign) == 2
