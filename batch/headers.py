"""Tells which column of a table a header means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sized
from unicodedata import normalize

from ..facts.problems import nearest
from ..facts.tables import ITEM_KEY, KEY, Column, Table, column_name
from ..facts.texts import LANGUAGES, Language, Text
from ..facts.values import takes_percent
from ..render.words import aside, joined, say
from .filling import NAMELESS, is_nameless

MOST_NAMED = 20  # of what is left out; those beyond are only counted
_NUMBER = re.compile(r"_\d+$")  # what a header gets that stands in the table twice


class Headers:
    """The ways in which the columns of one table may be headed: by name, by id of the fact, by label."""

    def __init__(self, table: Table) -> None:
        self.columns = table.columns
        self.names: dict[str, str] = {}
        for key in (KEY, ITEM_KEY):
            if key in table.columns:
                self.names |= dict.fromkeys((say(f"score.header.{key}", language).lower() for language in LANGUAGES), key)
        for column in table.columns.values():
            self.names[column.name] = column.name
            if column.fact is not None and column.role == "value":
                label = column.fact.label
                labels = (normalize("NFKC", text) for text in (label.zh, label.en.lower()))  # as the headers are
                self.names |= dict.fromkeys((column.fact.id, *labels), column.name)

    def column(self, header: str) -> Column | None:
        """Return the column that a header means, if it means any."""
        plain = normalize("NFKC", header).strip()
        tried = (plain, plain.lower(), column_name(plain.lower()))
        name = next((self.names[spelling] for spelling in tried if spelling in self.names), "")
        return self.columns[name] if name else None

    def claimed(self, raws: Iterable[str]) -> tuple[dict[Column, str], Text]:
        """Return which raw column holds each column, the first of several; and the others as people are told of them."""
        found: dict[Column, str] = {}
        left_out: dict[str, Column | None] = {}
        for raw in raws:
            column = self.column(raw)
            if column is None:
                column = self.column(_NUMBER.sub("", raw))
                left_out[raw] = column if column in found else None
            elif column in found:
                left_out[raw] = column
            else:
                found[column] = raw

        def told(raw: str, column: Column | None, language: Language) -> str:
            if column is not None:
                return raw + aside(say("score.same_column", language, column=found[column]), language)
            if is_nameless(raw):
                return say("score.nameless_column", language, number=raw.removeprefix(NAMELESS))
            hint = nearest(raw.strip().lower(), self.columns)
            return raw + aside(say("score.nearest_column", language, column=hint), language) if hint else raw

        shown, more = list(left_out.items())[:MOST_NAMED], those_beyond(left_out)  # what thousands are nearest to takes long
        return found, Text(*(joined([*(told(*of, language) for of in shown), *more], language) for language in LANGUAGES))

    def is_key(self, header: str) -> bool:
        """Tell whether a column holds the ids of the deals."""
        column = self.column(header)
        return column is not None and column.name == KEY

    def is_share(self, header: str) -> bool:
        """Tell whether a column holds what may be written in percent."""
        column = self.column(header)
        return column is not None and column.role == "value" and column.fact is not None and takes_percent(column.fact)

    def is_date(self, header: str) -> bool:
        """Tell whether a column holds days."""
        column = self.column(header)
        return column is not None and column.type == "date"


def those_beyond(names: Sized) -> list[str]:
    """Return how it is told that there are more names than anybody reads; nothing if there are not."""
    more = len(names) - MOST_NAMED
    return [f"… (+{more})"] if more > 0 else []
