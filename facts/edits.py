"""Changes to a deal that are not in its file: facts set, items added, either dropped.

A fact is named as everywhere: ``budget.status``, or ``stakeholders.attitude@wang`` for one of an item.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .deal import Deal, Observation, deal_of
from .problems import Place, Problems, Rejected, problem, suggestion
from .source import Mapping, Node, Scalar, parse
from .source import Sequence as Items
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

    def set(self, text: str, place: Place) -> None:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not sign:
            raise Rejected([problem(place, "", "edit-form")])
        path, _, about = name.partition("@")
        node = _node(value, place)
        if not about and path in self.vocabulary.collections and node != Items((), node.place):
            raise Rejected([problem(place, "", "edit-collection", found=path)])
        if isinstance(node, Scalar) and is_unknown(node):
            self.drop(name, place)
            return
        if not about:
            self.lay(Mapping(((Scalar(path, place), node),), place))
            return
        collection, _, fact = path.partition(".")
        self.check_item(collection, about, place)
        fields: list[tuple[str, Node]] = [("id", Scalar(about, place, quoted=True)), (fact, node)]
        self.lay(_item(collection, fields, place))

    def add(self, text: str, place: Place) -> None:
        collection, sign, fields = text.partition(":")
        names = {entry.item: entry.id for entry in self.vocabulary.collections.values()}
        collection = names.get(collection.strip(), collection.strip())
        if not sign or collection not in self.vocabulary.collections:
            hint = suggestion(collection, self.vocabulary.collections)
            raise Rejected([problem(place, "", "edit-item-form", hint=hint)])
        pairs = []
        for field in _NEXT_FIELD.split(fields):
            key, equals, value = field.partition("=")
            if not equals:
                raise Rejected([problem(place, "", "edit-item-form", hint="")])
            pairs.append((key.strip(), _node(value, place)))
        if "id" not in dict(pairs):
            taken = {item.id for item in self.deal.items.get(collection, ())}
            number = next(number for number in range(1, len(taken) + 2) if f"new{number}" not in taken)
            pairs.insert(0, ("id", Scalar(f"new{number}", place, quoted=True)))
        self.lay(_item(collection, pairs, place))

    def lay(self, root: Mapping) -> None:
        self.given = laid_over(self.given, deal_of(root, root.place.file, self.vocabulary, part=True))

    def drop(self, name: str, place: Place) -> None:
        path, _, about = name.partition("@")
        collection, _, fact = path.partition(".")
        known = [*self.vocabulary.facts, *self.vocabulary.collections]
        if about:
            self.check_item(collection, about, place)
            if fact and fact not in self.vocabulary.collections[collection].facts:
                known = list(self.vocabulary.collections[collection].facts)
                raise Rejected([problem(place, path, "unknown-key", found=fact, hint=suggestion(fact, known))])
        elif path not in known:
            raise Rejected([problem(place, path, "unknown-key", found=path, hint=suggestion(path, known))])
        self.dropped.append(name)

    def check_item(self, collection: str, about: str, place: Place) -> None:
        if collection not in self.vocabulary.collections:
            hint = suggestion(collection, self.vocabulary.collections)
            raise Rejected([problem(place, collection, "unknown-key", found=collection, hint=hint)])
        items = [*self.deal.items.get(collection, ()), *self.given.items.get(collection, ())]
        if about not in {item.id for item in items}:
            ids = [item.id for item in items]
            raise Rejected([problem(place, collection, "edit-no-item", found=about, hint=suggestion(about, ids))])


def _item(collection: str, fields: Sequence[tuple[str, Node]], place: Place) -> Mapping:
    item = Mapping(tuple((Scalar(key, place), value) for key, value in fields), place)
    return Mapping(((Scalar(collection, place), Items((item,), place)),), place)


def _node(value: str, place: Place) -> Node:
    """Return a value as written; one in brackets is a list, or a value with who said it and when."""
    text = value.strip()
    if text.startswith(("[", "{")):
        return parse(text.encode(), place.file)
    return Scalar(text, place)


def spelled(edit: Edit, vocabulary: Vocabulary) -> list[str]:
    """Return a change as the options that :func:`read_edit` takes: ``--set budget.status=approved`` and so on."""
    options = [f"--set {name}={_spell(seen)}" for name, seen in edit.given.facts.items()]
    options += [f"--set {name}=[]" for name, rows in edit.given.items.items() if not rows]
    for name, rows in edit.given.items.items():
        item_name = vocabulary.collections[name].item
        for item in rows:
            fields = [f"id={item.id}", *(f"{fact}={_spell(seen)}" for fact, seen in item.facts.items())]
            options.append(f"--add {item_name}:{','.join(fields)}")
    return options + [f"--drop {name}" for name in edit.dropped]


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
