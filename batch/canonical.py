"""Turns raw tables into the typed tables that the query reads, and says of every bad row what is wrong with it.

Values mean the same in a table as in a deal file: what SQL can't read at a glance, label or number
with a unit, goes, each distinct value once, through the reader of deal files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from unicodedata import normalize

import duckdb

from ..facts.problems import nearest
from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, Column, Table, column_name, deal_rows, listed_column, tables
from ..facts.values import BadValue, in_order, parse_member, parse_value
from ..facts.vocabulary import Fact, Vocabulary
from .sources import ROW, Opened, raw_columns

SQL_TYPES = {
    "text": "VARCHAR", "bool": "BOOLEAN", "int": "BIGINT", "decimal": "DECIMAL(18, 4)", "date": "DATE", "texts": "VARCHAR[]",
}
_UNKNOWN = "('', '~', 'null', 'Null', 'NULL', 'unknown', '未知', '不知道', '?', '？')"
_FEW = 50  # spellings of one column that are written into the query; more of them go through a table
_BETWEEN = {"set": r"[;；|、,，\n]", "refs": r"[;；|、,，\n]", "list": r"[;；|\n]"}
_TIME_OF_DAY = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$")


@dataclass
class Read:
    """What came of the reading: columns nobody knows, and how many deals came in."""

    unknown_columns: dict[str, list[str]] = field(default_factory=dict)
    deals: int = 0


class _Raw:
    """A raw column as SQL."""

    def __init__(self, name: str, kind: str) -> None:
        quoted = '"' + name.replace('"', '""') + '"'
        self.parts = f"CAST({quoted} AS VARCHAR[])" if kind.endswith("[]") else f"string_split({quoted}, ';')"
        if kind.endswith("[]"):
            quoted = f"CAST(to_json({quoted}) AS VARCHAR)"
        elif kind != "VARCHAR":
            quoted = f"CAST({quoted} AS VARCHAR)"
        self.text = f"trim({quoted})"

    def plain(self, column: Column, otherwise: str = "NULL") -> str:
        """Return the value where it is plainly written, and ``otherwise`` where it is not."""
        quick = self.quick(column)
        value = quick if otherwise == "NULL" else f"coalesce({quick}, {otherwise})"
        return f"CASE WHEN {self.text} NOT IN {_UNKNOWN} THEN {value} END"

    def is_odd(self, column: Column) -> str:
        """Return the test that a value is there and takes the reader of deal files to understand."""
        return f"{self.text} NOT IN {_UNKNOWN} AND {self.quick(column)} IS NULL"

    def quick(self, column: Column) -> str:
        """Return the SQL that reads the plain spellings of a column, and is NULL for everything else."""
        fact, text, target = column.fact, self.text, SQL_TYPES[column.type]
        match column.type:
            case "bool":
                return f"CASE WHEN lower({text}) = 'true' THEN true WHEN lower({text}) = 'false' THEN false END"
            case "date":
                return f"CASE WHEN regexp_full_match({text}, '\\d{{4}}-\\d{{2}}-\\d{{2}}') THEN TRY_CAST({text} AS DATE) END"
            case "int" | "decimal" if fact is not None:
                digits = "\\d{1,12}" if column.type == "int" else "\\d{1,12}(\\.\\d{1,4})?"
                limits = [f"regexp_full_match({text}, '{digits}')"]
                limits += [f"TRY_CAST({text} AS {target}) >= {fact.minimum}"] if fact.minimum is not None else []
                limits += [f"TRY_CAST({text} AS {target}) <= {fact.maximum}"] if fact.maximum is not None else []
                return f"CASE WHEN {' AND '.join(limits)} THEN TRY_CAST({text} AS {target}) END"
            case "text" if fact is not None and column.role == "value" and fact.values:
                ids = ", ".join(f"'{value.id}'" for value in fact.values)
                return f"CASE WHEN {text} IN ({ids}) THEN {text} END"
            case "text":
                return f"CASE WHEN length({text}) BETWEEN 1 AND 10000 THEN {text} END"
            case "texts" if fact is not None and fact.values:
                ids = "[" + ", ".join(f"'{value.id}'" for value in fact.values) + "]"
                members = f"list_filter({ids}, lambda member: list_contains({self.parts}, member))"
                return f"CASE WHEN list_has_all({ids}, {self.parts}) THEN {members} END"
        return f"CAST(NULL AS {target})"


class Canonical:
    """Fills the typed tables of one run and the table ``errors``."""

    def __init__(self, database: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, as_of: str = "") -> None:
        self.database = database
        self.vocabulary = vocabulary
        self.layout = tables(vocabulary)
        self.as_of = as_of
        self.read = Read()
        database.execute(
            'CREATE TABLE errors ("table" VARCHAR, "row" BIGINT, deal_id VARCHAR, "column" VARCHAR, "value" VARCHAR,'
            " code VARCHAR, words VARCHAR)"
        )

    def from_deals(self, opened: Opened) -> None:
        """Fill the tables from deals that were read from files; a file that is wrong is one rejected deal."""
        for table in self.layout.values():
            self.create(table)
        seen: dict[str, str] = {}
        for deal_id, deal in opened.deals:
            if deal_id in seen:
                self.error(DEALS, None, deal_id, KEY, deal_id, "batch-deal-twice", {})
            seen[deal_id] = deal.file
            for name, row in deal_rows(deal, deal_id):
                self.insert(self.layout[name], row)
        for file, problems in opened.refused:
            for problem in problems:
                words = {"en": problem.message("en"), "zh": problem.message("zh")}
                self.error(file, problem.place.line, "", problem.field, "", "", words)
        self.read.deals = len(opened.deals) + len(opened.refused)
        self.drop_rejected()

    def insert(self, table: Table, row: Mapping[str, object]) -> None:
        """Add a row to a typed table."""
        names = [name for name in table.columns if name in row]
        columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
        self.database.execute(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", [row[name] for name in names])

    def create(self, table: Table) -> None:
        """Make a typed table without rows."""
        columns = ", ".join(f'"{column.name}" {SQL_TYPES[column.type]}' for column in table.columns.values())
        self.database.execute(f"CREATE TABLE {table.name} ({columns})")

    def from_tables(self, opened: Opened) -> None:
        """Fill the tables from raw ones."""
        for name, line, reason in opened.unread:
            self.error(name, line, "", "", "", "", {"en": reason, "zh": reason})
        for table in self.layout.values():
            if table.name in opened.tables:
                self.table(table)
            else:
                self.create(table)
        self.check_keys(opened)
        self.read.deals = self.count(f"raw_{DEALS}") + sum(name == DEALS for name, _, _ in opened.unread)
        self.fill_listed(opened)
        self.drop_rejected()

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        found = self.database.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert found is not None
        return int(found[0])

    def table(self, table: Table) -> None:
        """Make one typed table out of its raw one."""
        found = {table.columns[name]: _Raw(*source) for name, source in self.sources(table).items()}
        odd = self.odd(table, found)
        parts = [ROW]
        for column in table.columns.values():
            if column in found:
                value = self.value(table, column, found[column]) if column in odd else found[column].plain(column)
                parts.append(f'{value} AS "{column.name}"')
            elif column.name == AS_OF and self.as_of:
                parts.append(f"DATE '{self.as_of}' AS {AS_OF}")
            else:
                parts.append(f'CAST(NULL AS {SQL_TYPES[column.type]}) AS "{column.name}"')
        self.database.execute(f"CREATE TABLE {table.name} AS SELECT {', '.join(parts)} FROM raw_{table.name}")

    def odd(self, table: Table, found: Mapping[Column, _Raw]) -> set[Column]:
        """Return the columns with values that no quick test can read; all of them are looked through in one pass."""
        if not found:
            return set()
        tests = ", ".join(f"count(*) FILTER ({raw.is_odd(column)})" for column, raw in found.items())
        counts = self.database.execute(f"SELECT {tests} FROM raw_{table.name}").fetchone()
        assert counts is not None
        return {column for column, count in zip(found, counts, strict=True) if count}

    def sources(self, table: Table) -> dict[str, tuple[str, str]]:
        """Return for each column of a table the raw column that holds it, and its type; note those that are unknown."""
        names: dict[str, str] = {}
        for column in table.columns.values():
            names[column.name] = column.name
            if column.fact is not None and column.role == "value":
                label = column.fact.label
                names |= dict.fromkeys((column.fact.id, label.zh, label.en.lower()), column.name)
        found: dict[str, tuple[str, str]] = {}
        for raw, kind in raw_columns(self.database, table.name).items():
            plain = normalize("NFKC", raw).strip()
            name = names.get(plain) or names.get(plain.lower()) or names.get(column_name(plain.lower()))
            if name is None or name in found:
                hint = nearest(plain.lower(), list(table.columns))
                self.read.unknown_columns.setdefault(table.name, []).append(f"{raw} ({hint}?)" if hint else raw)
            else:
                found[name] = (raw, kind)
        return found

    def value(self, table: Table, column: Column, raw: _Raw) -> str:
        """Return the SQL for the canonical value of a raw column; what no SQL can read is parsed here and now."""
        leftovers = self.database.execute(
            f"SELECT DISTINCT {raw.text} AS value FROM raw_{table.name} WHERE {raw.is_odd(column)} ORDER BY value"
        ).fetchall()
        meanings, bad = self.meanings(column, [value for (value,) in leftovers])
        self.report(table, column, raw.text, bad)
        if len(meanings) <= _FEW:
            return raw.plain(column, _spelled_out(raw.text, meanings, SQL_TYPES[column.type]))
        lookup = f"meaning_{table.name}_{column.name}"
        self.database.execute(f"CREATE TEMP TABLE {lookup} (written VARCHAR, meaning {SQL_TYPES[column.type]})")
        self.database.executemany(f"INSERT INTO {lookup} VALUES (?, ?)", [list(pair) for pair in meanings.items()])
        return raw.plain(column, f"(SELECT meaning FROM {lookup} WHERE written = {raw.text})")

    def meanings(
        self, column: Column, written: Sequence[str]
    ) -> tuple[dict[str, object], dict[str, BadValue]]:
        """Return what each spelling means, and what is wrong with those that mean nothing."""
        meanings: dict[str, object] = {}
        bad: dict[str, BadValue] = {}
        fact = _fact_of(column)
        for text in written:
            try:
                meanings[text] = _meaning(column, fact, text)
            except BadValue as problem:
                bad[text] = problem
        return meanings, bad

    def report(self, table: Table, column: Column, text: str, bad: Mapping[str, BadValue]) -> None:
        """Note every row with a value that can't be read."""
        if not bad:
            return
        self.database.execute("CREATE OR REPLACE TEMP TABLE bad_values (written VARCHAR, code VARCHAR, words VARCHAR)")
        rows = [[written, problem.code, _dumped(problem.words)] for written, problem in bad.items()]
        self.database.executemany("INSERT INTO bad_values VALUES (?, ?, ?)", rows)
        deal_id = self.sources(table).get(KEY, ("NULL", ""))[0]
        self.database.execute(
            f"INSERT INTO errors SELECT '{table.name}', {ROW}, CAST(\"{deal_id}\" AS VARCHAR), '{column.name}', written, code,"
            f" words FROM raw_{table.name} JOIN bad_values ON written = {text} ORDER BY {ROW}"
        )

    def check_keys(self, opened: Opened) -> None:
        """Note rows without a key, keys given twice, and items of deals that nobody listed."""
        told = f"SELECT \"row\" FROM errors WHERE \"table\" = '{DEALS}' AND \"column\" = '{AS_OF}'"
        self.check(DEALS, KEY, "batch-key-missing", f"{KEY} IS NULL")
        self.check(DEALS, KEY, "batch-deal-twice", f"count(*) OVER (PARTITION BY {KEY}) > 1 AND {KEY} IS NOT NULL")
        self.check(DEALS, AS_OF, "as-of-missing", f"{AS_OF} IS NULL AND {ROW} NOT IN ({told})")
        listed = f"SELECT {KEY} FROM {DEALS} WHERE {KEY} IS NOT NULL"
        for table in self.layout.values():
            if table.collection and table.name in opened.tables:
                name, twice = table.name, f"count(*) OVER (PARTITION BY {KEY}, {ITEM_KEY}) > 1 AND {ITEM_KEY} IS NOT NULL"
                self.check(name, KEY, "batch-key-missing", f"{KEY} IS NULL")
                self.check(name, ITEM_KEY, "batch-key-missing", f"{ITEM_KEY} IS NULL")
                self.check(name, KEY, "batch-orphan", f"{KEY} IS NOT NULL AND {KEY} NOT IN ({listed})")
                self.check(name, ITEM_KEY, "batch-item-twice", twice)

    def check(self, table: str, column: str, code: str, wrong: str) -> None:
        """Note every row of a typed table for which something is wrong."""
        self.database.execute(
            f"INSERT INTO errors SELECT '{table}', {ROW}, {KEY}, '{column}', CAST({column} AS VARCHAR), '{code}', '{{}}'"
            f" FROM (SELECT *, {wrong} AS is_wrong FROM {table}) WHERE is_wrong ORDER BY {ROW}"
        )

    def fill_listed(self, opened: Opened) -> None:
        """A collection counts as given for a deal if the table says so, or holds a row of the deal."""
        for table in self.layout.values():
            if table.collection and table.name in opened.tables:
                self.database.execute(
                    f"UPDATE {DEALS} SET {listed_column(table.name)} = true WHERE {KEY} IN (SELECT {KEY} FROM {table.name})"
                )

    def drop_rejected(self) -> None:
        """Take the deals with an error out of every table, and make what nobody listed plainly unlisted."""
        for collection in self.vocabulary.collections:
            name = listed_column(collection)
            self.database.execute(f"UPDATE {DEALS} SET {name} = false WHERE {name} IS NULL")
        self.database.execute("CREATE TABLE rejected AS SELECT DISTINCT deal_id FROM errors WHERE deal_id IS NOT NULL")
        for table in self.layout.values():
            self.database.execute(f"DELETE FROM {table.name} WHERE {KEY} IS NULL OR {KEY} IN (SELECT deal_id FROM rejected)")

    def error(
        self, table: str, row: int | None, deal_id: str, column: str, value: str, code: str, words: Mapping[str, object]
    ) -> None:
        """Note one thing that is wrong."""
        told = json.dumps(words, ensure_ascii=False)
        values = [table, row, deal_id or None, column or None, value or None, code, told]
        self.database.execute("INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _spelled_out(text: str, meanings: Mapping[str, object], target: str) -> str:
    """Return the SQL that reads a few spellings."""
    if not meanings:
        return f"CAST(NULL AS {target})"
    written, meant = (f"[{', '.join(map(_sql, part))}]" for part in (meanings.keys(), meanings.values()))
    return f"CAST(MAP({written}, {meant})[{text}] AS {target})"


def _sql(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_sql(member) for member in value) + "]::VARCHAR[]"
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'" if not isinstance(value, int) else str(value)


def _fact_of(column: Column) -> Fact | None:
    """Return a fact whose parser reads a column; a key or a text has none."""
    if column.fact is None or column.role == "value":
        return column.fact
    if column.type == "text":
        return None
    return replace(column.fact, type="date" if column.type == "date" else "bool", values=())


def _meaning(column: Column, fact: Fact | None, text: str) -> object:
    if column.type == "bool" and fact is None:
        raise BadValue("not-yes-or-no", found=text)
    if fact is None:
        raise BadValue("text-too-long", limit="10000", length=str(len(text)))
    if fact.type in _BETWEEN and column.role == "value":
        return list(in_order(fact, [parse_member(fact, part) for part in _parts(fact, text)]))
    if column.type == "date":
        text = _TIME_OF_DAY.sub("", text)
    return parse_value(fact, text)


def _parts(fact: Fact, text: str) -> Iterator[str]:
    """Yield the members of a set or list written in one cell: as JSON, or with signs between them."""
    if text in ("-", "[]", "（无）", "(none)"):
        return
    if text.startswith("["):
        try:
            members = json.loads(text)
        except ValueError:
            members = None
        if isinstance(members, list) and all(isinstance(member, str) for member in members):
            yield from members
            return
    yield from (part.strip() for part in re.split(_BETWEEN[fact.type], text) if part.strip())


def _dumped(words: Mapping[str, object]) -> str:
    """Return the words of a message as JSON: plain ones, and pairs in both languages."""
    return json.dumps(words, ensure_ascii=False, default=lambda text: {"en": text.en, "zh": text.zh})
