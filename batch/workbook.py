"""The output as a workbook that a person opens: frozen headers, filters, widths, colours by status."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from rich.cells import cell_len

from ..engine.outputs import CONDITIONS
from ..facts.texts import Language
from ..render.words import say
from .labels import Label, called_otherwise
from .previous import CALLED, HEADER, IDS, NEVER_HELD, OUTPUT_TABLES, held
from .refusal import BadSource

_MOST_ROWS = 1_048_575
_GREEN, _YELLOW, _RED, _GREY, _VIOLET = "C6EFCE", "FFEB9C", "FFC7CE", "EDEDED", "E4DFEC"
_STATUS = "status_"  # begins the columns with the status of a step
_COLOURS: Mapping[str, Mapping[object, str]] = {  # by column and id: a name that a person gave may be the same word
    _STATUS: {"complete": _GREEN, "in_progress": _YELLOW, "not_started": _GREY, "blocked": _RED},
    "state": {"met": _GREEN, "unmet": _RED, "unknown": _GREY},
    "kind": {"strength": _GREEN, "gap": _YELLOW, "risk": _RED, "conflict": _VIOLET},
    "severity": {"high": _RED},
    "scored": {False: _RED},
    "change": {
        "forward": _GREEN, "progressed": _GREEN, "new": _GREEN, "stalled": _YELLOW, "slipped": _RED, "back": _RED,
        "gone": _GREY, "not_scored": _RED,
    },
}
_FORMATS = {"deal_amount": "#,##0"}
_BETWEEN = re.compile(r"(\[|\]|, |;|\.\.)")  # the ids in a value or threshold
_HELP_LINES = 5
_WIDEST, _SAMPLE = 60, 200
_TOP, _WRAPPED = Alignment(vertical="top"), Alignment(wrap_text=True, vertical="top")


@dataclass(frozen=True)
class _Looks:
    """How cells look: the label of each column and value, and the fill of each colour."""

    labels: Mapping[tuple[str, str], str]
    fills: Mapping[str, PatternFill]

    def fill(self, column: str, value: object) -> PatternFill | None:
        """Return the fill of a value that has a colour."""
        colour = _COLOURS.get(_STATUS if column.startswith(_STATUS) else column, {}).get(value)
        return self.fills[colour] if colour else None

    def text(self, column: str, value: str) -> str:
        """Return a text as people read it, without signs that no sheet holds; ids keep theirs, or two might become one."""
        return self.labels.get((column, value)) or (held(value) if column in CALLED else re.sub(NEVER_HELD, "", value))


def write_workbook(database: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], language: Language) -> None:
    """Write the ``out_…`` tables as sheets. Raises :class:`BadSource` if one has more rows than a sheet holds.

    People see labels; a hidden sheet tells which id each stands for, so that a workbook can be read again.
    """
    ordered = sorted(tables, key=OUTPUT_TABLES.index)
    rows = {table: _rows(database, table) for table in ordered}
    for table, count in rows.items():
        if count > _MOST_ROWS:
            others = ",".join(name for name in ordered if name not in (table, "errors", "run", "changes"))
            raise BadSource("batch-too-many-rows", table=table, rows=count, limit=_MOST_ROWS, others=others)
    labels = database.execute("SELECT of, id, label FROM labels").fetchall()
    looks = _Looks({(of, name): label for of, name, label in labels},
                   {colour: PatternFill("solid", fgColor=colour) for colour in (_GREEN, _YELLOW, _RED, _GREY, _VIOLET)})
    book = Workbook(write_only=True)
    for table in ordered:
        _sheet(database, book, table, rows[table], looks, language)
    _help(book, language)
    _ids(book, labels)
    book.save(path)


def _rows(database: duckdb.DuckDBPyConnection, table: str) -> int:
    (count,) = database.execute(f"SELECT count(*) FROM out_{table}").fetchone() or (0,)
    return int(count)


def _sheet(
    database: duckdb.DuckDBPyConnection, book: Workbook, table: str, rows: int, looks: _Looks, language: Language
) -> None:
    sheet = book.create_sheet(say(f"score.sheet.{table}", language))
    found = database.execute(f"FROM out_{table}")
    names = [column[0] for column in found.description or ()]
    headers = [called_otherwise(table, name, language) or looks.labels.get((HEADER, name), name) for name in names]
    batch = found.fetchmany(_SAMPLE)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{rows + 1}"
    for number, header in enumerate(headers):
        widest = max([cell_len(header) + 3, *(cell_len(str(row[number])) + 1 for row in batch if row[number] is not None)])
        sheet.column_dimensions[get_column_letter(number + 1)].width = min(widest, _WIDEST)
    sheet.append([_header(sheet, header) for header in headers])
    while batch:
        for row in batch:
            told = dict(zip(names, row, strict=True))
            sheet.append(_row(sheet, _in_words(told, looks) if table == CONDITIONS else told, looks))
        batch = found.fetchmany(10_000)


def _header(sheet: Any, name: str) -> Any:
    cell = WriteOnlyCell(sheet, name)
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor="D9E1F2")
    return cell


def _in_words(row: Mapping[str, Any], looks: _Looks) -> dict[str, Any]:
    """Return a condition with labels for the ids of its value and threshold, which are those of the fact that it asks for."""
    path = row["condition"].partition(": {")[0]
    places = (f"{row['collection']}.{path}", path, CONDITIONS)

    def word(id_: str) -> str:
        return next((looks.labels[place, id_] for place in places if (place, id_) in looks.labels), id_)

    said = {name: "".join(map(word, _BETWEEN.split(row[name]))) for name in ("value", "threshold") if row[name]}
    return {**row, **said}


def _row(sheet: Any, row: Mapping[str, object], looks: _Looks) -> list[object]:
    """Return the cells of a row; where a long text makes it high, they all begin at the top."""
    shown = {name: looks.text(name, value) if isinstance(value, str) else value for name, value in row.items()}
    high = any(isinstance(value, str) and cell_len(value) > _WIDEST for value in shown.values())
    return [
        _cell(sheet, value, looks.fill(name, row[name]), _FORMATS.get(name, ""), high) for name, value in shown.items()
    ]


def _cell(sheet: Any, value: Any, fill: PatternFill | None, number_format: str, high: bool) -> object:
    """Return a cell; a text stays a text, even if it begins as a formula would, and a long one is wrapped."""
    armed = isinstance(value, str) and value[:1] in ("=", "+", "-", "@")
    if value is None or not (fill or armed or number_format or high):
        return value
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = armed
    if fill is not None:
        cell.fill = fill
    if number_format:
        cell.number_format = number_format
    if high:
        cell.alignment = _WRAPPED if isinstance(value, str) and cell_len(value) > _WIDEST else _TOP
    return cell


def _ids(book: Workbook, labels: Sequence[Label]) -> None:
    sheet = book.create_sheet(IDS)
    sheet.sheet_state = "hidden"
    for line in (("place", "id", "label"), *labels):
        sheet.append(line)


def _help(book: Workbook, language: Language) -> None:
    sheet = book.create_sheet(say("score.sheet.help", language))
    sheet.column_dimensions["A"].width = 110
    for number in range(1, _HELP_LINES + 1):
        cell = WriteOnlyCell(sheet, say(f"score.help.{number}", language))
        cell.alignment = _WRAPPED
        sheet.append([cell])
