"""Lays folders of YAML records over one another: a later layer adds records, and changes fields of those with the same id.

What is laid over is the tree as it was written, so every node still knows its file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .nodes import Mapping, Node, Scalar, Sequence
from .problems import Problems, nearest, suggestion
from .reader import describe

_DEEP = ("collection",)  # mappings of which a layer may give a part


def joined(nodes: Iterable[Node], problems: Problems) -> Mapping | None:
    """Return the files of one layer as one mapping: lists under the same key follow one another."""
    entries: dict[str, tuple[Scalar, Node]] = {}
    first: Node | None = None
    for node in nodes:
        if not isinstance(node, Mapping):
            problems.add(node.place, "", "expected-mapping", found=describe(node))
            continue
        first = first or node
        for key, value in node.entries:
            known = entries.get(key.text)
            if known is None:
                entries[key.text] = (key, value)
            elif isinstance(known[1], Sequence) and isinstance(value, Sequence):
                entries[key.text] = (known[0], Sequence((*known[1].items, *value.items), known[1].place))
            elif isinstance(known[1], Sequence):  # the reader will tell that it should have been a list
                entries[key.text] = (key, value)
    return None if first is None else Mapping(tuple(entries.values()), first.place)


def overlaid(base: Mapping, over: Mapping, problems: Problems) -> Mapping:
    """Return a mapping with the entries of another laid over it; lists of records are laid over id by id."""
    entries = {key.text: (key, value) for key, value in base.entries}
    for key, value in over.entries:
        known = entries.get(key.text)
        entries[key.text] = (key, value if known is None else _laid(key.text, known[1], value, problems))
    return Mapping(tuple(entries.values()), over.place)


def _laid(key: str, below: Node, above: Node, problems: Problems) -> Node:
    if key in _DEEP and isinstance(below, Mapping) and isinstance(above, Mapping):
        return overlaid(below, above, problems)
    if not (isinstance(below, Sequence) and isinstance(above, Sequence) and _are_records(below) and _are_records(above)):
        return above
    items = list(below.items)
    places = {record_id(item): place for place, item in reversed(list(enumerate(items)))}
    for item in above.items:
        place = places.pop(record_id(item), None)
        under = None if place is None else items[place]
        if place is not None and isinstance(under, Mapping) and isinstance(item, Mapping):
            items[place] = overlaid(under, item, problems)
        elif _is_change(item, below):  # of a record that is not there
            _note_unknown(item, below, key, problems)
        else:
            items.append(item)
    return Sequence(tuple(items), above.place)


def _is_change(item: Node, below: Sequence) -> bool:
    """Tell whether a record can only mean to change another: it switches off, or has a near name and few of the fields."""
    fields = [{key.text for key, _ in record.entries} for record in below.items if isinstance(record, Mapping)]
    common = set.intersection(*fields) if fields else set()
    given = {key.text for key, _ in item.entries} if isinstance(item, Mapping) else common
    few = 2 * len(given & common) < len(common)
    return "off" in given or (few and bool(nearest(record_id(item), map(record_id, below.items))))


def _note_unknown(item: Node, below: Sequence, key: str, problems: Problems) -> None:
    name = item.get("id") if isinstance(item, Mapping) else None
    found, known = record_id(item), [record_id(record) for record in below.items]
    place = item.place if name is None else name.place
    problems.add(place, f"{key}.{found}", "layer-unknown", found=found, hint=suggestion(found, known))


def _are_records(node: Sequence) -> bool:
    return all(record_id(item) for item in node.items)


def record_id(node: Node) -> str:
    """Return the id of a record, or nothing if it has none."""
    if isinstance(node, Mapping) and isinstance(name := node.get("id"), Scalar):
        return name.text
    return ""


def records(node: Mapping | None) -> Iterator[tuple[str, str]]:
    """Yield the key and id of every record in a layer, those within records included."""
    for key, value in node.entries if node is not None else ():
        if isinstance(value, Sequence):
            for item in value.items:
                if isinstance(item, Mapping) and record_id(item):
                    yield key.text, record_id(item)
                    yield from records(item)
