"""Keeps the checked rule base, and what is compiled from it, between runs, as Python keeps compiled modules.

Reading and checking the YAML takes some hundred milliseconds, which a rep would feel before each
call. The result is stored in the user's cache folder under the hash of every file it came from and
the state of the code that read them, so a change to either is always seen; a cache that cannot be
read or written is simply not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from .. import __version__
from .base import RuleBase, load_rule_base
from .layers import OURS, Layer, content_hash

_MOST_KEPT = 4  # of a kind
Made = TypeVar("Made")


def cached_rule_base(layers: Sequence[Layer] = (OURS,)) -> RuleBase:
    """Return the rule base of some layers, from the cache if it is there.

    Raises :class:`~..facts.problems.Rejected` if the rules themselves are wrong.
    """
    places = "".join(f"\0{layer.facts.resolve()}" for layer in layers)  # its problems name files
    key = hashlib.sha256((content_hash(layers) + places).encode()).hexdigest()
    return kept("rules", key, (OURS.facts.parent, OURS.rules), RuleBase, lambda: load_rule_base(layers))


def kept(kind: str, key: str, code: Iterable[Path], wanted: type[Made], make: Callable[[], Made]) -> Made:
    """Return what ``make`` returns, from the cache if it was made before.

    ``key`` is a hash of all that it was made from, ``code`` the folders of the modules that make it.
    """
    folder = _folder()
    if folder is None:
        return make()
    path = folder / f"{kind}-{key[:32]}-{_code(code)}-{sys.implementation.cache_tag}.pickle"
    made = _read(path, key, wanted)
    if made is None:
        made = make()
        _write(path, kind, (key, made))
    return made


def _code(folders: Iterable[Path]) -> str:
    """Return what stands for the code in some folders: its version, and the state of its files."""
    digest = hashlib.sha256(__version__.encode())
    for folder in folders:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                status = entry.stat()
                digest.update(f"{entry.name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def _folder() -> Path | None:
    """Return a cache folder that belongs to this user alone, or None."""
    wanted = os.environ.get("DEALREADY_CACHE")
    if wanted == "":
        return None
    if wanted is None:
        from platformdirs import user_cache_dir

        wanted = user_cache_dir("dealready", appauthor=False)
    folder = Path(wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except OSError:
        return None
    foreign = hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022)
    return None if foreign else folder


def _read(path: Path, key: str, wanted: type[Made]) -> Made | None:
    try:
        found, made = pickle.loads(path.read_bytes())
    except Exception:  # whatever is wrong with a cache, the answer is to do without it
        return None
    return made if found == key and isinstance(made, wanted) else None


def _write(path: Path, kind: str, entry: tuple[str, object]) -> None:
    import tempfile  # only the first run after a change writes

    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{kind}-", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                pickle.dump(entry, file, protocol=pickle.HIGHEST_PROTOCOL)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
        kept = sorted(path.parent.glob(f"{kind}-*.pickle"), key=lambda old: old.stat().st_mtime, reverse=True)
        for old in kept[_MOST_KEPT:]:
            old.unlink(missing_ok=True)
