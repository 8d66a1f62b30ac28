"""Which edits are to blame for what moves: for each deal the smallest set that brings its whole change about.

Edits that can't touch the same aspect have nothing to do with one another, so the edits fall into clusters,
and the smallest set is that of each cluster, taken together. An edit that is a cluster of its own is to
blame for whatever it can touch. Within a larger one every edit is tried alone, then all edits but one. An
edit without which a deal does not change as it does is *needed*; the needed edits of a deal are usually
the set looked for, and if not, they are part of it, and the sets that hold them are tried by size. What
takes too many tries is blamed on a set from which no edit could be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice

from ..facts.tables import DEALS, KEY
from .aspects import Key, differing, told
from .edits import RuleEdit, with_edits
from .side_by_side import Comparison, in_list

MOST_TRIED = 40  # sets of edits of a cluster, beside the single ones and those with one left out


def blame(comparison: Comparison, edits: Sequence[RuleEdit]) -> list[tuple[RuleEdit, ...]]:
    """Make the table ``blamed`` of the deals that move, each with the number of the set of edits that is returned."""
    database = comparison.database
    database.execute(f"CREATE TEMP TABLE parts ({KEY} VARCHAR, part INTEGER)")
    parts: list[tuple[int, ...]] = []
    for chosen, keys in clusters(comparison, edits):
        _Cluster(comparison, edits, chosen, keys, parts).run()
    database.execute(f"CREATE TEMP TABLE whole AS SELECT {KEY}, list(part ORDER BY part) AS parts FROM parts GROUP BY {KEY}")
    rows = database.execute("SELECT parts FROM whole GROUP BY parts ORDER BY len(parts), count(*) DESC, parts").fetchall()
    database.execute("CREATE TEMP TABLE causes (parts INTEGER[], cause INTEGER)")
    for cause, (found,) in enumerate(rows):
        database.execute("INSERT INTO causes VALUES (?, ?)", (found, cause))
    database.execute(f"CREATE TEMP TABLE blamed AS SELECT {KEY}, cause FROM whole JOIN causes USING (parts)")
    return [tuple(edits[number] for number in sorted(number for part in found for number in parts[part])) for (found,) in rows]


def clusters(comparison: Comparison, edits: Sequence[RuleEdit]) -> list[tuple[tuple[int, ...], set[Key]]]:
    """Return sets of edits that can't touch what others touch, each with the aspects that it can touch."""
    found: list[tuple[tuple[int, ...], set[Key]]] = []
    for number, edit in enumerate(edits):
        keys = _touches(comparison, edits, edit)
        joined = [cluster for cluster in found if not cluster[1].isdisjoint(keys)]
        numbers = (*(old for chosen, _ in joined for old in chosen), number)
        found = [cluster for cluster in found if cluster not in joined]
        if keys:
            found.append((tuple(sorted(numbers)), keys.union(*(cluster[1] for cluster in joined))))
    return sorted(found, key=lambda cluster: cluster[0])


def _touches(comparison: Comparison, edits: Sequence[RuleEdit], edit: RuleEdit) -> set[Key]:
    """Return the aspects that an edit can touch, alone or on top of others."""
    alone, without = (
        with_edits(*comparison.bases, chosen) for chosen in ([edit], [other for other in edits if other is not edit]))
    if alone is None or without is None:
        return set(comparison.keys)
    old, new = comparison.old, comparison.new
    return {*differing(old, told(alone), new), *differing(told(without), new, old)} & set(comparison.keys)


class _Cluster:
    """Finds, among the edits of a cluster, those to blame for each deal, and notes them in the table ``parts``."""

    def __init__(
        self, comparison: Comparison, edits: Sequence[RuleEdit], chosen: tuple[int, ...], keys: set[Key],
        parts: list[tuple[int, ...]],
    ) -> None:
        self.comparison = comparison
        self.execute = comparison.database.execute
        self.edits = edits
        self.everything = chosen
        self.keys = keys
        self.parts = parts
        self.tries = MOST_TRIED
        numbers = in_list([comparison.numbers[key] for key in keys])
        self.execute(f"CREATE OR REPLACE TEMP TABLE remaining AS SELECT DISTINCT {KEY} FROM moved WHERE aspect IN {numbers}")
        self.execute(f"CREATE OR REPLACE TEMP TABLE needed ({KEY} VARCHAR, edit INTEGER)")

    def run(self) -> None:
        """Try the sets of edits that may be to blame, the likely ones first."""
        if len(self.everything) > 1:
            for number in self.everything:
                self.attempt((number,))
        if len(self.everything) > 2 and self.left:
            self.find_needed()
            for chosen in (*self.needed_sets(), *self.supersets()):
                if self.tries > 0 and len(chosen) > 1:
                    self.attempt(chosen)
            self.shrink()
        self.charge(self.everything, "remaining")

    @property
    def left(self) -> int:
        """How many deals are left."""
        return self.comparison.count("remaining")

    def attempt(self, chosen: tuple[int, ...]) -> None:
        """Blame some edits for the deals that they alone change as all edits do."""
        if self.left:
            self.explain(chosen, "remaining")
            self.charge(chosen, "explained")

    def charge(self, chosen: tuple[int, ...], table: str) -> None:
        """Blame some edits for the deals of a table."""
        if self.comparison.count(table):
            self.execute(f"INSERT INTO parts SELECT {KEY}, {len(self.parts)} FROM {table}")
            self.parts.append(chosen)
            self.execute(f"CREATE OR REPLACE TEMP TABLE remaining AS SELECT {KEY} FROM remaining"
                         f" ANTI JOIN (SELECT {KEY} FROM {table}) USING ({KEY})")

    def explain(self, chosen: Sequence[int], among: str) -> None:
        """Make the table ``explained`` of the deals that some edits bring to where all of them do.

        Worked out is only what these edits may change and the others may change further. What they can't
        change must be what moves no deal; what the others can't change is settled.
        """
        self.tries -= len(chosen) > 1
        comparison = self.comparison
        base = with_edits(*comparison.bases, [self.edits[number] for number in chosen])
        if base is None:
            self.execute(f"CREATE OR REPLACE TEMP TABLE explained AS SELECT {KEY} FROM {among} WHERE false")
            return
        side = told(base)
        near, far = set(differing(comparison.old, side)), self.keys.intersection(differing(side, comparison.new))
        missed = in_list([comparison.numbers[key] for key in far - near])
        self.execute(f"CREATE OR REPLACE TEMP TABLE explained AS SELECT {KEY} FROM {among}"
                     f" ANTI JOIN (SELECT {KEY} FROM moved WHERE aspect IN {missed}) USING ({KEY})")
        doubtful = [key for key in comparison.keys if key in far and key in near]
        if doubtful and comparison.count("explained"):
            comparison.conclude("tried", side, doubtful, self.explained_tables())
            missing = " UNION ALL ".join(
                f"SELECT {KEY} {comparison.joined('tried', 'after', scope, keys)}"
                for scope, keys in comparison.by_scope(doubtful).items()
            )
            self.execute(f"CREATE OR REPLACE TEMP TABLE explained AS SELECT {KEY} FROM explained"
                         f" ANTI JOIN ({missing}) USING ({KEY})")

    def explained_tables(self) -> dict[str, str]:
        """Return what stands in for the plain tables: their rows of the deals that may be explained."""
        tables = {table: f"left_{table}" for table in (DEALS, *self.comparison.vocabulary.collections)}
        for table, name in tables.items():
            self.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {table} SEMI JOIN explained USING ({KEY})")
        return tables

    def find_needed(self) -> None:
        """Note, for each deal that is left, the edits without which it does not change as it does."""
        for number in self.everything:
            self.explain([other for other in self.everything if other != number], "remaining")
            self.execute(f"INSERT INTO needed SELECT {KEY}, {number} FROM remaining ANTI JOIN explained USING ({KEY})")
        self.tries = MOST_TRIED

    def needed_sets(self) -> list[tuple[int, ...]]:
        """Return the sets of edits that the deals left need, small and frequent ones first."""
        rows = self.execute(
            "SELECT edits FROM (SELECT list(edit ORDER BY edit) FILTER (edit IS NOT NULL) AS edits FROM remaining"
            f" LEFT JOIN needed USING ({KEY}) GROUP BY {KEY}) GROUP BY edits ORDER BY len(edits), count(*) DESC, edits"
        ).fetchall()
        return [tuple(edits or ()) for (edits,) in rows]

    def supersets(self) -> Iterator[tuple[int, ...]]:
        """Yield sets that hold what some of the deals left need, small ones first."""
        found: dict[tuple[int, ...], None] = {}
        for needs in self.needed_sets():
            others = [number for number in self.everything if number not in needs]
            larger = (
                tuple(sorted((*needs, *more))) for size in range(1, len(others)) for more in combinations(others, size)
            )
            found.update(dict.fromkeys(islice(larger, MOST_TRIED)))
        yield from sorted(found, key=lambda chosen: (len(chosen), chosen))

    def shrink(self) -> None:
        """Blame what is left on sets from which edits are left out, one after another, as long as any deal allows it."""
        while self.left and self.tries > 0:
            chosen = self.everything
            self.execute("CREATE OR REPLACE TEMP TABLE pool AS FROM remaining")
            for number in self.everything:
                fewer = tuple(other for other in chosen if other != number)
                self.explain(fewer, "pool")
                if self.comparison.count("explained"):
                    chosen = fewer
                    self.execute("CREATE OR REPLACE TEMP TABLE pool AS FROM explained")
            self.charge(chosen, "pool")
