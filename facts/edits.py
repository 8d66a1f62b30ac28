"""Changes to a deal that are not in its file: facts set, items added, either dropped.

A fact is named as everywhere: ``budget.status``, or ``stakeholders.attitude@wang`` for one of an item; its label will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace

from .deal import AS_OF, Deal, Item, Observation, change_of
from .nodes import Mapping, Node, Scalar
from .nodes import Sequence as Items
from .problems import Place, Problem, Problems, Rejected, listing, problem, suggestion
from .source import parse
from .values import is_unknown
from .vocabulary import Vocabulary

_EMPTY = Deal({}, {})
_NEXT_FIELD = re.compile(r",(?=\s*\w+\s*=)")


@dataclass(frozen=True)
class Edit:
    """``given`` is laid over a deal; ``dropped`` names facts, items and collections that nobody knows any more."""

    given: Deal = _EMPTY
    dropped: tuple[str, ...] = ()

    def applied(self, deal: Deal) -> Deal:
        """Return a deal with the change made."""
        return without(laid_over(deal, self.given), self.dropped)


def laid_over(deal: Deal, given: Deal) -> Deal:
    """Return a deal with the facts of another over its own, its items matched by id; new ones come last."""
    items = dict(deal.items)
    for name, rows in given.items.items():
        known = {item.id: item for item in deal.items.get(name, ())}
        for item in rows:
            old = known.get(item.id)
            known[item.id] = item if old is None else replace(old, facts={**old.facts, **item.facts})
        items[name] = tuple(known.values())
    return replace(deal, facts={**deal.facts, **given.facts}, items=items)


def without(deal: Deal, dropped: Iterable[str]) -> Deal:
    """Return a deal in which some facts, items (``stakeholders@wang``) and collections are not known."""
    facts, items = dict(deal.facts), dict(deal.items)
    for name in dropped:
        path, _, about = name.partition("@")
        collection, _, fact = path.partition(".")
        if not about:
            facts.pop(name, None)
            items.pop(name, None)
        elif collection not in items:  # all of it is gone already
            continue
        elif fact:
            items[collection] = tuple(
                replace(item, facts={key: value for key, value in item.facts.items() if key != fact})
                if item.id == about else item for item in items[collection]
            )
        else:
            items[collection] = tuple(item for item in items[collection] if item.id != about)
    return replace(deal, facts=facts, items=items)


def read_edit(
    sets: Iterable[str], adds: Iterable[str], drops: Iterable[str], deal: Deal, vocabulary: Vocabulary
) -> Edit:
    """Return the change that is written as ``FACT=VALUE``, ``COLLECTION:FIELD=VALUE,…`` and names to drop.

    Raises :class:`~.problems.Rejected` with every problem.
    """
    return _Reader(deal, vocabulary).read(sets, adds, drops)


def read_drop(name: str, place: Place, items: AnyMapping[str, Sequence[Item]], vocabulary: Vocabulary) -> str:
    """Return the name of what is to be taken away from a deal with these items, spelled by ids.

    Raises :class:`~.problems.Rejected` if it names nothing, or the day, without which there is no deal.
    """
    path, at, about = name.partition("@")
    path = _by_id(path.strip(), vocabulary)
    collection, _, fact = path.partition(".")
    if at:
        _check_item(collection, about, place, items, vocabulary)
        known = vocabulary.collections[collection].facts
        if fact and fact not in known:
            raise Rejected([problem(place, path, "unknown-key", found=fact, hint=suggestion(fact, known))])
    elif path == AS_OF:
        raise Rejected([problem(place, path, "as-of-unknown")])
    elif path not in vocabulary.facts and path not in vocabulary.collections:
        raise Rejected([_no_fact(path, place, items, vocabulary)])
    return path + at + about


class _Reader:
    def __init__(self, deal: Deal, vocabulary: Vocabulary) -> None:
        self.deal = deal
        self.vocabulary = vocabulary
        self.problems = Problems()
        self.given = _EMPTY
        self.dropped: list[str] = []

    def read(self, sets: Iterable[str], adds: Iterable[str], drops: Iterable[str]) -> Edit:
        for option, texts, read in (("--set", sets, self.set), ("--add", adds, self.add), ("--drop", drops, self.drop)):
            for text in texts:
                try:
                    read(text, Place(f"{option} {text}"))
                except Rejected as rejected:
                    self.problems.take(rejected)
        self.problems.raise_if_any()
        return Edit(self.given, tuple(self.dropped))

    @property
    def items(self) -> AnyMapping[str, Sequence[Item]]:
        """The items of the deal with those that were given since."""
        return laid_over(self.deal, self.given).items

    def set(self, text: str, place: Place) -> None:
        name, sign, value = text.partition("=")
        if not sign:
            raise Rejected([problem(place, "", "edit-form")])
        path, at, about = name.strip().partition("@")
        path = _by_id(path.strip(), self.vocabulary)
        node = _node(value, place)
        if isinstance(node, Scalar) and is_unknown(node):
            self.drop(path + at + about, place)
        elif at:
            self.set_of_item(path, about, node, place)
        elif path in self.vocabulary.collections:
            if node != Items((), node.place):
                raise Rejected([problem(place, "", "edit-collection", found=path)])
            self.lay(Mapping(((Scalar(path, place), node),), place))
        elif path in self.vocabulary.facts:
            self.lay(Mapping(((Scalar(path, place), node),), place))
        else:
            raise Rejected([_no_fact(path, place, self.items, self.vocabulary)])

    def set_of_item(self, path: str, about: str, node: Node, place: Place) -> None:
        collection, _, fact = path.partition(".")
        _check_item(collection, about, place, self.items, self.vocabulary)
        self.lay(_item(collection, [("id", Scalar(about, place, quoted=True)), (fact, node)], place))

    def add(self, text: str, place: Place) -> None:
        collection, sign, fields = text.partition(":")
        names = {entry.item: entry.id for entry in self.vocabulary.collections.values()}
        collection = _by_id(names.get(collection.strip(), collection.strip()), self.vocabulary)
        if not sign or collection not in self.vocabulary.collections:
            hint = suggestion(collection, [*self.vocabulary.collections, *names])
            raise Rejected([problem(place, "", "edit-item-form", hint=hint)])
        pairs = [self.field(collection, field, place) for field in _NEXT_FIELD.split(fields)]
        taken = [item.id for item in self.items.get(collection, ())]
        given = dict(pairs).get("id")
        if given is None:
            number = next(number for number in range(1, len(taken) + 2) if f"new{number}" not in taken)
            pairs.insert(0, ("id", Scalar(f"new{number}", place, quoted=True)))
        elif isinstance(given, Scalar) and given.text in taken:
            raise Rejected([problem(place, collection, "edit-item-there", found=given.text, of=collection)])
        self.lay(_item(collection, pairs, place))

    def field(self, collection: str, text: str, place: Place) -> tuple[str, Node]:
        key, equals, value = text.partition("=")
        if not equals:
            raise Rejected([problem(place, "", "edit-item-form", hint="")])
        path = _by_id(f"{collection}.{key.strip()}", self.vocabulary)
        return path.partition(".")[2], _node(value, place)

    def lay(self, root: Mapping) -> None:
        given, unknown = change_of(root, root.place.file, self.vocabulary)
        self.given = laid_over(self.given, given)
        self.dropped += unknown

    def drop(self, name: str, place: Place) -> None:
        self.dropped.append(read_drop(name, place, self.items, self.vocabulary))


def _check_item(
    collection: str, about: str, place: Place, items: AnyMapping[str, Sequence[Item]], vocabulary: Vocabulary
) -> None:
    if collection not in vocabulary.collections:
        hint = suggestion(collection, vocabulary.collections)
        raise Rejected([problem(place, collection, "unknown-key", found=collection, hint=hint)])
    ids = [item.id for item in items.get(collection, ())]
    if about not in ids:
        raise Rejected([problem(place, collection, "edit-no-item", found=about, hint=suggestion(about, ids))])


def _no_fact(
    path: str, place: Place, items: AnyMapping[str, Sequence[Item]], vocabulary: Vocabulary
) -> Problem:
    """Return what is wrong with the name of a fact that the deal itself has not."""
    collection, _, fact = path.partition(".")
    if collection in vocabulary.collections and fact in vocabulary.collections[collection].facts:
        ids = [item.id for item in items.get(collection, ())]
        return problem(place, "", "edit-which-item", found=path, first=ids[0] if ids else "ID", choices=listing(ids) or "–")
    known = [*vocabulary.facts, *vocabulary.collections, *(label for label, _ in _labelled(vocabulary))]
    return problem(place, "", "unknown-key", found=path, hint=suggestion(path, known))


def _by_id(path: str, vocabulary: Vocabulary) -> str:
    """Return a name spelled by ids, if it is spelled by labels: 预算状态, stakeholders.态度."""
    if path in vocabulary.facts or path in vocabulary.collections:
        return path
    return _labels(vocabulary).get(path.casefold(), path)


def _labels(vocabulary: Vocabulary) -> dict[str, str]:
    """Return the names of facts and collections by their labels; a label that several share names none."""
    found: dict[str, set[str]] = {}
    for label, path in _labelled(vocabulary):
        found.setdefault(label.casefold(), set()).add(path)
    return {label: paths.pop() for label, paths in found.items() if len(paths) == 1}


def _labelled(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    for fact in vocabulary.facts.values():
        yield from ((label, fact.id) for label in (fact.label.en, fact.label.zh))
    for of in vocabulary.collections.values():
        heads = (of.id, of.label.en, of.label.zh, of.item_label.en, of.item_label.zh)
        yield from ((head, of.id) for head in heads)
        for fact in of.facts.values():
            names = (fact.id, fact.label.en, fact.label.zh)
            yield from ((f"{head}.{name}", f"{of.id}.{fact.id}") for head in heads for name in names)


def _item(collection: str, fields: Sequence[tuple[str, Node]], place: Place) -> Mapping:
    item = Mapping(tuple((Scalar(key, place), value) for key, value in fields), place)
    return Mapping(((Scalar(collection, place), Items((item,), place)),), place)


def _node(value: str, place: Place) -> Node:
    """Return a value as written; one in brackets is a list, or a value with who said it and when."""
    text = value.strip()
    if text.startswith(("[", "{")):
        return parse(text.encode(), place.file)
    return Scalar(text, place)


def spelled(edit: Edit, deal: Deal, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """Return a change of a deal as options for :func:`read_edit`, such as (``--set``, ``budget.status=approved``)."""
    options = [("--set", f"{name}={_spell(seen)}") for name, seen in edit.given.facts.items()]
    options += [("--set", f"{name}=[]") for name, rows in edit.given.items.items() if not rows]
    for name, rows in edit.given.items.items():
        for item in rows:
            options += _spell_item(name, item, deal, vocabulary)
    return options + [("--drop", name) for name in edit.dropped]


def _spell_item(name: str, item: Item, deal: Deal, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    given = {fact: _spell(seen) for fact, seen in item.facts.items()}
    if deal.item(name, item.id) is not None:
        return [("--set", f"{name}.{fact}@{item.id}={value}") for fact, value in given.items()]
    fields = ",".join(f"{fact}={value}" for fact, value in {"id": item.id, **given}.items())
    return [("--add", f"{vocabulary.collections[name].item}:{fields}")]


def _spell(seen: Observation) -> str:
    value = seen.value
    if isinstance(value, tuple):
        text = f"[{', '.join(map(str, value))}]"
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    if seen.seen is None and seen.confirmed:
        return text
    notes = [f"value: {text}"]
    if seen.seen is not None:
        notes.append(f"seen: {seen.seen}")
    if not seen.confirmed:
        notes.append("confirmed: false")
    return "{" + ", ".join(notes) + "}"
