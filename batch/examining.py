"""Looks raw tables through: how each column is read, and what is wrong with which row."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, Column, Table, tables
from ..facts.texts import Text
from ..facts.values import BadValue
from ..facts.vocabulary import Vocabulary
from .cells import SQL_TYPES, RawColumn, meanings_of, spelled_out
from .contradictions import compared
from .engines import Engine
from .filling import ROW
from .headers import Headers
from .previous import is_output
from .refusal import BadSource
from .sources import Opened

_FEW = 50  # spellings of one column that are written into the query; more of them go through a table
_DAY_GIVEN = "_day_given"
_TESTS = 40  # of columns in one query; several can run at the same time
_LONGEST_SHOWN = 200  # signs of a value that is told to be wrong
_BETWEEN = "\x1f"  # the members of a list in a text
_ERROR = ("table", "row", KEY, "column", "value", "code", "words")


@dataclass(frozen=True)
class Examined:
    """What is known of an input once all of it was looked through.

    There is a view ``typed_…`` and one ``keyed_…`` (keys only) of each of the ``tables`` that came in, and the tables
    ``errors`` and ``all_rejected``. ``columns`` are those of each table that somebody reads later, ``keys`` is the SQL
    that reads the deal of a raw row, and tables ``in_place`` hold values as they are to be read. ``compared`` names the
    columns in which a deal may disagree with itself. Of all ``deals`` that came in, some are ``rejected``.
    """

    tables: Sequence[str]
    columns: Mapping[str, Sequence[Column]]
    keys: Mapping[str, str]
    in_place: Collection[str]
    compared: Mapping[str, Collection[str]]
    unknown_columns: Mapping[str, Text]
    deals: int
    rejected: int


def examine(
    engine: Engine, vocabulary: Vocabulary, opened: Opened, as_of: str = "",
    wanted: Mapping[str, Collection[str]] | None = None, comparing: bool = False,
) -> Examined:
    """Look an input through.

    ``as_of`` is the day of deals without one; ``wanted`` names the columns of each table that somebody reads later, by
    default all; ``comparing`` tells that those are read, too, in which a deal may disagree with itself. Raises
    :class:`BadSource` for tables that are an output of ours, or lack a key.
    """
    if DEALS in opened.tables and is_output(engine.columns(f"SELECT * FROM raw_{DEALS}")):
        raise BadSource("batch-is-output")
    return _Examination(engine, vocabulary, as_of).examined(opened, wanted, comparing)


class _Examination:
    def __init__(self, engine: Engine, vocabulary: Vocabulary, as_of: str) -> None:
        self.engine = engine
        self.layout = tables(vocabulary)
        self.as_of = as_of
        self.unknown_columns: dict[str, Text] = {}
        self.wrong: list[str] = []  # queries of errors

    def examined(self, opened: Opened, wanted: Mapping[str, Collection[str]] | None, comparing: bool) -> Examined:
        """Make the views and tables, and return what is known of them."""
        self.note(opened)
        found = {name: self.raw_columns(self.layout[name]) for name in opened.tables}
        bare = self.bare(found)
        differing = {
            name: compared(self.layout[name], {column.name for column in found[name]}) for name in opened.tables
        } if comparing else {}
        columns = {name: _kept(table, wanted and wanted.get(name, ()), differing.get(name, ()))
                   for name, table in self.layout.items()}
        typed = {name: self.typed(self.layout[name], found[name], bare[name], columns[name]) for name in opened.tables}
        for name in opened.tables:
            self.check_keys(name)
        self.check_orphans(opened.tables)
        nothing = ", ".join(f"CAST(NULL AS {'BIGINT' if name == 'row' else 'VARCHAR'}) AS \"{name}\"" for name in _ERROR)
        self.engine.create("errors", " UNION ALL ".join([f"SELECT {nothing} WHERE false", *self.wrong]))
        self.reject()
        ((deals,),) = self.engine.rows(f"SELECT (SELECT count(*) FROM raw_{DEALS}) + (SELECT count(*) FROM unread)")
        ((rejected,),) = self.engine.rows("SELECT count(*) FROM all_rejected")
        in_place = {name for name, (_, as_it_is) in typed.items() if as_it_is}
        keys = {name: key for name, (key, _) in typed.items()}
        return Examined(opened.tables, columns, keys, in_place, differing, self.unknown_columns, deals, rejected)

    def reject(self) -> None:
        """Make the table of the rejected deals: one row for each that came in, with an empty id if it had none."""
        deals = f"keyed_{DEALS}"
        with_errors = f"SEMI JOIN (SELECT DISTINCT {KEY} FROM errors) AS wrong ON {deals}.{KEY} = wrong.{KEY}"
        self.engine.create("all_rejected", (
            f"SELECT {KEY} FROM unread UNION ALL SELECT '' AS {KEY} FROM {deals} WHERE {KEY} IS NULL"
            f" UNION ALL SELECT {deals}.{KEY} FROM {deals} {with_errors}"
        ))

    def note(self, opened: Opened) -> None:
        """Note what is wrong with files, and with lines that never became rows; make the table of the deals among them."""
        lost = [line.deal_id for line in opened.unread.get(DEALS, ())] + [file.deal_id for file in opened.refused]
        self.engine.lookup("unread", (KEY,), [(deal_id,) for deal_id in lost])
        found = [
            (table, str(line.row), line.deal_id, "", line.text[:_LONGEST_SHOWN], line.code, _dumped(line.words))
            for table, lines in opened.unread.items() for line in lines
        ]
        found += [
            (file.file, str(problem.place.line), file.deal_id, problem.field, "", "",
             _dumped({"en": problem.text("en"), "zh": problem.text("zh")}))
            for file in opened.refused for problem in file.problems
        ]
        if found:
            self.engine.lookup("told", _ERROR, found)
            parts = (f"CAST(nullif(\"{name}\", '0') AS BIGINT)" if name == "row" else f"nullif(\"{name}\", '')"
                     if name in (KEY, "column", "value") else f'"{name}"' for name in _ERROR)
            self.wrong.append(f"SELECT {', '.join(parts)} FROM told")

    def typed(
        self, table: Table, found: Mapping[Column, RawColumn], bare: Collection[Column], columns: Iterable[Column]
    ) -> tuple[str, bool]:
        """Make the views ``typed_…`` and ``keyed_…`` of a raw table.

        Return the SQL that reads the deal of a row, and whether every value is read as it is.
        """
        joins: list[str] = []
        values = self.values(table, found, bare, joins)
        parts = {ROW: ROW}
        for column in columns:
            value = values.get(column, f"CAST(NULL AS {SQL_TYPES[column.type]})")
            if column.name == AS_OF:
                given = found[column].is_given if column in found else "false"
                parts[_DAY_GIVEN] = given
                value = f"CASE WHEN {given} THEN {value} ELSE CAST('{self.as_of}' AS DATE) END" if self.as_of else value
            parts[column.name] = value
        keys = {name: parts[name] for name in (ROW, _DAY_GIVEN, KEY, ITEM_KEY, AS_OF) if name in parts}
        self.engine.view(f"part_{table.name}", f"SELECT * FROM raw_{table.name}")
        for made, read, selected in (("typed", "part", parts), ("keyed", "raw", keys)):
            named = ", ".join(f'{value} AS "{name}"' for name, value in selected.items())
            self.engine.view(f"{made}_{table.name}", f"SELECT {named} FROM {' '.join([f'{read}_{table.name}', *joins])}")
        as_it_is = all(values[column] == raw.name or raw.kind != "VARCHAR" for column, raw in found.items())
        return values.get(table.columns[KEY], "NULL"), as_it_is

    def values(
        self, table: Table, found: Mapping[Column, RawColumn], bare: Collection[Column], joins: list[str]
    ) -> dict[Column, str]:
        """Return the SQL that reads each column, which is no longer than its cells call for.

        ``joins`` gains tables that the SQL reads.
        """
        values = {column: raw.name if column in bare else raw.plain(column) for column, raw in found.items()}
        looked = {column: raw for column, raw in found.items() if values[column] != raw.name}
        key = table.columns[KEY]
        for column in sorted(self.odd(table, looked), key=lambda column: column != key):  # errors name the deal by its key
            values[column] = self.value(table, column, found[column], values.get(key, "NULL"), joins)
        return values

    def bare(self, found: Mapping[str, Mapping[Column, RawColumn]]) -> dict[str, list[Column]]:
        """Return the columns of each table of which every cell can be taken as it is; one quick pass over it tells."""
        tests = {table: [
            (column, test) for column, raw in columns.items() if raw.plain(column) != raw.name
            and (test := raw.all_bare(column)) and (column.role != "key" or self.engine.bare_keys)
        ] for table, columns in found.items()}
        some = [(table, of[first:first + _TESTS]) for table, of in tests.items() for first in range(0, len(of), _TESTS)]
        queries = [f"SELECT {', '.join(test for _, test in of)} FROM raw_{table}" for table, of in some]
        bare: dict[str, list[Column]] = {table: [] for table in found}
        for (table, of), (told,) in zip(some, self.engine.rows_of_each(queries), strict=True):
            bare[table] += [column for (column, _), is_bare in zip(of, told, strict=True) if is_bare]
        return bare

    def odd(self, table: Table, found: Mapping[Column, RawColumn]) -> list[Column]:
        """Return the columns with values that no quick test can read; all of them are looked through in one pass."""
        if not found:
            return []
        tests = ", ".join(f"count(*) FILTER (WHERE {raw.is_odd(column)})" for column, raw in found.items())
        (counts,) = self.engine.rows(f"SELECT {tests} FROM raw_{table.name}")
        return [column for column, count in zip(found, counts, strict=True) if count]

    def raw_columns(self, table: Table) -> dict[Column, RawColumn]:
        """Return for each column of a table the raw column that holds it; note those that hold none."""
        kinds = self.engine.columns(f"SELECT * FROM raw_{table.name}")
        claimed, left_out = Headers(table).claimed(raw for raw in kinds if raw != ROW)
        for key in (name for name in (KEY, ITEM_KEY) if name in table.columns and table.columns[name] not in claimed):
            raise BadSource("batch-no-key", table=table.name, key=key, columns=left_out if left_out.en else "-")
        if left_out.en:
            self.unknown_columns[table.name] = left_out
        return {column: RawColumn(raw, kinds[raw]) for column, raw in claimed.items() if column.role != "by"}

    def value(self, table: Table, column: Column, raw: RawColumn, key: str, joins: list[str]) -> str:
        """Return the SQL for the canonical value of a raw column; what no SQL can read is parsed here and now.

        ``key`` is the SQL that reads the deal of a row; ``joins`` gains the table of meanings if there are many.
        """
        leftovers = self.engine.rows(
            f'SELECT DISTINCT {raw.text} AS "value" FROM raw_{table.name} WHERE {raw.is_odd(column)} ORDER BY "value"'
        )
        meanings, bad = meanings_of(column, [value for (value,) in leftovers])
        self.report(table, column, raw, key, joins, bad)
        if len(meanings) <= _FEW:
            return raw.plain(column, spelled_out(raw.text, meanings, column.type))
        lookup = f"meaning_{table.name}_{column.name}"
        written, meaning = f"{lookup}_written", f"{lookup}_meaning"
        self.engine.lookup(lookup, (written, meaning), [
            (text, _BETWEEN.join(meant) if isinstance(meant, list) else meant if meant is None else str(meant))
            for text, meant in meanings.items()
        ])
        joins.append(f"LEFT JOIN {lookup} ON {written} = {raw.text}")
        return raw.plain(column, _from_text(meaning, column))

    def report(
        self, table: Table, column: Column, raw: RawColumn, key: str, joins: Sequence[str], bad: Mapping[str, BadValue]
    ) -> None:
        """Note every row with a value that can't be read."""
        if not bad:
            return
        lookup = f"bad_{table.name}_{column.name}"
        self.engine.lookup(lookup, ("written", "code", "words"), [
            (written, problem.code, _dumped(problem.words)) for written, problem in bad.items()
        ])
        self.wrong.append(
            f"SELECT '{table.name}', {ROW}, CAST({key} AS VARCHAR), '{column.name}', {_shown('written')}, code, words"
            f" FROM {' '.join([f'raw_{table.name}', *joins])} JOIN {lookup} ON written = {raw.text}"
        )

    def check_keys(self, name: str) -> None:
        """Note rows without a key, keys given twice, and items of deals that nobody listed."""
        table = f"keyed_{name}"
        self.check(name, KEY, "batch-key-missing", f"{table} WHERE {KEY} IS NULL")
        if name == DEALS:
            twice = f"(SELECT {KEY} FROM {table} WHERE {KEY} IS NOT NULL GROUP BY {KEY} HAVING count(*) > 1) AS twice"
            self.check(name, KEY, "batch-deal-twice", f"{table} JOIN {twice} USING ({KEY})")
            self.check(name, AS_OF, "batch-day-missing", f"{table} WHERE {AS_OF} IS NULL AND NOT {_DAY_GIVEN}")
            return
        both = f"{KEY}, {ITEM_KEY}"
        twice = f"(SELECT {both} FROM {table} WHERE {ITEM_KEY} IS NOT NULL GROUP BY {both} HAVING count(*) > 1) AS twice"
        self.check(name, ITEM_KEY, "batch-key-missing", f"{table} WHERE {ITEM_KEY} IS NULL")
        self.check(name, ITEM_KEY, "batch-item-twice", f"{table} JOIN {twice} USING ({both})")

    def check_orphans(self, given: Iterable[str]) -> None:
        """Note rows of deals that nobody listed; all tables are looked through together, since each has many deals."""
        items = " UNION ALL ".join(
            f"SELECT '{name}' AS of, {ROW}, {KEY} FROM keyed_{name} WHERE {KEY} IS NOT NULL"
            for name in given if name != DEALS
        )
        if items:
            listed = f"(SELECT {KEY} FROM keyed_{DEALS} UNION ALL SELECT {KEY} FROM unread) AS listed"
            wrong = f"({items}) AS items ANTI JOIN {listed} ON items.{KEY} = listed.{KEY}"
            self.wrong.append(f"SELECT of, {ROW}, {KEY}, '{KEY}', {_shown(KEY)}, 'batch-orphan', '{{}}' FROM {wrong}")

    def check(self, table: str, column: str, code: str, wrong: str) -> None:
        """Note every row of a typed table for which something is wrong."""
        found = _shown(f"CAST({column} AS VARCHAR)")
        self.wrong.append(f"SELECT '{table}', {ROW}, {KEY}, '{column}', {found}, '{code}', '{{}}' FROM {wrong}")


def _kept(table: Table, wanted: Collection[str] | None, differing: Collection[str]) -> list[Column]:
    """Return the columns of a table that anything reads; who said a thing is for people to see in their own data."""
    keys = {KEY, ITEM_KEY, AS_OF}
    return [
        column for column in table.columns.values() if column.role != "by"
        and (wanted is None or column.name in keys or column.name in wanted or column.name in differing)
    ]


def _shown(text: str) -> str:
    """Return the SQL that cuts a value short where it is told to be wrong."""
    return f"CASE WHEN length({text}) > {_LONGEST_SHOWN} THEN left({text}, {_LONGEST_SHOWN - 1}) || '…' ELSE {text} END"


def _from_text(text: str, column: Column) -> str:
    """Return the SQL that turns the text of a meaning into a value."""
    if column.type != "texts":
        return f"CAST({text} AS {SQL_TYPES[column.type]})"
    return f"CASE WHEN {text} = '' THEN CAST([] AS VARCHAR[]) ELSE string_split({text}, '{_BETWEEN}') END"


def _dumped(words: Mapping[str, object]) -> str:
    """Return the words of a message as JSON: plain ones, and pairs in both languages."""
    return json.dumps(words, ensure_ascii=False, default=lambda text: {"en": text.en, "zh": text.zh})
