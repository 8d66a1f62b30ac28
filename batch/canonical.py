"""Turns raw tables into the typed tables that the query reads, and says of every bad row what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..facts.problems import nearest
from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, Column, Table, listed_column, tables
from ..facts.values import BadValue
from ..facts.vocabulary import Vocabulary
from .cells import SQL_TYPES, RawColumn, literal, meanings_of, spelled_out
from .contradictions import compared, contradictions
from .engines import FEW_DEALS, Engine
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


@dataclass
class Read:
    """What came of the reading: columns nobody knows, and how many deals came in."""

    unknown_columns: dict[str, list[str]] = field(default_factory=dict)
    deals: int = 0


@dataclass(frozen=True)
class Part:
    """The deals from ``low`` up to, not including, ``high``; an empty one is no bound."""

    low: str = ""
    high: str = ""

    def where(self, key: str) -> str:
        """Return the clause that picks the rows of these deals."""
        tests = [f"{key} {sign} {literal(bound)}" for sign, bound in ((">=", self.low), ("<", self.high)) if bound]
        return f" WHERE {' AND '.join(tests)}" if tests else ""


class Canonical:
    """Makes the typed tables of one run, all deals at once or part by part, and the tables ``errors`` and ``rejected``."""

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, as_of: str = "", wanted: Mapping[str, Collection[str]] | None = None,
        comparing: bool = False,
    ) -> None:
        """``wanted`` names the columns of each table that somebody reads later; by default all.

        ``comparing`` tells that those are read, too, in which a deal may disagree with itself.
        """
        self.engine = engine
        self.layout = tables(vocabulary)
        self.as_of = as_of
        self.wanted = wanted
        self.comparing = comparing
        self.compared: dict[str, set[str]] = {}
        self.read = Read()
        self.wrong: list[str] = []  # queries of errors
        self.given: list[str] = []  # tables that came in
        self.in_place: set[str] = set()  # tables that are as quick to read where they are as they would be laid down
        self.rejects = 0
        self.keys: dict[str, str] = {}  # how the deal of a row is read, by table

    def build(self, opened: Opened) -> Read:
        """Make the tables out of raw ones; every deal with an error in any of its rows is left out."""
        read = self.examine(opened)
        self.lay_down()
        return read

    def examine(self, opened: Opened) -> Read:
        """Look all raw tables through, and make the tables of what is wrong with them."""
        self.given = opened.tables
        if DEALS in self.given and is_output(self.engine.columns(f"SELECT * FROM raw_{DEALS}")):
            raise BadSource("batch-is-output")
        self.note(opened)
        found = {name: self.raw_columns(self.layout[name]) for name in opened.tables}
        bare = self.bare(found)
        for name, columns in found.items():
            self.type(self.layout[name], columns, bare[name])
            self.check_keys(name)
        self.check_orphans()
        nothing = ", ".join(f"CAST(NULL AS {'BIGINT' if name == 'row' else 'VARCHAR'}) AS \"{name}\"" for name in _ERROR)
        self.engine.create("errors", " UNION ALL ".join([f"SELECT {nothing} WHERE false", *self.wrong]))
        self.reject()
        ((deals,),) = self.engine.rows(f"SELECT (SELECT count(*) FROM raw_{DEALS}) + (SELECT count(*) FROM unread)")
        self.read.deals = deals
        if deals <= FEW_DEALS:  # laid down sooner than each statement is planned over where they lie
            self.in_place.clear()
        ((self.rejects,),) = self.engine.rows("SELECT count(*) FROM all_rejected")
        return self.read

    def reject(self) -> None:
        """Make the table of the rejected deals: one row for each that came in, with an empty id if it had none."""
        deals = f"keyed_{DEALS}"
        with_errors = f"SEMI JOIN (SELECT DISTINCT {KEY} FROM errors) AS wrong ON {deals}.{KEY} = wrong.{KEY}"
        self.engine.create("all_rejected", (
            f"SELECT {KEY} FROM unread UNION ALL SELECT '' AS {KEY} FROM {deals} WHERE {KEY} IS NULL"
            f" UNION ALL SELECT {deals}.{KEY} FROM {deals} {with_errors}"
        ))

    def count(self, part: Part) -> int:
        """Return how many deals a part has."""
        if part == Part():
            return self.read.deals
        ((deals,),) = self.engine.rows(f"SELECT count(*) FROM keyed_{DEALS}{part.where(KEY)}")
        return int(deals)

    def parts(self, most: int, within: Part | None = None) -> list[Part]:
        """Return ranges of deals, in order, with about as many deals in each and never many more than ``most``.

        Together they are all deals, or those of the part that they are ``within``.
        """
        within = within or Part()
        deals = self.count(within)
        count = -(-deals // most)
        if count <= 1:
            return [within]
        size = -(-deals // count)
        inside = f"SELECT * FROM keyed_{DEALS}{within.where(KEY)}"
        numbered = f"SELECT {KEY}, row_number() OVER (ORDER BY {KEY}) - 1 AS n FROM ({inside}) WHERE {KEY} IS NOT NULL"
        firsts = self.engine.rows(f"SELECT {KEY} FROM ({numbered}) WHERE n > 0 AND n % {size} = 0 ORDER BY n")
        bounds = [first for (first,) in firsts]
        return [Part(low, high) for low, high in zip([within.low, *bounds], [*bounds, within.high], strict=True)]

    def lay_down(self, part: Part | None = None) -> None:
        """Make the typed tables, of all deals or of a part of them, and of those that are rejected the same part."""
        part = part or Part()
        at_once = self.engine.at_once
        slices = self.parts(max(1, -(-self.count(part) // at_once)), part) if at_once > 1 else [part]
        for name in self.given:
            self.engine.view(f"part_{name}", _read(f"raw_{name}", self.keys[name], slices if name == DEALS else [part]))
        self.engine.view("rejected", f"SELECT {KEY} FROM all_rejected{part.where(KEY)}")
        self.engine.create("seen", self.seen())
        queries = {table.name: self.good(table) for table in self.layout.values()}
        for name in self.in_place:
            self.engine.view(name, queries.pop(name))
        whole = f"laid_{DEALS}" if at_once > 1 else DEALS
        self.engine.create_all({whole if name == DEALS else name: query for name, query in queries.items()})
        if DEALS in queries and whole != DEALS:
            self.engine.view(DEALS, _read(whole, KEY, slices))

    def contradictions(self) -> str:
        """Return the query of where deals disagree with themselves; see :func:`~.contradictions.contradictions`."""
        return contradictions(self.layout, self.compared)

    def columns(self, table: Table) -> list[Column]:
        """Return the columns of a table that anything reads; who said a thing is for people to see in their own data."""
        keys = {KEY, ITEM_KEY, AS_OF}
        return [
            column for column in table.columns.values() if column.role != "by"
            and (self.wanted is None or column.name in keys or column.name in self.wanted.get(table.name, ())
                 or column.name in self.compared.get(table.name, ()))
        ]

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
             _dumped({"en": problem.message("en"), "zh": problem.message("zh")}))
            for file in opened.refused for problem in file.problems
        ]
        if found:
            self.engine.lookup("told", _ERROR, found)
            parts = (f'CAST("{name}" AS BIGINT)' if name == "row" else f"nullif(\"{name}\", '')"
                     if name in (KEY, "column", "value") else f'"{name}"' for name in _ERROR)
            self.wrong.append(f"SELECT {', '.join(parts)} FROM told")

    def type(self, table: Table, found: Mapping[Column, RawColumn], bare: Collection[Column]) -> None:
        """Make the view ``typed_…`` of a raw table, and ``keyed_…`` of its keys."""
        if self.comparing:
            self.compared[table.name] = compared(table, {column.name for column in found})
        parts: list[str] = [ROW]
        joins: list[str] = []
        values = self.values(table, found, bare, joins)
        self.keys[table.name] = values.get(table.columns[KEY], "NULL")
        if not any(values[column] != raw.name and raw.kind == "VARCHAR" for column, raw in found.items()):
            self.in_place.add(table.name)
        for column in self.columns(table):
            value = values.get(column, f"CAST(NULL AS {SQL_TYPES[column.type]})")
            if column.name == AS_OF:
                given = found[column].is_given if column in found else "false"
                parts.append(f"{given} AS {_DAY_GIVEN}")
                value = f"CASE WHEN {given} THEN {value} ELSE CAST('{self.as_of}' AS DATE) END" if self.as_of else value
            parts.append(f'{value} AS "{column.name}"')
        self.engine.view(f"part_{table.name}", f"SELECT * FROM raw_{table.name}")
        self.engine.view(f"typed_{table.name}", f"SELECT {', '.join(parts)} FROM {' '.join([f'part_{table.name}', *joins])}")
        keys = [part for part in parts if part.endswith((ROW, _DAY_GIVEN, *(f'"{name}"' for name in (KEY, ITEM_KEY, AS_OF))))]
        self.engine.view(f"keyed_{table.name}", f"SELECT {', '.join(keys)} FROM {' '.join([f'raw_{table.name}', *joins])}")

    def values(
        self, table: Table, found: Mapping[Column, RawColumn], bare: Collection[Column], joins: list[str]
    ) -> dict[Column, str]:
        """Return the SQL that reads each column, which is no longer than its cells call for.

        ``joins`` gains tables that the SQL reads.
        """
        values = {column: raw.name if column in bare else raw.plain(column) for column, raw in found.items()}
        looked = {column: raw for column, raw in found.items() if values[column] != raw.name}
        for column in self.odd(table, looked):
            values[column] = self.value(table, column, found[column], found.get(table.columns[KEY]), joins)
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
        """Return for each column of a table the raw column that holds it; note those that are unknown."""
        headers = Headers(table)
        found: dict[Column, RawColumn] = {}
        unknown: list[str] = []
        for raw, kind in self.engine.columns(f"SELECT * FROM raw_{table.name}").items():
            column = headers.column(raw)
            if raw == ROW:
                continue
            if column is None or column in found:
                hint = nearest(raw.strip().lower(), list(table.columns))
                unknown.append(f"{raw} ({hint}?)" if hint else raw)
            else:
                found[column] = RawColumn(raw, kind)
        for key in (name for name in (KEY, ITEM_KEY) if name in table.columns and table.columns[name] not in found):
            raise BadSource("batch-no-key", table=table.name, key=key, columns=", ".join(unknown) or "-")
        if unknown:
            self.read.unknown_columns[table.name] = unknown
        return {column: raw for column, raw in found.items() if column.role != "by"}

    def value(self, table: Table, column: Column, raw: RawColumn, key: RawColumn | None, joins: list[str]) -> str:
        """Return the SQL for the canonical value of a raw column; what no SQL can read is parsed here and now.

        ``joins`` gains the table of meanings if there are many.
        """
        leftovers = self.engine.rows(
            f'SELECT DISTINCT {raw.text} AS "value" FROM raw_{table.name} WHERE {raw.is_odd(column)} ORDER BY "value"'
        )
        meanings, bad = meanings_of(column, [value for (value,) in leftovers])
        self.report(table, column, raw, key, bad)
        if len(meanings) <= _FEW:
            return raw.plain(column, spelled_out(raw.text, meanings, column.type))
        lookup = f"meaning_{table.name}_{column.name}"
        written, meaning = f"{lookup}_written", f"{lookup}_meaning"
        self.engine.lookup(lookup, (written, meaning), [
            (text, _BETWEEN.join(meant) if isinstance(meant, list) else str(meant)) for text, meant in meanings.items()
        ])
        joins.append(f"LEFT JOIN {lookup} ON {written} = {raw.text}")
        return raw.plain(column, _from_text(meaning, column))

    def report(
        self, table: Table, column: Column, raw: RawColumn, key: RawColumn | None, bad: Mapping[str, BadValue]
    ) -> None:
        """Note every row with a value that can't be read."""
        if not bad:
            return
        lookup = f"bad_{table.name}_{column.name}"
        self.engine.lookup(lookup, ("written", "code", "words"), [
            (written, problem.code, _dumped(problem.words)) for written, problem in bad.items()
        ])
        deal_id = "CAST(NULL AS VARCHAR)" if key is None else f"CASE WHEN {key.is_given} THEN {key.text} END"
        self.wrong.append(
            f"SELECT '{table.name}', {ROW}, {deal_id}, '{column.name}', {_shown('written')}, code, words"
            f" FROM raw_{table.name} JOIN {lookup} ON written = {raw.text}"
        )

    def check_keys(self, name: str) -> None:
        """Note rows without a key, keys given twice, and items of deals that nobody listed."""
        table = f"keyed_{name}"
        self.check(name, KEY, "batch-key-missing", f"{table} WHERE {KEY} IS NULL")
        if name == DEALS:
            twice = f"(SELECT {KEY} FROM {table} WHERE {KEY} IS NOT NULL GROUP BY {KEY} HAVING count(*) > 1) AS twice"
            self.check(name, KEY, "batch-deal-twice", f"{table} JOIN {twice} USING ({KEY})")
            self.check(name, AS_OF, "as-of-missing", f"{table} WHERE {AS_OF} IS NULL AND NOT {_DAY_GIVEN}")
            return
        both = f"{KEY}, {ITEM_KEY}"
        twice = f"(SELECT {both} FROM {table} WHERE {ITEM_KEY} IS NOT NULL GROUP BY {both} HAVING count(*) > 1) AS twice"
        self.check(name, ITEM_KEY, "batch-key-missing", f"{table} WHERE {ITEM_KEY} IS NULL")
        self.check(name, ITEM_KEY, "batch-item-twice", f"{table} JOIN {twice} USING ({both})")

    def check_orphans(self) -> None:
        """Note rows of deals that nobody listed; all tables are looked through together, since each has many deals."""
        items = " UNION ALL ".join(
            f"SELECT '{name}' AS of, {ROW}, {KEY} FROM keyed_{name} WHERE {KEY} IS NOT NULL"
            for name in self.given if name != DEALS
        )
        if items:
            listed = f"(SELECT {KEY} FROM keyed_{DEALS} UNION ALL SELECT {KEY} FROM unread) AS listed"
            wrong = f"({items}) AS items ANTI JOIN {listed} ON items.{KEY} = listed.{KEY}"
            self.wrong.append(f"SELECT of, {ROW}, {KEY}, '{KEY}', {_shown(KEY)}, 'batch-orphan', '{{}}' FROM {wrong}")

    def check(self, table: str, column: str, code: str, wrong: str) -> None:
        """Note every row of a typed table for which something is wrong."""
        found = _shown(f"CAST({column} AS VARCHAR)")
        self.wrong.append(f"SELECT '{table}', {ROW}, {KEY}, '{column}', {found}, '{code}', '{{}}' FROM {wrong}")

    def listed(self, table: Table) -> dict[Column, str]:
        """Return the columns that tell whether a collection is listed, with the collections, of those that came in."""
        of = {listed_column(name): name for name in self.given if name != DEALS}
        return {column: of[column.name] for column in self.columns(table) if column.name in of}

    def seen(self) -> str:
        """Return the query that tells of which collections a deal has items."""
        collections = list(self.listed(self.layout[DEALS]).values())
        flags = "".join(f", bool_or(collection = '{name}') AS {name}" for name in collections)
        keys = [f"SELECT DISTINCT {KEY}, '{name}' AS collection FROM typed_{name}" for name in collections]
        none = f"SELECT CAST(NULL AS VARCHAR) AS {KEY}, '' AS collection WHERE false"
        return f"SELECT {KEY}{flags} FROM ({' UNION ALL '.join([none, *keys])}) GROUP BY {KEY}"

    def good(self, table: Table) -> str:
        """Return the query of a table without the deals that are rejected.

        A collection counts as listed for a deal if the deal says so, or if there is an item of it.
        """
        if table.name not in self.given:
            empty = [f'CAST(NULL AS {SQL_TYPES[column.type]}) AS "{column.name}"' for column in self.columns(table)]
            return f"SELECT {', '.join(empty)} WHERE false"
        source, listed = f"typed_{table.name}", self.listed(table)
        columns = [
            f"coalesce({source}.{column.name}, false) OR coalesce(seen.{listed[column]}, false) AS {column.name}"
            if column in listed else f'{source}."{column.name}"' for column in self.columns(table)
        ]
        joins = [f"LEFT JOIN seen ON {source}.{KEY} = seen.{KEY}"] if listed else []
        if self.rejects:
            joins.append(f"ANTI JOIN rejected ON {source}.{KEY} = rejected.{KEY}")
        return f"SELECT {', '.join(columns)} FROM {source} {' '.join(joins)} WHERE {source}.{KEY} IS NOT NULL"


def _read(table: str, key: str, slices: Iterable[Part]) -> str:
    """Return the query of some rows of a table; each slice keeps a thread busy, where DuckDB gives one a row group."""
    return " UNION ALL ".join(f"SELECT * FROM {table}{part.where(key)}" for part in slices)


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
