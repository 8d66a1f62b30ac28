"""The layers of a rule base: ours at the bottom, an organisation's own above, each a folder with ``facts/`` and ``rules/``.

Which layers there are is told on the command line, or by a ``dealready.toml`` in the working folder
or one above it: ``rules = ["our-rules"]``, folders beside that file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..facts.problems import Place, Rejected, problem, suggestion_or_all
from ..facts.vocabulary import FOLDER as VOCABULARY_FOLDER

SETTINGS = "dealready.toml"
_KEYS = ("rules",)
_UNREAD = (".yml", ".json")  # written for us, surely, and never read
_AT = re.compile(r"at line (\d+), column (\d+)")


@dataclass(frozen=True)
class Layer:
    """A folder of vocabulary and one of rules; either may be missing."""

    name: str
    facts: Path
    rules: Path

    @property
    def is_whole(self) -> bool:
        """Tell whether it is a whole rule base, with steps, article and vocabulary of its own, rather than a part of one."""
        return all(found.is_dir() for found in (self.rules / "steps", self.rules / "article", self.facts))


OURS = Layer("dealready", VOCABULARY_FOLDER, Path(__file__).parent)


def layer_of(folder: Path) -> Layer:
    """Return the layer in a folder; a whole rule base may have its vocabulary in ``facts/vocabulary/``, as ours has.

    Raises :class:`~..facts.problems.Rejected` if there is neither ``facts/`` nor ``rules/`` in it, or files that nobody reads.
    """
    vocabulary = folder / "facts" / VOCABULARY_FOLDER.name
    name = Path(os.path.realpath(folder)).name
    layer = Layer(name, vocabulary if vocabulary.is_dir() else folder / "facts", folder / "rules")
    if not layer.facts.is_dir() and not layer.rules.is_dir():
        raise Rejected([problem(Place(str(folder)), "", "layer-empty")])
    unread = [file for part in (layer.facts, layer.rules) for file in part.rglob("*") if file.suffix.lower() in _UNREAD]
    if unread:
        raise Rejected([problem(Place(str(file)), "", "layer-file") for file in unread])
    return layer


def all_layers(folders: Iterable[str], start: Path | None = None) -> tuple[Layer, ...]:
    """Return our layer and those above it: the folders named, or, if none is, those of the nearest settings file.

    A folder that is a whole rule base, such as another version of ours, takes the place of all that is below it.
    Without ``start`` no settings are looked for. Raises :class:`~..facts.problems.Rejected` for folders and settings
    that can't be used.
    """
    named = [Path(folder) for folder in folders] or (list(_from_settings(start)) if start is not None else [])
    layers = (OURS, *(layer_of(folder) for folder in named))
    lowest = max(number for number, layer in enumerate(layers) if number == 0 or layer.is_whole)
    return layers[lowest:]


def _from_settings(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        file = folder / SETTINGS
        if file.is_file():
            yield from (folder / name for name in _read_settings(file))
            return


def _read_settings(file: Path) -> list[str]:
    import tomllib  # few have such a file

    place = Place(str(file))
    try:
        settings = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        raise Rejected([problem(Place(str(file), *map(int, at.groups())) if at else place, "", "settings-toml")]) from None
    except (UnicodeDecodeError, OSError) as error:
        raise Rejected([problem(place, "", "settings-unreadable", reason=str(error))]) from None
    for key in settings:
        if key not in _KEYS:
            raise Rejected([problem(place, key, "unknown-key", found=key, hint=suggestion_or_all(key, _KEYS))])
    folders = settings.get("rules", [])
    folders = [folders] if isinstance(folders, str) else folders
    if not isinstance(folders, list) or not all(isinstance(name, str) for name in folders):
        raise Rejected([problem(place, "rules", "settings-folders")])
    return folders


def rule_files(folder: Path) -> Iterator[Path]:
    """Yield the YAML files of a folder in a fixed order."""
    yield from sorted(folder.rglob("*.yaml"), key=lambda path: path.relative_to(folder).as_posix())


def content_hash(layers: Iterable[Layer] = (OURS,)) -> str:
    """Return a hash of the name and content of every YAML file of some layers; line ends do not count."""
    digest = hashlib.sha256()
    for number, layer in enumerate(layers):
        for kind, folder in (("facts", layer.facts), ("rules", layer.rules)):
            for path in rule_files(folder):
                name = f"{number}/{kind}/{path.relative_to(folder).as_posix()}"
                content = path.read_bytes().replace(b"\r\n", b"\n")
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
