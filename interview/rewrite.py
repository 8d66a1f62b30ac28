"""Writes answers into a deal file and leaves the rest as its author wrote it: signs, line ends, encoding.

The new text is read back before it replaces the file, in one step, so that the file on disk is always
a good one and says what it said, and the answers.
"""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path

from yaml.nodes import MappingNode, Node, SequenceNode

from ..facts.deal import Deal, Item, Observation, read_deal
from ..facts.edits import laid_over
from ..facts.encoding import decode, encode
from ..facts.vocabulary import Vocabulary
from ..render.document import plain
from .splice import CannotWrite, Plain, Splice, Written, applied

_NOTES = ("value", "seen", "by", "confirmed")


class ChangedMeanwhile(Exception):
    """Someone else changed the file since it was read."""


class DealFile:
    """A deal file under change; ``data`` are the bytes that it had when last read or written."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self.path = path
        self.vocabulary = vocabulary
        self.data = path.read_bytes()

    def write(self, given: Deal) -> Deal:
        """Lay some facts and items over those of the file and return the deal as it then reads.

        Raises :class:`ChangedMeanwhile`, :class:`~.splice.CannotWrite`, OSError, or
        :class:`~..facts.problems.Rejected`; in each case the file is as it was.
        """
        before = self._read(self.data)
        text = decode(self.data, str(self.path))
        new = encode(with_answers(text, given, self.path.suffix == ".json"), self.data)
        after = self._read(new)
        if after != laid_over(before, given):
            raise CannotWrite
        return self._replaced(new, after)

    def restore(self, before: bytes) -> Deal:
        """Bring back the bytes that the file had before an answer; raises what :meth:`write` raises."""
        return self._replaced(before, self._read(before))

    def _replaced(self, new: bytes, deal: Deal) -> Deal:
        if self.path.read_bytes() != self.data:
            raise ChangedMeanwhile
        replace_file(self.path, new)
        self.data = new
        return deal

    def _read(self, data: bytes) -> Deal:
        return read_deal(data, str(self.path), self.vocabulary)


def with_answers(text: str, given: Deal, is_json: bool = False) -> str:
    """Return the text of a deal file with some facts and items laid over its own."""
    for fact_id, observation in given.facts.items():
        text = _with_fact(Written(text, is_json), fact_id, observation)
    for collection, items in given.items.items():
        text = _with_items(Written(text, is_json), collection, items)
    return text


def _with_fact(written: Written, fact_id: str, observation: Observation) -> str:
    topic, _, name = fact_id.partition(".")
    if not name or written.find(written.root, fact_id) is not None:
        return _observed(written, (), fact_id, observation)
    if isinstance(written.find(written.root, topic), MappingNode):
        return _observed(written, (topic,), name, observation)
    return applied(written.text, written.put(written.root, topic, {name: _written(observation)}, below=True))


def _with_items(written: Written, collection: str, items: tuple[Item, ...]) -> str:
    listed = written.find(written.root, collection)
    if not isinstance(listed, SequenceNode) or not listed.value:
        rows: list[Plain] = [
            {"id": item.id} | {name: _written(observation) for name, observation in item.facts.items()} for item in items
        ]
        return applied(written.text, written.put(written.root, collection, rows, below=bool(rows)))
    for item in items:
        for name, observation in item.facts.items():
            written = Written(_observed(written, (collection, item.id), name, observation), written.is_json)
    return written.text


def _observed(written: Written, path: tuple[str, ...], name: str, observation: Observation) -> str:
    """Return the text with a fact observed anew; what was noted of the old observation goes with it."""
    node = written.find(_mapping(written, path), name)
    if not isinstance(node, MappingNode):
        return applied(written.text, written.put(_mapping(written, path), name, _written(observation)))
    notes: dict[str, Plain] = {"value": _value(observation)}
    if observation.seen is not None:
        notes["seen"] = observation.seen
    for note in _NOTES:
        place = _mapping(written, (*path, name))
        splices: list[Splice] = written.put(place, note, notes[note]) if note in notes else written.without(place, note)
        written = Written(applied(written.text, splices), written.is_json)
    return written.text


def _mapping(written: Written, path: tuple[str, ...]) -> MappingNode:
    """Return the mapping that keys, and the ids of items, lead to."""
    node: Node | None = written.root
    for name in path:
        if isinstance(node, SequenceNode):
            rows = (row for row in node.value if isinstance(row, MappingNode))
            node = next((row for row in rows if _id_of(written, row) == name), None)
        elif isinstance(node, MappingNode):
            node = written.find(node, name)
    if not isinstance(node, MappingNode):
        raise CannotWrite
    return node


def _id_of(written: Written, row: MappingNode) -> str:
    node = written.find(row, "id")
    return str(node.value).strip() if node is not None else ""


def _written(observation: Observation) -> Plain:
    """Return an observation as it stands in a file: the value alone, or with the day on which it was seen."""
    value = _value(observation)
    return value if observation.seen is None else {"value": value, "seen": observation.seen}


def _value(observation: Observation) -> Plain:
    value = observation.value
    written: Plain = value if isinstance(value, date) else plain(value)
    return written


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file whole or not at all: written beside it, synced, renamed; its mode is kept."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
