"""Writes one answer into a deal file and leaves the rest as its author wrote it.

YAML keeps its comments, quotes and order of keys; JSON its order. The new text is read back by the
loader before it replaces the file, in one step, so that the file on disk is always a good one.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..facts.deal import Deal, read_deal
from ..facts.encoding import decode
from ..facts.vocabulary import Vocabulary


class ChangedMeanwhile(Exception):
    """Someone else changed the file since it was read."""


@dataclass(frozen=True)
class Answer:
    """What to write: a fact of the deal, or of an item; ``value`` is as it would stand in the file.

    With an empty ``fact`` the answer lists new items of a collection by id.
    """

    collection: str
    about: str
    fact: str
    value: Any


class DealFile:
    """A deal file under change; ``data`` are the bytes that it had when last read or written."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self.path = path
        self.vocabulary = vocabulary
        self.data = path.read_bytes()

    def write(self, answer: Answer) -> Deal:
        """Put one answer into the file and return the deal as it then reads.

        Raises :class:`ChangedMeanwhile`, OSError, or :class:`~..facts.problems.Rejected`; in each case
        the file is as it was.
        """
        new = self._changed(answer)
        deal = read_deal(new, str(self.path), self.vocabulary)
        if self.path.read_bytes() != self.data:
            raise ChangedMeanwhile
        replace_file(self.path, new)
        self.data = new
        return deal

    def _changed(self, answer: Answer) -> bytes:
        text = decode(self.data, str(self.path))
        if self.path.suffix == ".json":
            document = json.loads(text)
            _put(document, answer, dict)
            return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
        return _change_yaml(text, answer)


def _change_yaml(text: str, answer: Answer) -> bytes:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.allow_unicode = True
    dash = _dash_indent(text)
    yaml.indent(mapping=2, sequence=2 + dash, offset=dash)
    document = yaml.load(text)
    _put(document, answer, CommentedMap)
    stream = io.BytesIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _dash_indent(text: str) -> int:
    """Return how far the file indents the dashes of a list below their key."""
    for line in text.splitlines():
        if line.lstrip().startswith("- "):
            return min(len(line) - len(line.lstrip()), 4)
    return 2


def _put(document: Any, answer: Answer, make: Callable[[], Any]) -> None:
    """Set the answered value in the tree of the file, making the parts that are missing."""
    if not answer.collection:
        topic, _, name = answer.fact.partition(".")
        if not isinstance(document.get(topic), dict):
            document[topic] = make()
        _set(document[topic], name, answer.value)
        return
    if not isinstance(document.get(answer.collection), list):
        document[answer.collection] = []
    rows = document[answer.collection]
    if not answer.fact:
        for item_id in answer.value:
            row = make()
            row["id"] = item_id
            rows.append(row)
        return
    row = next(row for row in rows if str(row.get("id")) == answer.about)
    _set(row, answer.fact, answer.value)


def _set(mapping: Any, name: str, value: Any) -> None:
    """Set a value; of an observation the value alone is replaced and what is told of its age goes."""
    if isinstance(mapping.get(name), dict):
        for note in ("seen", "by", "confirmed"):
            mapping[name].pop(note, None)
        mapping[name]["value"] = value
    else:
        mapping[name] = value


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
