"""Takes a CSV file apart into records, as DuckDB does, so that a line which is none costs no other."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

LONGEST_TEXT = 2_000_000  # bytes of a record, as many as DuckDB takes
_LONGEST_RECORD = 1_000  # lines; a cell that goes on for longer has a quote that nobody closed
_ENDS = "\r\n"
_OPENING = re.compile(' *"')
_CLOSING = re.compile(r'((?:[^"]++|"")*+)(?:(") *)?')


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a CSV file: where it begins and how many lines it takes; without cells if it is none.

    A blank line has no cells either, but an empty list.
    """

    line: int
    lines: int
    text: str
    cells: list[str] | None


def wrong_with(record: Record, expected: int, undecoded: frozenset[int]) -> tuple[str, dict[str, str]]:
    """Return the message of what is wrong with a record, and the words that fill it; empty cells at its end are not.

    ``undecoded`` are the numbers of lines that are in no encoding that is known.
    """
    cells = record.cells
    if undecoded and not undecoded.isdisjoint(range(record.line, record.line + record.lines)):
        return "batch-line-encoding", {}
    if cells is None or _is_too_long(record.text):
        return "batch-line-quotes", {}
    if cells and (len(cells) < expected or any(cells[expected:])):
        return "batch-line-cells", {"found": str(len(cells)), "expected": str(expected)}
    return "", {}


def _is_too_long(text: str) -> bool:
    return len(text) * 4 > LONGEST_TEXT and len(text.encode()) > LONGEST_TEXT


def records(lines: Iterable[str], separator: str, number: int = 1) -> Iterator[Record]:
    """Yield each record of a CSV file; the first line has this number.

    A line that opens a quote which is not closed as it should be has no cells, and the next record
    begins right after it.
    """
    source, waiting = iter(lines), deque[str]()

    def take() -> str:
        return waiting.popleft() if waiting else next(source, "")

    while line := take():
        taken, plain = [line], line.rstrip(_ENDS)
        cells = _cells(taken, take, separator) if '"' in plain else plain.split(separator) if plain else []
        if cells is None:
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        yield Record(number, len(taken), "".join(taken), cells)
        number += len(taken)


def _cells(taken: list[str], take: Callable[[], str], separator: str) -> list[str] | None:
    """Return the cells of the record that begins with the line in ``taken``, which gains those that it goes on over.

    As DuckDB has it, blanks around the quotes of a cell are no part of it, and within a cell without them a quote is a sign.
    """
    cells: list[str] = []
    line, place = taken[0].rstrip(_ENDS), 0
    while True:
        if opening := _OPENING.match(line, place):
            found = _quoted_cell(taken, take, opening.end())
            if found is None:
                return None
            cell, place = found
            line = taken[-1].rstrip(_ENDS)
            if place < len(line) and line[place] != separator:
                return None
        else:
            end = line.find(separator, place)
            cell, place = line[place: end if end >= 0 else None], end if end >= 0 else len(line)
        cells.append(cell)
        if place >= len(line):
            return cells
        place += 1


def _quoted_cell(taken: list[str], take: Callable[[], str], place: int) -> tuple[str, int] | None:
    """Return what stands from a place in the last line on to the closing quote, and where in the then last line that ends."""
    parts: list[str] = []
    while closing := _CLOSING.match(taken[-1], place):
        parts.append(closing[1])
        if closing[2]:
            return "".join(parts).replace('""', '"'), closing.end()
        if len(taken) >= _LONGEST_RECORD or not (line := take()):
            break
        taken.append(line)
        place = 0
    return None
