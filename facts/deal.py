"""A deal: everything known of one pursuit at one key account on one date."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from datetime import date

from .nodes import Mapping, Node, Scalar, Sequence
from .problems import Place, Problems, suggestion_or_all
from .reader import describe
from .source import STDIN, parse, read_bytes
from .values import BadValue, FactValue, in_order, is_unknown, parse_member, parse_value
from .vocabulary import Collection, Fact, Vocabulary

AS_OF = "as_of"
_OBSERVATION_KEYS = ("value", "by", "seen", "confirmed")
MOST_ITEMS = 2_000
LONGEST_ID = 100
_DIGIT_GROUP = re.compile(r"\d{3}(?:\.\d+)?")  # what a comma leaves of {amount: 1,200}


@dataclass(frozen=True)
class Observation:
    """A known value, and, as far as told, who said it, when it was seen, and whether it is confirmed.

    ``confirmed`` is False for a value that was only inferred (a layer guessed from a job title).
    """

    value: FactValue
    by: str = ""
    seen: date | None = None
    confirmed: bool = True
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Item:
    """One row of a collection; facts that nobody has established are absent."""

    id: str
    facts: AnyMapping[str, Observation]
    place: Place = field(default=Place(""), compare=False)


@dataclass(frozen=True)
class Deal:
    """The facts of a deal by id, and its items by collection.

    A collection that is left out is unknown; one given as an empty list is known to be empty.
    """

    facts: AnyMapping[str, Observation]
    items: AnyMapping[str, tuple[Item, ...]]
    file: str = field(default="", compare=False)

    @property
    def as_of(self) -> date:
        """The day that the facts describe; every age is counted from it."""
        value = self.facts[AS_OF].value
        assert isinstance(value, date)
        return value

    def get(self, fact_id: str) -> FactValue | None:
        """Return the value of a fact about the deal, or None if it is unknown."""
        observation = self.facts.get(fact_id)
        return None if observation is None else observation.value

    def observation(self, collection: str, item_id: str, fact_id: str) -> Observation | None:
        """Return what is known of a fact of an item, or, if no collection is named, of the deal."""
        if not collection:
            return self.facts.get(fact_id)
        item = self.item(collection, item_id)
        return None if item is None else item.facts.get(fact_id)

    def item(self, collection: str, item_id: str) -> Item | None:
        """Return the item with this id, or None."""
        return next((item for item in self.items.get(collection, ()) if item.id == item_id), None)


def load_deal(path: str, vocabulary: Vocabulary) -> Deal:
    """Read a deal file (``-``: standard input).

    Raises :class:`~.problems.Rejected` with every problem in the file.
    """
    return read_deal(read_bytes(path), STDIN if path == "-" else path, vocabulary)


def read_deal(data: bytes, file: str, vocabulary: Vocabulary) -> Deal:
    """Read a deal from the bytes of a YAML or (by its ending) JSON file; see :func:`load_deal`."""
    problems = Problems()
    return deal_of(parse(data, file, problems), file, vocabulary, problems=problems)


def deal_of(root: Node, file: str, vocabulary: Vocabulary, problems: Problems | None = None) -> Deal:
    """Return the deal in a tree.

    ``problems`` holds what was found wrong with the tree before. Raises :class:`~.problems.Rejected` with all of it.
    """
    problems = Problems() if problems is None else problems
    deal = _Reader(vocabulary, problems).deal(root, file)
    problems.raise_if_any()
    return deal


def change_of(root: Node, file: str, vocabulary: Vocabulary) -> tuple[Deal, tuple[str, ...]]:
    """Return the part of a deal in a tree, and the names of what it calls unknown (see :func:`~.edits.without`).

    Raises :class:`~.problems.Rejected` with every problem.
    """
    problems = Problems()
    reader = _Reader(vocabulary, problems)
    given = reader.deal(root, file, part=True)
    problems.raise_if_any()
    return given, tuple(reader.unknown)


class _Reader:
    def __init__(self, vocabulary: Vocabulary, problems: Problems) -> None:
        self.vocabulary = vocabulary
        self.problems = problems
        self.given: dict[str, Place] = {}
        self.unknown: list[str] = []  # what is named, and said to be known by nobody

    def deal(self, root: Node, file: str, part: bool = False) -> Deal:
        """Read a tree; one that is only ``part`` of a deal need not say on which day it stands."""
        facts: dict[str, Observation] = {}
        items: dict[str, tuple[Item, ...]] = {}
        if not isinstance(root, Mapping):
            self.problems.add(root.place, "", "expected-mapping", found=describe(root))
            return Deal({}, {}, file)
        for key, node in root.entries:
            if key.text in self.vocabulary.collections:
                read = self._items(self.vocabulary.collections[key.text], node)
                if read is None:
                    self.unknown.append(key.text)
                else:
                    items[key.text] = read
            elif key.text in self.vocabulary.facts:
                self._own(key, key.text, node, facts)
            elif key.text in self.vocabulary.topics:
                self._topic(key.text, node, facts)
            else:
                self._unknown_key(key, key.text, self._top_level())
        if not part or root.get(AS_OF) is not None:
            self._check_as_of(root)
        return Deal(facts, items, file)

    def _check_as_of(self, root: Mapping) -> None:
        node = root.get(AS_OF)
        value = node.get("value") if isinstance(node, Mapping) else node
        if node is None:
            self.problems.add(root.place, AS_OF, "as-of-missing")
        elif isinstance(value, Scalar) and is_unknown(value):
            self.problems.add(value.place, AS_OF, "as-of-unknown")

    def _own(self, key: Scalar, fact_id: str, node: Node, facts: dict[str, Observation]) -> None:
        """Read a fact of the deal; ``budget.status: …`` and ``status`` under ``budget`` are the same one."""
        first = self.given.setdefault(fact_id, key.place)
        if first is key.place:
            self._fact(self.vocabulary.facts[fact_id], fact_id, node, facts)
            self.unknown += [fact_id] * (fact_id not in facts)
        else:
            self.problems.add(key.place, fact_id, "duplicate-key", found=fact_id, line=first.line)

    def _top_level(self) -> list[str]:
        plain = [fact_id for fact_id in self.vocabulary.facts if "." not in fact_id]
        return plain + list(self.vocabulary.topics) + list(self.vocabulary.collections)

    def _unknown_key(self, key: Scalar, field: str, known: list[str]) -> None:
        if _DIGIT_GROUP.fullmatch(key.text):
            self.problems.add(key.place, field, "split-number")
            return
        self.problems.add(key.place, field, "unknown-key", found=key.text, hint=suggestion_or_all(key.text, known))

    def _topic(self, topic: str, node: Node, facts: dict[str, Observation]) -> None:
        known = [fact_id.partition(".")[2] for fact_id in self.vocabulary.facts if fact_id.startswith(topic + ".")]
        if isinstance(node, Scalar) and is_unknown(node):
            self.unknown += [f"{topic}.{name}" for name in known]
            return
        if not isinstance(node, Mapping):
            self.problems.add(node.place, topic, "expected-mapping", found=describe(node))
            return
        for key, value in node.entries:
            fact_id = f"{topic}.{key.text}"
            if fact_id in self.vocabulary.facts:
                self._own(key, fact_id, value, facts)
            else:
                self._unknown_key(key, fact_id, known)

    def _items(self, collection: Collection, node: Node) -> tuple[Item, ...] | None:
        if isinstance(node, Scalar) and is_unknown(node):
            return None
        if not isinstance(node, Sequence):
            self.problems.add(node.place, collection.id, "expected-list", found=describe(node))
            return None
        if len(node.items) > MOST_ITEMS:
            self.problems.add(node.place, collection.id, "too-many-items", limit=MOST_ITEMS, found=len(node.items))
            return None
        items: list[Item] = []
        given: dict[str, Place] = {}
        for number, child in enumerate(node.items):
            field = f"{collection.id}[{number}]"
            item = self._item(collection, child, field)
            id_node = child.get("id") if isinstance(child, Mapping) else None
            if item is None or id_node is None:
                continue
            first = given.setdefault(item.id, id_node.place)
            if first is not id_node.place:
                self.problems.add(id_node.place, f"{field}.id", "duplicate-id", found=item.id, line=first.line)
            items.append(item)
        return tuple(items)

    def _item(self, collection: Collection, node: Node, field: str) -> Item | None:
        if not isinstance(node, Mapping):
            self.problems.add(node.place, field, "expected-mapping", found=describe(node))
            return None
        facts: dict[str, Observation] = {}
        item_id = ""
        for key, value in node.entries:
            path = f"{field}.{key.text}"
            fact = collection.facts.get(key.text)
            if key.text == "id":
                item_id = self._id(value, path)
            elif fact is None:
                self._unknown_key(key, path, ["id", *collection.facts])
            else:
                self._fact(fact, path, value, facts)
        if node.get("id") is None:
            self.problems.add(node.place, f"{field}.id", "id-missing", item=collection.item_label)
        unknown = [key.text for key, _ in node.entries if key.text in collection.facts and key.text not in facts]
        self.unknown += [f"{collection.id}.{name}@{item_id}" for name in unknown]
        return Item(item_id, facts, node.place) if item_id else None

    def _id(self, node: Node, field: str) -> str:
        text = node.text.strip() if isinstance(node, Scalar) and not is_unknown(node) else ""
        if not text or "\n" in text or len(text) > LONGEST_ID:
            self.problems.add(node.place, field, "bad-id", found=describe(node), limit=LONGEST_ID)
            return ""
        return text

    def _fact(self, fact: Fact, field: str, node: Node, facts: dict[str, Observation]) -> None:
        observation = self._observation(fact, field, node) if isinstance(node, Mapping) else self._plain(fact, field, node)
        if observation is not None:
            facts[fact.id] = observation

    def _plain(self, fact: Fact, field: str, node: Node) -> Observation | None:
        value = self._value(fact, field, node)
        return None if value is None else Observation(value, place=node.place)

    def _value(self, fact: Fact, field: str, node: Node) -> FactValue | None:
        """Return the value of a node, or None if it is unknown or wrong (then it is noted)."""
        if isinstance(node, Scalar) and is_unknown(node):
            return None
        if fact.type in ("set", "list", "refs"):
            if not isinstance(node, Sequence):
                self.problems.add(node.place, field, "expected-list", found=describe(node))
                return None
            members = [self._scalar(fact, f"{field}[{number}]", child) for number, child in enumerate(node.items)]
            return None if None in members else in_order(fact, [str(member) for member in members])
        return self._scalar(fact, field, node)

    def _scalar(self, fact: Fact, field: str, node: Node) -> FactValue | None:
        if not isinstance(node, Scalar):
            self.problems.add(node.place, field, "expected-one-value", found=describe(node))
            return None
        try:
            read = parse_member if fact.type in ("set", "list", "refs") else parse_value
            return read(fact, node.text)
        except BadValue as bad:
            self.problems.add(node.place, field, bad.code, **bad.words)
            return None

    def _observation(self, fact: Fact, field: str, node: Mapping) -> Observation | None:
        for key, _ in node.entries:
            if key.text not in _OBSERVATION_KEYS:
                self._unknown_key(key, f"{field}.{key.text}", list(_OBSERVATION_KEYS))
        value_node = node.get("value")
        if value_node is None:
            self.problems.add(node.place, f"{field}.value", "missing")
            return None
        value = self._value(fact, f"{field}.value", value_node)
        by = self._side(node, "by", "text", field)
        seen = self._side(node, "seen", "date", field)
        confirmed = self._side(node, "confirmed", "bool", field)
        if value is None:
            return None
        return Observation(
            value, str(by or ""), seen if isinstance(seen, date) else None, confirmed is not False, value_node.place
        )

    def _side(self, node: Mapping, name: str, kind: str, field: str) -> FactValue | None:
        """Return one of the notes beside an observed value."""
        child = node.get(name)
        if child is None:
            return None
        return self._value(PLAIN_FACTS[kind], f"{field}.{name}", child)


def _plain_fact(kind: str) -> Fact:
    from .texts import Text

    blank = Text("", "")
    return Fact(id=kind, type=kind, label=blank, about=blank, question=blank,  # type: ignore[arg-type]
                whom="anyone", influence="none", effort="low")


PLAIN_FACTS = {kind: _plain_fact(kind) for kind in ("text", "date", "bool")}
