"""Finds the formulas of a workbook whose results are not stored in it: they read as empty cells, which they are not.

A spreadsheet program stores the result of each formula beside it; a program that only writes a file has none to store.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .rows import Unread

_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")
_LONGEST = 20  # bytes of what begins a formula
_BLOCK = 1 << 20


def has_formulas(path: Path) -> bool:
    """Tell whether a workbook has any formulas; without openpyxl, which takes far longer to read a sheet."""
    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            if "/worksheets/" in name and name.endswith(".xml"):
                with book.open(name) as sheet:
                    before = b""
                    while block := sheet.read(_BLOCK):
                        if _FORMULA.search(before + block):
                            return True
                        before = block[-_LONGEST:]
    return False


def unstored(results: Any, formulas: Any) -> dict[int, dict[int, str]]:
    """Return the formulas without a result by the number of their row and their place in it.

    Both are the same sheet: once as results are read, once as formulas are. A result that is an empty text is stored as one.
    """
    found: dict[int, dict[int, str]] = {}
    for number, (cells, written) in enumerate(zip(results.iter_rows(), formulas.iter_rows(), strict=True), 1):
        for place, (cell, formula) in enumerate(zip(cells, written, strict=True)):
            if formula.data_type == "f" and cell.value is None and cell.data_type != "str":
                found.setdefault(number, {})[place] = str(getattr(formula.value, "text", formula.value))
    return found


def lost_rows(formulas: Mapping[int, Mapping[int, str]], read: Collection[int]) -> dict[int, Unread]:
    """Return the rows that can't be read for want of a result, by number; ``read`` are the places of columns that are."""
    found = {}
    for number, by_place in formulas.items():
        places = [place for place in by_place if place in read]
        if places:
            text = ", ".join(by_place[place] for place in places)
            cells = ", ".join(_cell(number, place) for place in places)
            found[number] = Unread(number, text, "", "batch-formula", {"cells": cells})
    return found


def _cell(number: int, place: int) -> str:
    """Return what a spreadsheet program calls a cell."""
    from openpyxl.utils import get_column_letter

    return f"{get_column_letter(place + 1)}{number}"
