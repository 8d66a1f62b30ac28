"""Reads an output that was written before, of whatever kind it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ..engine.outputs import CONDITIONS
from ..facts.problems import listing
from ..facts.tables import DEALS, KEY
from ..facts.texts import LANGUAGES, NO_TEXT, Text
from ..render.words import say
from .cells import literal
from .contradictions import CONTRADICTIONS
from .engines import DuckEngine
from .filling import ROW, quoted
from .headers import Headers
from .postgres import SCHEMA, is_address
from .refusal import BadSource
from .stores import DATABASES, WORKBOOKS, Store, open_store, unreadable

OUTPUT_TABLES = (  # as a person reads them
    DEALS, "changes", "actions", "questions", "findings", "criteria", CONTRADICTIONS, "fired", CONDITIONS, "errors", "run")
_FORMULA = r"(''*[=+\-@\t\r])"  # how a text begins that a spreadsheet takes for a formula, or one that was kept from it
CALLED = (KEY, "about")  # columns with ids that people gave, by which an output is compared with a later one
NEVER_HELD = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"  # signs that no sheet holds
_HELD_BACK = re.compile(f"{NEVER_HELD}|\r|_(?=x[0-9A-Fa-f]{{4}}_)")  # these, what becomes another one, and what stands for them
_GIVEN_BACK = "_x(?:00[01][0-9A-F]|005F|FFF[EF])_|[^_]+|_"
IDS = "ids"  # the hidden sheet of a workbook that tells which id each label stands for, and in which place:
HEADER = ""  # among the headers, or in the column of that name
Ids = Mapping[str, Mapping[str, str]]  # by place, the id of each label
_TEXT, _AMOUNT, _COUNT, _DAY, _YES = "VARCHAR", "DECIMAL(38, 4)", "INTEGER", "TIMESTAMP", "BOOLEAN"
_ALWAYS = ("scored", "step", "readiness_low", "readiness_high", "criteria_met", "risk_count")  # of a deal that is scored
_USED = {  # columns that anybody reads of an earlier output
    DEALS: {
        KEY: _TEXT, "scored": _YES, "as_of": _DAY, "step": _TEXT, "claimed_step": _TEXT, "deal_owner": _TEXT,
        "deal_team": _TEXT, "deal_currency": _TEXT, "deal_amount": _AMOUNT, "readiness_low": _COUNT,
        "readiness_high": _COUNT, "criteria_met": _COUNT, "risk_count": _COUNT,
    },
    "changes": {KEY: _TEXT, "change": _TEXT},
    "fired": {KEY: _TEXT, "rule": _TEXT, "about": _TEXT},
}
_EXPECTED = {
    _AMOUNT: Text("a number", "数字"), _COUNT: Text("a whole number", "整数"), _DAY: Text("a date", "日期"),
    _YES: Text("true or false", "true 或 false"),
}
_LATER = {DEALS: ("deal_outcome",)}  # columns that are read, too, but that outputs of earlier versions lack
_PARQUET = "read_parquet(?)"
_CSV = "read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', comment = '')"
_FILES = (".parquet", ".csv", ".jsonl")


def read_output(
    database: duckdb.DuckDBPyConnection, output: str, tables: Sequence[str], prefix: str, most_rows: int | None = None
) -> list[str]:
    """Read some tables of an output, each into ``prefix`` and its name; return the names of those that are there.

    Raises :class:`BadSource` if it is no output of a run, or if somebody has edited it so that it can't be used.
    """
    with _opened(database, output) as store:
        found, ids = _read(database, store, output, tables, prefix, most_rows)
    for name, title in found.items():
        _check_usable(database, f"{prefix}{name}", _USED.get(name, {}), ids, {"file": output, "table": title})
    return list(found)


def check_is_output(output: str) -> None:
    """Raise :class:`BadSource` if a place holds anything but what a run wrote there."""
    with duckdb.connect() as database, _opened(database, output) as store:
        _read(database, store, output, (DEALS,), "", most_rows=0)
        others = [place for place, title in store.names.items() if _meant(title) not in (*OUTPUT_TABLES, "help", IDS)]
    if others:
        raise BadSource("batch-holds-others", target=output, names=", ".join(others[:3]))


def disarmed(text: str) -> str:
    """Return the SQL of a text that no spreadsheet runs: with a sign before it, which reading takes away again."""
    return rf"regexp_replace({text}, '^{_FORMULA}', '''\1')"


def held(id_: str) -> str:
    """Return an id as a sheet holds it, told apart from all others: a return is written ``_x000D_``, as the format has it."""
    return _HELD_BACK.sub(lambda sign: f"_x{ord(sign[0]):04X}_", id_)


def _given_back(id_: str) -> str:
    """Return the SQL of the id that a sheet holds so."""
    sign = "CASE WHEN length(part) = 7 AND part[1] = '_' THEN chr(CAST('0x' || part[3:6] AS INTEGER)) ELSE part END"
    return f"array_to_string(list_transform(regexp_extract_all({id_}, '{_GIVEN_BACK}'), lambda part: {sign}), '')"


def is_output(columns: Collection[str]) -> bool:
    """Tell whether a table of deals is one that a run wrote."""
    return {KEY, "scored", "step", "readiness_low", "criteria_met"} <= set(columns)


def is_output_workbook(database: duckdb.DuckDBPyConnection, store: Store) -> bool:
    """Tell whether something with tables in it is a workbook that a run wrote: what its labels stand for is in it."""
    if IDS not in store.names:
        return False
    store.read(IDS, "previous_ids", most=0)
    columns = DuckEngine(database).columns("previous_ids")
    database.execute("DROP TABLE previous_ids")
    return {"place", "label", "id"} <= set(columns)


def _read(
    database: duckdb.DuckDBPyConnection, store: Store, output: str, tables: Sequence[str], prefix: str, most_rows: int | None
) -> tuple[dict[str, str], Ids]:
    """Read tables; return what each that is there is called in the output, and the ids of its labels if it has any."""
    there = {_meant(title): place for place, title in store.names.items()}
    found = {name: there[name] for name in tables if name in there}
    for name, place in found.items():
        store.read(place, f"{prefix}{name}", most=most_rows)
        database.execute(f"ALTER TABLE {prefix}{name} DROP COLUMN IF EXISTS {ROW}")
    ids = _ids(database, store) if IDS in store.names else {}
    for name in found if ids else ():
        _put_ids_back(database, f"{prefix}{name}", ids)
    if DEALS not in found or not (ids or is_output(DuckEngine(database).columns(f"{prefix}{DEALS}"))):
        raise BadSource("batch-not-ours", target=output)
    return found, ids


def _ids(database: duckdb.DuckDBPyConnection, store: Store) -> Ids:
    """Return the ids that the labels of a workbook stand for."""
    store.read(IDS, "previous_ids")
    told = database.execute("SELECT place, label, id FROM previous_ids").fetchall()
    database.execute("DROP TABLE previous_ids")
    ids: dict[str, dict[str, str]] = {}
    for place, label, id_ in told:
        ids.setdefault(place or HEADER, {})[label] = id_
    return ids


def _put_ids_back(database: duckdb.DuckDBPyConnection, table: str, ids: Ids) -> None:
    """Turn the labels in a table of a workbook, of columns and of values, back into the ids that they stand for."""
    columns = []
    for label in DuckEngine(database).columns(table):
        name = ids.get(HEADER, {}).get(label, label)
        cases = "".join(f" WHEN {literal(shown)} THEN {literal(id_)}" for shown, id_ in ids.get(name, {}).items())
        value = f"CASE {quoted(label)}{cases} ELSE {quoted(label)} END" if cases else quoted(label)
        columns.append(f"{_given_back(value) if name in CALLED else value} AS {quoted(name)}")
    database.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {', '.join(columns)} FROM {table}")


def _check_usable(
    database: duckdb.DuckDBPyConnection, table: str, used: Mapping[str, str], ids: Ids, where: Mapping[str, str]
) -> None:
    """Raise :class:`BadSource` if a column that is used is gone, or holds a value that nobody can use."""
    shown = {id_: label for label, id_ in ids.get(HEADER, {}).items()}
    there = DuckEngine(database).columns(table)
    for column in used:
        if column not in there:
            raise BadSource("batch-column-gone", **where, column=shown.get(column, column))
    for column, kind in used.items():
        known = ids.get(column, {})
        bad = f"SELECT CAST({quoted(column)} AS VARCHAR) AS bad FROM {table} WHERE {_is_bad(column, kind, known.values())}"
        if row := database.execute(f"{bad} ORDER BY bad LIMIT 1").fetchone():
            labels = Text(listing(list(known)), listing(list(known), comma="、"))
            raise BadSource("batch-edited", **where, column=shown.get(column, column), found=row[0] or "",
                            expected=labels if known else _EXPECTED.get(kind, NO_TEXT))


def _is_bad(column: str, kind: str, known: Collection[str]) -> str:
    """Return the test that nobody can use the value of a column: it is of no such kind, of none that is known, or missing."""
    value = quoted(column)
    tests = [f"{value} IS NOT NULL AND TRY_CAST({value} AS {kind}) IS NULL"]
    tests += [f"{value} NOT IN ({', '.join(map(literal, known))})"] * bool(known)
    tests += [f"{value} IS NULL AND coalesce(TRY_CAST(scored AS BOOLEAN), true)"] * (column in _ALWAYS)
    return " OR ".join(tests)


def _meant(title: str) -> str:
    """Return the table that something in an output is: its name, or, of a sheet, its title in some language."""
    sheets = {say(f"score.sheet.{name}", language): name for name in (*OUTPUT_TABLES, "help") for language in LANGUAGES}
    return sheets.get(title, title)


@contextmanager
def _opened(database: duckdb.DuckDBPyConnection, output: str) -> Iterator[Store]:
    path = Path(output)
    if is_address(output):
        with open_store(database, output, SCHEMA) as store:
            yield store
    elif not path.exists():
        raise BadSource("batch-nothing", source=output)
    elif path.is_dir():
        try:
            yield _Folder(database, path)
        except (duckdb.Error, OSError) as error:
            raise unreadable(path.name, error) from None
    elif path.suffix.lower() not in WORKBOOKS | DATABASES:
        raise BadSource("batch-not-ours", target=output)
    else:
        with open_store(database, output) as store:
            yield store


class _Folder:
    """A folder of files, or of folders of Parquet files as Spark writes them."""

    def __init__(self, database: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.names = {entry.name: entry.stem if entry.suffix in _FILES else entry.name for entry in sorted(folder.iterdir())}

    def read(self, table: str, into: str, headers: Headers | None = None, most: int | None = None) -> None:
        """Read a file; in a CSV file the sign that keeps a text from being a formula is taken away again."""
        file = self.folder / table
        armed = rf"regexp_replace(COLUMNS(*), '^''{_FORMULA}', '\1')" if file.suffix == ".csv" else "*"
        limit = "" if most is None else f" LIMIT {most}"
        self.database.execute(
            f"CREATE TABLE {into} AS SELECT {armed} FROM {self._reader(file)}{limit}",
            [str(file / "*.parquet" if file.is_dir() else file)],
        )

    def _reader(self, file: Path) -> str:
        """Return what reads a file; only Parquet has types that need not be guessed, all else is read as text.

        Every line of JSON that a run wrote has all names, so the first one is as good as a header.
        """
        if file.suffix != ".jsonl":
            return _CSV if file.suffix == ".csv" else _PARQUET
        first = "SELECT json_keys(json) FROM read_json_objects(?, format = 'newline_delimited') LIMIT 1"
        (names,) = self.database.execute(first, [str(file)]).fetchone() or (_USED.get(file.stem, (KEY,)),)
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in dict.fromkeys([*names, *_LATER.get(file.stem, ())]))
        return f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
