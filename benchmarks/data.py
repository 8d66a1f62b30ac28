"""Lifelike pipelines of any size, the same for the same seed.

Every deal takes one of the example deals as its model, so that all six steps occur and most facts go
together; some facts are as they may be anywhere, so that rare rules fire too. Most deals are small
and a few are not: one in five hundred has forty stakeholders. Half of the reps note all they know and
some very little; a quarter of all facts is unknown. All of it is drawn from hashes of seed, deal
and column, so a deal does not depend on how many others there are.

    python benchmarks/data.py DEALS FOLDER [SEED]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
from dealready.batch.engines import rows_by_name
from dealready.facts.deal import Deal, Item, Observation, load_deal
from dealready.facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, Column, Table, deal_rows, deals_of, listed_column, tables
from dealready.facts.vocabulary import Fact, Vocabulary
from dealready.rules.base import load_rule_base

EXAMPLES = Path(__file__).parent.parent / "facts" / "examples"
NO_MODELS = {"compressor-retrofit", "harbour-crane-lead"}  # the one that contradicts itself, and the one with no facts yet
UNKNOWN = {0.5: 0.0, 0.8: 0.05, 1: 0.3}  # of the facts of a model, by how careful the rep is
LIKE_MODEL = 0.995  # of the known facts
MOST_ITEMS, HUGE, MORE_ITEMS = 40, 0.002, 0.7
UNLISTED = 0.1
SEEN, INFERRED = 0.3, 0.1  # of the known facts
AS_OF_DAY = date(2026, 3, 16)
DAY = f"DATE '{AS_OF_DAY}'"
_SQL_TYPES = {"text": "VARCHAR", "bool": "BOOLEAN", "int": "BIGINT", "decimal": "DECIMAL(18, 4)", "date": "DATE",
              "texts": "VARCHAR[]"}


class Draw:
    """SQL for numbers between 0 and 1 that depend on the seed, the row and a name."""

    def __init__(self, seed: int, *keys: str) -> None:
        self.seed = seed
        self.keys = ", ".join(keys)

    def number(self, name: str) -> str:
        """Return a number drawn evenly."""
        return f"(hash({self.seed}, '{name}', {self.keys}) % 1000003 / 1000003.0)"

    def below(self, name: str, limit: int | str) -> str:
        """Return a whole number from 0 up to, not including, a limit."""
        return f"CAST(floor({self.number(name)} * {limit}) AS BIGINT)"


class Models:
    """The example deals, each with what it leaves unknown taken from the one that stands nearest, as tables."""

    def __init__(self, database: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> None:
        self.database = database
        self.layout = tables(vocabulary)
        files = (path for path in sorted(EXAMPLES.iterdir()) if path.stem not in NO_MODELS and path.is_file())
        deals = [_renamed(load_deal(str(path), vocabulary), vocabulary) for path in files]
        deals.sort(key=lambda deal: -len(deal.facts))
        self.count = len(deals)
        self.sizes = {
            name: [len(deal.items[name]) if name in deal.items else -1 for deal in deals] for name in vocabulary.collections
        }
        rows: dict[str, list[dict[str, object]]] = {name: [] for name in self.layout}
        for n, deal in enumerate(deals):
            for name, row in deal_rows(deal, str(n)):
                rows[name].append({"n": n, "m": sum(other["n"] == n for other in rows[name])} | row)
        for name, table in self.layout.items():
            self.lay_down(table, rows[name])

    def lay_down(self, table: Table, rows: list[dict[str, object]]) -> None:
        """Make the table ``model_…``: the rows of the models; what they leave unknown, days aside, is as in the fullest."""
        values = [column for column in table.columns.values() if column.role == "value"]
        names = "".join(f', "{column.name}" {_SQL_TYPES[column.type]}' for column in values)
        self.database.execute(f"CREATE TABLE model_{table.name} (n BIGINT, m BIGINT{names})")
        fullest = [row for row in rows if row["n"] == 0]
        for row in rows:
            like = fullest[int(str(row["m"])) % len(fullest)] if fullest else {}
            filled = [
                row.get(column.name, None if column.type == "date" else like.get(column.name)) for column in values
            ]
            marks = ", ".join("?" * (2 + len(values)))
            self.database.execute(f"INSERT INTO model_{table.name} VALUES ({marks})", [row["n"], row["m"], *filled])


def _renamed(deal: Deal, vocabulary: Vocabulary) -> Deal:
    """Return a deal as of the pipelines' day, whose items are called i0, i1 … as theirs are."""
    names = {name: {item.id: f"i{place}" for place, item in enumerate(items)} for name, items in deal.items.items()}

    def facts(observed: Mapping[str, Observation], known: Mapping[str, Fact]) -> dict[str, Observation]:
        found = dict(observed)
        for fact_id, observation in observed.items():
            to = names.get(known[fact_id].to, {})
            match observation.value:
                case tuple(several) if known[fact_id].type == "refs":
                    found[fact_id] = replace(observation, value=tuple(to.get(one, one) for one in several))
                case str(one) if known[fact_id].type == "ref":
                    found[fact_id] = replace(observation, value=to.get(one, one))
                case date() as day:
                    found[fact_id] = replace(observation, value=day + (AS_OF_DAY - deal.as_of))
        return found

    items = {
        name: tuple(Item(names[name][item.id], facts(item.facts, vocabulary.collections[name].facts)) for item in listed)
        for name, listed in deal.items.items()
    }
    return Deal(facts(deal.facts, vocabulary.facts), items, deal.file)


class Pipeline:
    """The queries that draw the tables of a pipeline."""

    def __init__(self, models: Models, seed: int) -> None:
        self.models = models
        self.seed = seed
        self.by_deal = Draw(seed, "n")
        self.model = self.by_deal.below("model", models.count)
        self.size_of = {name: self.size(name) for name in models.sizes}
        cases = " ".join(f"WHEN {self.by_deal.number('care')} < {limit} THEN {rate}" for limit, rate in UNKNOWN.items())
        self.unknown = f"CASE {cases} END"

    def size(self, collection: str) -> str:
        """Return the SQL of how many items a deal has; -1 if nobody has listed them."""
        draw, sizes = self.by_deal, self.models.sizes[collection]
        more = f"CAST(floor(-ln({draw.number('more ' + collection)} + 0.0000001) * {MORE_ITEMS}) AS BIGINT)"
        drawn = f"least(greatest({sizes}[1 + {self.model}], 0) + {more}, {MOST_ITEMS})"
        huge = f"WHEN '{collection}' = 'stakeholders' AND {draw.number('huge')} < {HUGE} THEN {MOST_ITEMS}"
        unlisted = f"WHEN {draw.number('listed ' + collection)} < {UNLISTED} THEN -1"
        return f"CASE {huge} {unlisted} WHEN {sizes}[1 + {self.model}] < 0 AND {more} = 0 THEN -1 ELSE {drawn} END"

    def query(self, table: Table, deals: int) -> str:
        """Return the query that draws a table."""
        draw, item = self.by_deal, "0"
        rows = f"(SELECT n, {self.model} AS model, {self.unknown} AS unknown FROM range({deals}) AS deals(n))"
        keys = [f"'d' || lpad(CAST(n AS VARCHAR), 9, '0') AS {KEY}"]
        if table.name != DEALS:
            size = self.size_of[table.name]
            count = f"greatest({self.models.sizes[table.name]}[1 + model], 1)"
            rows = f"(SELECT *, unnest(range({size})) AS i FROM {rows} WHERE {size} > 0)"
            draw, item = Draw(self.seed, "n", "i", f"'{table.name}'"), f"i % {count}"
            keys.append(f"'i' || i AS {ITEM_KEY}")
        of_row = f"(SELECT *, {item} AS model_item FROM {rows}) AS drawn"
        like = f"model_{table.name} AS alike ON alike.n = model AND alike.m = model_item"
        parts = [*keys, *(self.column(column, draw) for column in table.columns.values() if column.role != "key")]
        return f"SELECT {', '.join(parts)} FROM (SELECT drawn.*, alike.* EXCLUDE (n, m) FROM {of_row} LEFT JOIN {like})"

    def column(self, column: Column, draw: Draw) -> str:
        """Return the SQL of a column."""
        if column.name == AS_OF:
            return f"{DAY} AS {AS_OF}"
        if column.fact is None:
            of = next(name for name in self.size_of if listed_column(name) == column.name)
            return f"{self.size_of[of]} >= 0 AS {column.name}"
        fact = column.fact
        known, own = f"{draw.number(fact.id)} >= unknown", f"{fact.id}:{column.role}"
        value = "CAST(NULL AS VARCHAR)"
        match column.role:
            case "seen" if fact.stale_after:
                ago = f"CAST({draw.below(own + ':ago', 90)} AS INTEGER)"
                value = f"CASE WHEN {known} AND {draw.number(own)} < {SEEN} THEN {DAY} - {ago} END"
            case "seen":
                value = "CAST(NULL AS DATE)"
            case "confirmed":
                value = f"CASE WHEN {known} AND {draw.number(own)} < {INFERRED} THEN false END"
            case "value":
                value = f"CASE WHEN {known} THEN {self.value(column, own, draw)} END"
        return f'{value} AS "{column.name}"'

    def value(self, column: Column, own: str, draw: Draw) -> str:
        """Return the SQL of a known value: most often the model's, but names and amounts of its own."""
        fact = column.fact
        assert fact is not None
        anything = anything_of(fact, own, draw, self.size_of)
        alike = f'"{column.name}"'
        if fact.type == "text":
            alike = f"CASE WHEN {alike} IS NOT NULL THEN {anything} END"
        if fact.type == "money":  # all amounts of a deal are larger or smaller than the model's by as much
            alike = f"CAST(round({alike} * exp(2 * {self.by_deal.number('scale')} - 1)) AS DECIMAL(18, 4))"
        return f"CASE WHEN {draw.number(own + ':like')} < {LIKE_MODEL} THEN {alike} ELSE {anything} END"


def anything_of(fact: Fact, own: str, draw: Draw, size_of: Mapping[str, str]) -> str:
    """Return the SQL of a value of a fact, any of those that it may have."""
    ids = [value.id for value in fact.values]
    match fact.type:
        case "bool":
            value = f"{draw.number(own)} < 0.6"
        case "enum" | "ordinal":
            value = f"[{', '.join(map(repr, ids))}][1 + {draw.below(own, len(ids))}]"
        case "int":
            value = draw.below(own, 5)
        case "money":
            value = f"CAST(round(exp(11 + 7 * {draw.number(own)})) AS DECIMAL(18, 4))"
        case "decimal":
            low, high = float(fact.minimum or 0), float(1 if fact.maximum is None else fact.maximum)
            value = f"CAST({low} + {high - low} * {draw.number(own)} AS DECIMAL(18, 4))"
        case "date":
            value = f"{DAY} - CAST({draw.below(own, 200)} AS INTEGER)"
        case "set":
            bits = draw.below(own, 1 << len(ids))
            value = f"list_filter([{', '.join(map(repr, ids))}], lambda m, i: ({bits} >> (i - 1)) % 2 = 1)"
        case "ref":
            value = f"'i' || {draw.below(own, f'greatest({size_of[fact.to]}, 1)')}"
        case "refs":
            value = f"['i' || {draw.below(own, f'greatest({size_of[fact.to]}, 1)')}]"
        case "list":
            value = f"['note ' || {draw.below(own, 100)}]"
        case _:
            value = f"'text ' || {draw.below(own, 1000)}"
    return value


def write(deals: int, folder: Path, seed: int = 1) -> None:
    """Write the tables of a pipeline as Parquet, all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, duckdb.connect() as database:
        made = Path(scratch, folder.name)
        made.mkdir()
        database.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true; SET memory_limit = '4GB'")
        models = Models(database, load_rule_base().vocabulary)
        pipeline = Pipeline(models, seed)
        for table in models.layout.values():
            database.execute(f"COPY ({pipeline.query(table, deals)}) TO '{made / table.name}.parquet' (FORMAT parquet)")
        made.rename(folder)


@contextmanager
def pipelines(folder: str = "") -> Iterator[Callable[[int], Path]]:
    """Give what returns the folder of a pipeline of so many deals: one that lies in ``folder``, or else a new one there.

    Without ``folder`` all of them go in the end.
    """
    with ExitStack() as stack:
        place = Path(folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="dealready-bench-")))

        def pipeline(deals: int) -> Path:
            source = place / str(deals)
            if not source.exists():
                write(deals, source)
            return source

        yield pipeline


def sample(folder: Path, vocabulary: Vocabulary, count: int) -> list[Deal]:
    """Return the first deals of a pipeline as the engine for single deals takes them."""
    with duckdb.connect() as database:
        first = f"SELECT {KEY} FROM '{folder / DEALS}.parquet' ORDER BY {KEY} LIMIT {count}"
        return deals_of({
            name: rows_by_name(database, f"SELECT * FROM '{folder / name}.parquet' WHERE {KEY} IN ({first}) ORDER BY {KEY}")
            for name in tables(vocabulary)
        }, vocabulary)


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
