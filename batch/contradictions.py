"""Where the deals of a pipeline disagree with themselves: :mod:`..facts.consistency`, as a query over the typed tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, Column, Table, column_name

CONTRADICTIONS = "contradictions"
_NOTHING = (
    f"SELECT '' AS {KEY}, '' AS collection, '' AS about, '' AS fact, '' AS code, '' AS target, '' AS \"value\","
    f" CAST(NULL AS DATE) AS {AS_OF} WHERE false"
)


def compared(table: Table, given: Collection[str]) -> set[str]:
    """Return the columns of a table that the query reads, of those that are given."""
    days = {name for _, _, *names in _days(table, given) for name in names}
    return days | {column.name for column in _references(table, given)}


def contradictions(layout: Mapping[str, Table], given: Mapping[str, Collection[str]]) -> str:
    """Return the query of all disagreements: where each lies, the code of its message, and what the message names.

    ``given`` tells which columns of each table came in; what did not is not there to disagree.
    """
    parts = [_NOTHING]
    for table in layout.values():
        parts += _ahead(table, given.get(table.name, ()))
        parts += _astray(table, given.get(table.name, ()))
    return " UNION ALL ".join(parts)


def _days(table: Table, given: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield what may not lie ahead: the fact, the code of the message, the column of the day, and that of the fact."""
    for column in table.columns.values():
        fact = column.fact
        if fact is None or column.name not in given or column_name(fact.id) not in given:
            continue
        if column.role == "value" and fact.past and column.type == "date":
            yield fact.id, "day-ahead", column.name, column.name
        elif column.role == "seen":
            yield fact.id, "seen-ahead", column.name, column_name(fact.id)


def _references(table: Table, given: Collection[str]) -> list[Column]:
    return [
        column for column in table.columns.values()
        if column.role == "value" and column.fact is not None and column.fact.to and column.name in given
    ]


def _ahead(table: Table, given: Collection[str]) -> Iterator[str]:
    """Yield the query of the days of a table that lie after that of the deal; rows without any are sorted out first."""
    days = list(_days(table, given))
    if not days:
        return
    read = [f'CASE WHEN found."{value}" IS NOT NULL THEN found."{day}" END' for _, _, day, value in days]
    latest = f"greatest({', '.join(read)})" if len(read) > 1 else read[0]
    day = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(read))
    catalogue = ", ".join(f"({number}, '{fact}', '{code}')" for number, (fact, code, _, _) in enumerate(days))
    about, of, join = "''", "found", ""
    if table.collection:
        about, of = f"found.{ITEM_KEY}", "of_deal"
        join = f"JOIN (SELECT {KEY}, {AS_OF} FROM {DEALS}) AS of_deal ON found.{KEY} = of_deal.{KEY}"
    listed = (
        f"SELECT found.{KEY}, {about} AS about, catalogue.fact, catalogue.code, {of}.{AS_OF},"
        f" CASE catalogue.number {day} END AS day FROM {table.name} AS found {join}"
        f" CROSS JOIN (VALUES {catalogue}) AS catalogue(number, fact, code) WHERE {latest} > {of}.{AS_OF}"
    )
    yield (
        f"SELECT {KEY}, '{table.collection}' AS collection, about, fact, code, '' AS target,"
        f" CAST(day AS VARCHAR) AS \"value\", {AS_OF} FROM ({listed}) AS listed WHERE day > {AS_OF}"
    )


def _astray(table: Table, given: Collection[str]) -> Iterator[str]:
    """Yield the queries of references to no item, and to where they stand."""
    about = ITEM_KEY if table.collection else "''"
    for column in _references(table, given):
        assert column.fact is not None
        target = f'unnest("{column.name}")' if column.type == "texts" else f'"{column.name}"'
        found = f"(SELECT {KEY}, {about} AS about, {target} AS target FROM {table.name} WHERE \"{column.name}\" IS NOT NULL)"
        known = f"(SELECT {KEY}, {ITEM_KEY} AS target FROM {column.fact.to}) AS known"
        on = f"found.{KEY} = known.{KEY} AND found.target = known.target"
        columns = (
            f"SELECT found.{KEY}, '{table.collection}' AS collection, about, '{column.fact.id}' AS fact, '{{code}}' AS code,"
            f" '{column.fact.to}' AS target, found.target AS \"value\", CAST(NULL AS DATE) AS {AS_OF} FROM {found} AS found"
        )
        yield f"{columns.format(code='reference-nowhere')} ANTI JOIN {known} ON {on}"
        if column.fact.to == table.collection:
            yield f"{columns.format(code='reference-to-itself')} JOIN {known} ON {on} WHERE found.target = about"
