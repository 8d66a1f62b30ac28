"""The vocabulary: every fact that can be known of a deal, read from ``vocabulary/*.yaml``.

It is the single source of validation, the JSON Schema, the questions and the documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal
from unicodedata import normalize

from .layers import joined, overlaid, record_id, records
from .nodes import Mapping, Node, Sequence
from .problems import Place, Problems, listing, suggestion
from .reader import Record
from .source import parse, read_bytes
from .texts import FILLED, FILLED_OF_ITEM, NO_TEXT, Text

FactType = Literal["bool", "enum", "ordinal", "int", "decimal", "money", "date", "text", "set", "list", "ref", "refs"]
FACT_TYPES: tuple[FactType, ...] = (
    "bool", "enum", "ordinal", "int", "decimal", "money", "date", "text", "set", "list", "ref", "refs",
)
WHOM = ("decision", "management", "operation", "seller", "anyone")
INFLUENCE = ("none", "indirect", "direct")
EFFORT = ("low", "medium", "high")
FOLDER = Path(__file__).parent / "vocabulary"


@dataclass(frozen=True)
class Value:
    """One allowed value of an enum, ordinal or set.

    ``since`` names the fact with the day from which it is true, ``also`` are other words for it that a file may use.
    """

    id: str
    label: Text
    since: str = ""
    also: tuple[str, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every word for it besides its id."""
        return tuple(dict.fromkeys((self.label.zh, self.label.en, *self.also)))


@dataclass(frozen=True)
class Season:
    """The steps in which it makes sense to ask: ``first`` and ``last``; empty: no bound on that side."""

    first: str = ""
    last: str = ""
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Mention:
    """A source or parameter that a fact names, and only the rules define."""

    kind: Literal["source", "parameter"]
    name: str
    place: Place
    field: str


@dataclass(frozen=True)
class Fact:
    """One thing that can be known of a deal, or of one item of a collection.

    ``collection`` is empty for a fact about the deal. ``values`` of an ordinal rise.
    ``stale_after`` names the parameter with the days after which an observation counts as unknown. ``past``
    marks the date of something that has happened, so that it cannot lie after the day of the file.
    """

    id: str
    type: FactType
    label: Text
    about: Text
    question: Text
    whom: str
    influence: str
    effort: str
    collection: str = ""
    values: tuple[Value, ...] = ()
    to: str = ""
    stale_after: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    sensitive: bool = False
    opinion: bool = False
    past: bool = False
    asked: Season = Season()
    sources: tuple[str, ...] = ()
    place: Place = field(default=Place(""), compare=False)

    @cached_property
    def order(self) -> dict[str, int]:
        """The rank of each allowed value, from 0."""
        return {value.id: rank for rank, value in enumerate(self.values)}

    @cached_property
    def since(self) -> dict[str, str]:
        """The fact with the day from which a value is true, for each value that has one."""
        return {value.id: value.since for value in self.values if value.since}

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Every accepted spelling of each value: its id, its labels and the like, full-width signs made plain."""
        labels = ((label, value.id) for value in self.values for label in value.spellings)
        return {normalize("NFKC", label): value for label, value in labels} | {value.id: value.id for value in self.values}

    def meant(self, text: str) -> str | None:
        """Return the value that a text spells: exactly, or, if that leaves no more than one, but for capitals."""
        exact = self.spellings.get(text)
        if exact is not None:
            return exact
        alike = {value for spelling, value in self.spellings.items() if spelling.casefold() == text.casefold()}
        return alike.pop() if len(alike) == 1 else None

    def label_of(self, value: str) -> Text:
        """Return the label of an allowed value; an unknown one stands for itself."""
        rank = self.order.get(value)
        return Text(value, value) if rank is None else self.values[rank].label


@dataclass(frozen=True)
class Collection:
    """A child table of the deal: its items have facts of their own.

    ``question`` asks for its items; each answer is a value of the fact ``listed_by``.
    """

    id: str
    item: str
    label: Text
    item_label: Text
    facts: dict[str, Fact]
    question: Text = NO_TEXT
    listed_by: str = ""
    asked: Season = Season()

    @property
    def naming(self) -> Fact:
        """The fact by whose value people know an item, if it is a text or a value of a list."""
        return next(iter(self.facts.values()))

    @property
    def sources(self) -> tuple[Fact, ...]:
        """The references of which the first that is known belongs to a name that tells only of which kind an item is."""
        return tuple(fact for fact in self.facts.values() if fact.type == "ref") if self.naming.type == "enum" else ()


@dataclass(frozen=True)
class Vocabulary:
    """All facts: ``facts`` about the deal by id, ``collections`` with the facts of their items.

    ``origins`` gives the numbers of the folders that each record comes from, by its id, ``mentions`` what the rules have
    to define.
    """

    facts: dict[str, Fact]
    collections: dict[str, Collection]
    topics: dict[str, Text]
    origins: dict[str, tuple[int, ...]] = field(default_factory=dict)
    mentions: tuple[Mention, ...] = field(default=(), compare=False)

    def all_facts(self) -> Iterator[Fact]:
        """Yield every fact of the deal and of every collection, in the order of the files."""
        yield from self.facts.values()
        for collection in self.collections.values():
            yield from collection.facts.values()

    def find(self, fact_id: str, collection: str = "") -> Fact | None:
        """Return a fact of the deal, or of ``collection``."""
        facts = self.collections[collection].facts if collection else self.facts
        return facts.get(fact_id)


def load_vocabulary(folders: Iterable[Path] = (FOLDER,)) -> Vocabulary:
    """Read the vocabulary; folders that come later are laid over those before.

    Raises :class:`~.problems.Rejected` with every problem of every file.
    """
    problems = Problems()
    parts: dict[str, Mapping] = {}
    origins: dict[str, tuple[int, ...]] = {}
    for number, folder in enumerate(folders):
        for name, part in _parts(folder, problems).items():
            origins |= {found: (*origins.get(found, ()), number) for _, found in records(part)}
            parts[name] = overlaid(parts[name], part, problems) if name in parts else part
    loader = _Loader(problems)
    for part in parts.values():
        loader.part(part)
    loader.check_references()
    problems.raise_if_any()
    return Vocabulary(loader.facts, loader.collections, loader.topics, origins, tuple(loader.mentions))


def _parts(folder: Path, problems: Problems) -> dict[str, Mapping]:
    """Return the files of a folder, joined into one mapping for the deal (under no name) and one for each collection."""
    nodes: dict[str, list[Node]] = {}
    for path in sorted(folder.glob("*.yaml")):
        node = parse(read_bytes(str(path)), str(path), problems)
        head = node.get("collection") if isinstance(node, Mapping) else None
        nodes.setdefault((record_id(head) or str(path)) if head is not None else "", []).append(node)
    return {name: part for name, files in nodes.items() if (part := joined(files, problems)) is not None}


class _Loader:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.facts: dict[str, Fact] = {}
        self.collections: dict[str, Collection] = {}
        self.topics: dict[str, Text] = {}
        self.seasons: dict[str, Season] = {}
        self.mentions: list[Mention] = []

    def part(self, node: Mapping) -> None:
        top = Record(node, "", self.problems, node.place)
        if top.has("collection"):
            self._collection(top)
        else:
            self.topics.update(top.records("topics", self._topic))
            for fact in top.records("facts", lambda record: self._fact(record, ""), required=True):
                self._add(fact, self.facts)
        top.close()

    def _topic(self, record: Record) -> tuple[str, Text]:
        topic = record.text("id", True)
        self.seasons[topic] = self._season(record, Season())
        return topic, record.bilingual("label")

    def _season(self, record: Record, default: Season) -> Season:
        """Return when a fact is asked for; what it leaves out it takes from its topic or collection."""
        node = record.node("asked")
        if node is None:
            return default
        asked = Record(node, record.path("asked"), self.problems, record.place)
        season = Season(asked.text("from") or default.first, asked.text("until") or default.last, asked.place)
        asked.close()
        return season

    def _collection(self, top: Record) -> None:
        head = Record(top.node("collection"), "collection", self.problems, top.place)
        collection = Collection(
            head.text("id", required=True), head.text("item", required=True),
            head.bilingual("label"), head.bilingual("item_label"), {},
            head.bilingual("question", required=False, fills=()), head.text("listed_by"), self._season(head, Season()),
        )
        self.seasons[collection.id] = collection.asked
        listed_by = head.where("listed_by")
        head.close()
        for fact in top.records("facts", lambda record: self._fact(record, collection.id), required=True):
            self._add(fact, collection.facts)
        if collection.listed_by and collection.listed_by not in collection.facts:
            self.problems.add(listed_by, "collection.listed_by", "unknown-key", found=collection.listed_by,
                              hint=suggestion(collection.listed_by, collection.facts))
        self.collections[collection.id] = collection

    def _add(self, fact: Fact, table: dict[str, Fact]) -> None:
        if fact.id and fact.id in table:
            self.problems.add(fact.place, fact.id, "defined-twice", found=fact.id, other=table[fact.id].place)
        topic = fact.id.partition(".")[0]
        if not fact.collection and "." in fact.id and topic not in self.topics:
            self.problems.add(fact.place, fact.id, "topic-unknown", found=topic,
                              hint=suggestion(topic, self.topics))
        table[fact.id] = fact

    def _fact(self, record: Record, collection: str) -> Fact:
        fact_id = record.text("id", required=True)
        default = self.seasons.get(collection or fact_id.partition(".")[0], Season())
        sources, life = record.scalars("sources"), record.text("stale_after")
        self.mentions += [Mention("source", source.text, source.place, record.path("sources")) for source in sources]
        if life:
            self.mentions.append(Mention("parameter", life, record.where("stale_after"), record.path("stale_after")))
        fact = Fact(
            id=fact_id,
            type=record.choice("type", FACT_TYPES),  # type: ignore[arg-type]
            label=record.bilingual("label"),
            about=record.bilingual("about"),
            question=record.bilingual("question", fills=FILLED_OF_ITEM if collection else FILLED),
            whom=record.choice("whom", WHOM),
            influence=record.choice("influence", INFLUENCE),
            effort=record.choice("effort", EFFORT),
            collection=collection,
            values=self._values(record),
            to=record.text("to"),
            stale_after=life,
            minimum=record.decimal("minimum"),
            maximum=record.decimal("maximum"),
            sensitive=record.flag("sensitive"),
            opinion=record.flag("opinion"),
            past=record.flag("past"),
            asked=self._season(record, default),
            sources=tuple(source.text for source in sources),
            place=record.place,
        )
        self._check(fact, record.node("values"))
        return fact

    def _values(self, fact: Record) -> tuple[Value, ...]:
        places: dict[str, Place] = {}

        def read(record: Record) -> Value:
            name, place = record.text("id", required=True), record.where("id")
            first = places.setdefault(name, place)
            if name and first is not place:
                self.problems.add(place, record.path("id"), "defined-twice", found=name, other=first)
            return Value(name, record.bilingual("label"), record.text("since"), record.texts("also"))

        return fact.records("values", read)

    def _check(self, fact: Fact, values: Node | None) -> None:
        needs_values = fact.type in ("enum", "ordinal", "set")
        if needs_values != (isinstance(values, Sequence) and bool(values.items)):
            self.problems.add(fact.place, fact.id, "values-missing" if needs_values else "values-unwanted", type=fact.type)
        if fact.minimum is not None and fact.maximum is not None and fact.minimum > fact.maximum:
            self.problems.add(fact.place, fact.id, "limits-turned", low=fact.minimum, high=fact.maximum)
        spellings: dict[str, str] = {}
        for value in fact.values:
            for spelling in {value.id, *value.spellings} - {""}:
                if spellings.setdefault(spelling, value.id) != value.id:
                    self.problems.add(fact.place, fact.id, "label-ambiguous", found=spelling)
        if (fact.type in ("ref", "refs")) != bool(fact.to):
            self.problems.add(fact.place, fact.id, "to-missing" if not fact.to else "to-unwanted", type=fact.type)

    def check_references(self) -> None:
        facts = [fact for collection in self.collections.values() for fact in collection.facts.values()]
        for fact in (*self.facts.values(), *facts):
            if fact.to and fact.to not in self.collections:
                self.problems.add(
                    fact.place, fact.id, "collection-unknown", found=fact.to,
                    hint=suggestion(fact.to, self.collections), choices=listing(sorted(self.collections)),
                )
            beside = self.collections[fact.collection].facts if fact.collection else self.facts
            dates = [name for name, other in beside.items() if other.type == "date"]
            for since in fact.since.values():
                if since not in dates:
                    self.problems.add(fact.place, fact.id, "not-a-date-fact", found=since, hint=suggestion(since, dates))
            if fact.past and fact.type != "date":
                self.problems.add(fact.place, fact.id, "past-without-date", type=fact.type)
