"""The output as a workbook that a person opens: frozen headers, filters, widths, colours by status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from .labels import Label
from .previous import HEADER, IDS, OUTPUT_TABLES
from .refusal import BadSource

_MOST_ROWS = 1_048_575
_COLOURS = {
    "complete": "C6EFCE", "met": "C6EFCE", "strength": "C6EFCE", "in_progress": "FFEB9C", "gap": "FFEB9C", "unknown": "EDEDED",
    "not_started": "EDEDED", "blocked": "FFC7CE", "unmet": "FFC7CE", "risk": "FFC7CE", "conflict": "E4DFEC", "high": "FFC7CE",
}
_HELP_LINES = 5
_WIDEST, _SAMPLE = 60, 200
_WRAPPED = Alignment(wrap_text=True, vertical="top")


@dataclass(frozen=True)
class _Looks:
    """How cells look: the label of each column and value, and the fill of each value that has a colour."""

    labels: Mapping[tuple[str, str], str]
    fills: Mapping[str, PatternFill]


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
                   {value: PatternFill("solid", fgColor=colour) for value, colour in _COLOURS.items()})
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
    headers = [looks.labels.get((HEADER, name), name) for name in names]
    batch = found.fetchmany(_SAMPLE)
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{rows + 1}"
    for number, header in enumerate(headers):
        widest = max([cell_len(header) + 3, *(cell_len(str(row[number])) + 1 for row in batch if row[number] is not None)])
        sheet.column_dimensions[get_column_letter(number + 1)].width = min(widest, _WIDEST)
    sheet.append([_header(sheet, header) for header in headers])
    while batch:
        for row in batch:
            sheet.append([_cell(sheet, value, name, looks) for name, value in zip(names, row, strict=True)])
        batch = found.fetchmany(10_000)


def _header(sheet: Any, name: str) -> Any:
    cell = WriteOnlyCell(sheet, name)
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor="D9E1F2")
    return cell


def _cell(sheet: Any, value: object, column: str, looks: _Looks) -> object:
    """Return a cell; a text stays a text, even if it begins as a formula would, and long ones are wrapped."""
    if not isinstance(value, str):
        return value
    shown = looks.labels.get((column, value), ILLEGAL_CHARACTERS_RE.sub("", value))
    fill, armed, long = looks.fills.get(value), shown[:1] in ("=", "+", "-", "@"), cell_len(shown) > _WIDEST
    if fill is None and not armed and not long:
        return shown
    cell = WriteOnlyCell(sheet, shown)
    cell.data_type = "s"
    if fill is not None:
        cell.fill = fill
    cell.quotePrefix = armed
    if long:
        cell.alignment = _WRAPPED
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
