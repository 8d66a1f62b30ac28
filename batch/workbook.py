"""The output as a workbook that a person opens: frozen headers, filters, widths, colours by status."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from rich.cells import cell_len

from ..facts.texts import Language
from ..render.words import say
from .refusal import BadSource

_MOST_ROWS = 1_048_575
_ORDER = ("deals", "changes", "actions", "questions", "findings", "criteria", "fired", "conditions", "errors", "run")
_COLOURS = {
    "complete": "C6EFCE", "met": "C6EFCE", "strength": "C6EFCE", "in_progress": "FFEB9C", "gap": "FFEB9C", "unknown": "EDEDED",
    "not_started": "EDEDED", "blocked": "FFC7CE", "unmet": "FFC7CE", "risk": "FFC7CE", "conflict": "E4DFEC", "high": "FFC7CE",
}
_HELP_LINES = 5
_WIDEST, _SAMPLE = 60, 200


def write_workbook(database: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], language: Language) -> None:
    """Write the ``out_…`` tables as sheets. Raises :class:`BadSource` if one has more rows than a sheet holds."""
    book = Workbook(write_only=True)
    for table in sorted(tables, key=_ORDER.index):
        (rows,) = database.execute(f"SELECT count(*) FROM out_{table}").fetchone() or (0,)
        if rows > _MOST_ROWS:
            raise BadSource("batch-too-many-rows", table=table, rows=rows, limit=_MOST_ROWS)
        _sheet(database, book, table, rows, language)
    _help(book, language)
    book.save(path)


def _sheet(database: duckdb.DuckDBPyConnection, book: Workbook, table: str, rows: int, language: Language) -> None:
    sheet = book.create_sheet(say(f"score.sheet.{table}", language))
    found = database.execute(f"FROM out_{table}")
    names = [column[0] for column in found.description or ()]
    batch = found.fetchmany(_SAMPLE)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{rows + 1}"
    for number, name in enumerate(names):
        widest = max([cell_len(name) + 3, *(cell_len(str(row[number])) + 1 for row in batch if row[number] is not None)])
        sheet.column_dimensions[get_column_letter(number + 1)].width = min(widest, _WIDEST)
    sheet.append([_header(sheet, name) for name in names])
    fills = {value: PatternFill("solid", fgColor=colour) for value, colour in _COLOURS.items()}
    while batch:
        for row in batch:
            sheet.append([_cell(sheet, value, fills) for value in row])
        batch = found.fetchmany(10_000)


def _header(sheet: Any, name: str) -> Any:
    cell = WriteOnlyCell(sheet, name)
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor="D9E1F2")
    return cell


def _cell(sheet: Any, value: object, fills: dict[str, PatternFill]) -> object:
    """Return a cell; a text stays a text, even if it begins as a formula would, without what no sheet can hold."""
    if not isinstance(value, str):
        return value
    value = ILLEGAL_CHARACTERS_RE.sub("", value)
    if value in fills or value[:1] in ("=", "+", "-", "@"):
        cell = WriteOnlyCell(sheet, value)
        cell.data_type = "s"
        if value in fills:
            cell.fill = fills[value]
        else:
            cell.quotePrefix = True
        return cell
    return value


def _help(book: Workbook, language: Language) -> None:
    sheet = book.create_sheet(say("score.sheet.help", language))
    sheet.column_dimensions["A"].width = 110
    for number in range(1, _HELP_LINES + 1):
        cell = WriteOnlyCell(sheet, say(f"score.help.{number}", language))
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.append([cell])
