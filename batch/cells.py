"""What a cell means: the same as in a deal file.

SQL reads at a glance what is plainly written; what it can't read, a label say, or a number with a
unit, goes, each distinct spelling once, through the reader of deal files.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from ..facts.deal import PLAIN_FACTS
from ..facts.tables import Column, ColumnType
from ..facts.values import LONGEST_TEXT, SHEET_ERRORS, UNKNOWN_WORDS, BadValue, in_order, parse_member, parse_value
from ..facts.vocabulary import Fact
from .filling import quoted, text_of_cell

SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR", "bool": "BOOLEAN", "int": "BIGINT", "decimal": "DECIMAL(18, 4)", "date": "DATE", "texts": "VARCHAR[]",
}
_UNKNOWN = sorted(UNKNOWN_WORDS)
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())  # what the reader of deal files strips
_NO_VALUES = sorted({*UNKNOWN_WORDS, *SHEET_ERRORS})  # texts that are none
_LONGEST_NO_VALUE = max(map(len, _NO_VALUES))
_NEVER_WORDS = re.compile(r"BOOLEAN|DATE|TIME.*|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*")
_WHOLE = ("TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT")
_BETWEEN = {"set": r"[;；|、,，\n]", "refs": r"[;；|、,，\n]", "list": r"[;；|\n]"}
_TIME_OF_DAY = re.compile(  # no zone is further from UTC than 14 hours
    r"[T ](?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]\d)(?::[0-5]\d(?:\.\d+)?)?"
    r"(?:Z|(?P<zone>[+-](?:0\d|1[0-3]|14(?=(?::?00)?$)))(?::?(?P<rest>[0-5]\d))?)?$")
_FIRST_DAY, _LAST_DAY = "DATE '0001-01-01'", "DATE '9999-12-31'"  # that anybody can note; databases know others


class RawColumn:
    """A column as it came, as SQL that reads it; what is read is NULL where the cell is empty.

    A column that already has the type that is wanted is taken as it is; looking at text costs far more.
    """

    def __init__(self, name: str, kind: str) -> None:
        self.name = quoted(name)
        self.kind = kind
        text = self.name
        if kind.endswith("]"):
            text = f"to_json({self.name})"
        if kind == "JSON":
            text = f"({self.name} ->> '$')"
        if kind == "BLOB":
            text = f"coalesce(TRY(decode({self.name})), CAST({self.name} AS VARCHAR))"
        if kind in ("DOUBLE", "FLOAT"):  # written out, not as 3.8E7
            decimal = f"CAST(TRY_CAST({text} AS DECIMAL(18, 4)) AS VARCHAR)"
            text = f"coalesce(regexp_replace({decimal}, '[.]?0+$', ''), CAST({text} AS VARCHAR))"
        self.text = f"trim({text if kind == 'VARCHAR' else f'CAST({text} AS VARCHAR)'})"

    @property
    def is_given(self) -> str:
        """The test that there is anything in a cell."""
        if _NEVER_WORDS.fullmatch(self.kind):
            return f"{self.name} IS NOT NULL"
        stripped = f"trim({self.name if self.kind == 'VARCHAR' else self.text}, {literal(BLANKS)})"
        return f"coalesce({stripped} NOT IN ({_listed(_UNKNOWN)}), false)"

    def plain(self, column: Column, otherwise: str = "") -> str:
        """Return the value where it is plainly written, and ``otherwise`` where it is not."""
        quick = self.quick(column)
        return f"coalesce({quick}, {otherwise})" if otherwise else quick

    def is_odd(self, column: Column) -> str:
        """Return the test that a value is there and takes the reader of deal files to understand."""
        quick = self.quick(column)
        if quick == self.name:
            return "false"
        return f"{self.name} IS NOT NULL AND {quick} IS NULL AND {self.is_given}"

    def quick(self, column: Column) -> str:
        """Return the SQL that reads the plain spellings of a column, and is NULL for everything else."""
        fact, name, target = column.fact, self.name, SQL_TYPES[column.type]
        values = values_of(column)
        match column.type:
            case "bool" if self.kind == target:
                return name
            case "date" if self.kind == target:
                noted = f"CASE WHEN {name} BETWEEN {_FIRST_DAY} AND {_LAST_DAY} THEN {name} END"
                return noted if column.role == "value" else name
            case "bool":
                word = f"lower({self.text})"
                return f"CASE WHEN {word} IN ('true', '1') THEN true WHEN {word} IN ('false', '0') THEN false END"
            case "date":
                return self._if(f"regexp_matches({self.text}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$')", target)
            case "int" | "decimal" if fact is not None and self._is_number(column):
                limits = [f"{name} {sign} {bound}" for sign, bound in (
                    (">=", fact.minimum), ("<=", fact.maximum)) if bound is not None]
                every = " AND ".join([f"{name} >= 0", f"{name} < 1000000000000", *limits])
                return f"CASE WHEN {every} THEN CAST({name} AS {target}) END"
            case "int" | "decimal" if fact is not None:
                limits = [f"TRY_CAST({self.text} AS {target}) {sign} {bound}" for sign, bound in (
                    (">=", fact.minimum), ("<=", fact.maximum)) if bound is not None]
                digits = "[0-9]{1,12}" if column.type == "int" else "[0-9]{1,12}([.][0-9]{1,4})?"
                return self._if(" AND ".join([f"regexp_matches({self.text}, '^{digits}$')", *limits]), target)
            case "text" if values:
                text = name if self.kind == target else self.text
                return f"CASE WHEN {text} IN ({_listed(values)}) THEN {text} END"
            case "text":  # only a short one can be a word for nothing known
                length = f"length({self.text})"
                odd = f"{length} > {LONGEST_TEXT} OR {_has_blank_ends(self.text)}"
                known = f"{length} > {_LONGEST_NO_VALUE} OR {self.text} NOT IN ({_listed(_NO_VALUES)})"
                return f"CASE WHEN {odd} THEN NULL WHEN {known} THEN {self.text} END"
            case "texts" if self.kind == target and values:  # as many as there are different ones that are known
                known = " + ".join(f"CAST(list_contains({name}, {literal(value)}) AS INTEGER)" for value in values)
                return f"CASE WHEN array_length({name}) = {known} THEN {name} END"
            case "texts" if self.kind == target:
                whole = f"NOT list_contains({name}, '') AND coalesce(array_position({name}, CAST(NULL AS VARCHAR)), 0) = 0"
                return f"CASE WHEN {whole} AND {_all_different(name)} THEN {name} END"
        return f"CAST(NULL AS {target})"

    def all_bare(self, column: Column) -> str:
        """Return the aggregate that is true if every cell can be taken as it is; empty if none of the column can.

        It is true of fewer columns than it could be, and in return quick: what works on a text alone is
        worked out once for each different text of a block, which CASE and FILTER are not.
        """
        name = self.name
        if self.kind != SQL_TYPES[column.type]:
            return ""
        values = values_of(column)
        if column.type == "text" and values:
            known = f"nullif(array_position({literal(values)}, {name}), 0)"  # not there is NULL or 0, by engine
            return f"count({known}) = count({name})"
        if column.type == "text":
            none = [f"nullif({place}, 0)" for place in (
                *_places_of_ends(name), f"array_position({literal(_NO_VALUES)}, {name})")]
            nothing = " AND ".join(f"count({place}) = 0" for place in none)
            return f"{nothing} AND coalesce(max(length({name})) <= {LONGEST_TEXT}, true)"
        if column.type == "date":
            return f"coalesce(min({name}) >= {_FIRST_DAY} AND max({name}) <= {_LAST_DAY}, true)"
        if column.type == "texts" and values:  # as many as there are of each that is known: so none twice, and no other
            found = " + ".join(f"count_if(list_contains({name}, {literal(value)}))" for value in values)
            return f"coalesce(sum(array_length({name})) = {found}, true)"
        return f"count({self.quick(column)}) = count({name})"

    def _is_number(self, column: Column) -> bool:
        """Tell whether a column holds numbers that lose nothing when they become what is wanted."""
        if self.kind in _WHOLE:
            return True
        return column.type == "decimal" and bool(re.fullmatch(r"DECIMAL\(\d+, ?[0-4]\)", self.kind))

    def _if(self, condition: str, target: str) -> str:
        return f"CASE WHEN {condition} THEN TRY_CAST({self.text} AS {target}) END"


def _places_of_ends(text: str) -> list[str]:
    """Return the SQL that tells where among all blanks the first and the last sign of a text stand; NULL or 0 is nowhere."""
    blanks = f"CAST({[ord(blank) for blank in BLANKS]} AS INTEGER[])"
    return [f"array_position({blanks}, unicode({end}))" for end in (text, f"reverse({text})")]


def _has_blank_ends(text: str) -> str:
    """Return the test that a text begins or ends with a blank; what engines trim differs, and is less than all."""
    return " OR ".join(f"coalesce({place}, 0) > 0" for place in _places_of_ends(text))


def _all_different(members: str) -> str:
    """Return the test that no two members of a list are the same; most have few, which are quicker to compare by pairs."""
    pairs = " AND ".join(f"{members}[{one}] <> {members}[{other}]" for one, other in ((1, 2), (1, 3), (2, 3)))
    cases = ((1, "true"), (2, f"{members}[1] <> {members}[2]"), (3, pairs))
    few = " ".join(f"WHEN array_length({members}) <= {most} THEN {test}" for most, test in cases)
    return f"CASE {few} ELSE array_length(list_distinct({members})) = array_length({members}) END"


def values_of(column: Column) -> list[str]:
    """Return the ids of which cells of a column may hold one, or some; empty if they may hold anything."""
    fact = column.fact
    return [value.id for value in fact.values if value.id not in _UNKNOWN] if fact and column.role == "value" else []


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(literal, values))


def spelled_out(text: str, meanings: Mapping[str, object], kind: ColumnType) -> str:
    """Return the SQL that reads a few spellings."""
    branches = " ".join(f"WHEN {literal(written)} THEN {literal(meant, kind)}" for written, meant in meanings.items())
    return f"CASE {text} {branches} END" if meanings else f"CAST(NULL AS {SQL_TYPES[kind]})"


def literal(value: object, kind: ColumnType = "text") -> str:
    """Return a value as SQL writes it."""
    if value is None:
        return f"CAST(NULL AS {SQL_TYPES[kind]})"
    if isinstance(value, list):
        members = ", ".join(literal(member) for member in value)
        return f"CAST([{members}] AS VARCHAR[])"
    text = str(value).lower() if isinstance(value, bool) else "'" + str(value).replace("'", "''") + "'"
    return text if kind == "text" else f"CAST({text} AS {SQL_TYPES[kind]})"


def meanings_of(column: Column, written: Iterable[str]) -> tuple[dict[str, object], dict[str, BadValue]]:
    """Return what each spelling means, None if it is one for nothing known, and what is wrong with those that mean nothing."""
    meanings: dict[str, object] = {}
    bad: dict[str, BadValue] = {}
    fact = _fact_of(column)
    for text in written:
        try:
            meanings[text] = _meaning(column, fact, text)
        except BadValue as problem:
            bad[text] = problem
    return meanings, bad


def _fact_of(column: Column) -> Fact:
    """Return a fact whose parser reads a column: its own, or a plain one of its type."""
    if column.fact is not None and column.role == "value":
        return column.fact
    return PLAIN_FACTS["text" if column.type == "text" else "date" if column.type == "date" else "bool"]


def _meaning(column: Column, fact: Fact, text: str) -> object:
    text = text.strip()
    if text in _UNKNOWN:
        return None
    if fact.type in _BETWEEN and column.role == "value":
        return list(in_order(fact, [parse_member(fact, part) for part in _parts(fact, text)]))
    if column.type == "date" and (time := _TIME_OF_DAY.search(text)):
        try:
            return _in_utc(parse_value(fact, text[: time.start()]), time)
        except OverflowError:  # the day in UTC is before the first or after the last
            raise BadValue("not-a-date", found=text) from None
    return parse_value(fact, text)


def _in_utc(day: object, time: re.Match[str]) -> object:
    """Return the day in UTC on which it is this time of a day; without a zone it is that day."""
    sign = -1 if (time["zone"] or "").startswith("-") else 1
    ahead = int(time["zone"] or 0) * 60 + sign * int(time["rest"] or 0)
    days = (int(time["hours"]) * 60 + int(time["minutes"]) - ahead) // (24 * 60) if time["zone"] else 0
    return day + dt.timedelta(days=days) if isinstance(day, dt.date) else day


def _parts(fact: Fact, text: str) -> Iterator[str]:
    """Yield the members of a set or list written in one cell: as JSON, or with signs between them. Raises :class:`BadValue`."""
    if text in ("-", "[]", "（无）", "(none)"):
        return
    if text.startswith("["):
        try:
            members = json.loads(text)
        except ValueError:
            members = None
        if isinstance(members, list):
            for member in members:
                if member is None or isinstance(member, list | dict):
                    raise BadValue("not-a-member", found=json.dumps(member, ensure_ascii=False))
                yield text_of_cell(member) or ""
            return
    yield from (part.strip() for part in re.split(_BETWEEN[fact.type], text) if part.strip())
