"""Keeps the checked rule base between runs, as Python keeps compiled modules.

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
from pathlib import Path

from .. import __version__
from ..facts.vocabulary import FOLDER as VOCABULARY_FOLDER
from .base import FOLDER, RuleBase, content_hash, load_rule_base

_MOST_KEPT = 4


def cached_rule_base() -> RuleBase:
    """Return the rule base that ships with the package, from the cache if it is there.

    Raises :class:`~..facts.problems.Rejected` if the rules themselves are wrong.
    """
    folder = _folder()
    if folder is None:
        return load_rule_base()
    key = content_hash((VOCABULARY_FOLDER, FOLDER))
    path = folder / f"rules-{key[:32]}-{_code()}-{sys.implementation.cache_tag}.pickle"
    base = _read(path)
    if base is None or base.hash != key:
        base = load_rule_base()
        _write(path, base)
    return base


def _code() -> str:
    """Return what stands for the code that made the rule base: its version, and the state of its files."""
    digest = hashlib.sha256(__version__.encode())
    for folder in (VOCABULARY_FOLDER.parent, FOLDER):
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


def _read(path: Path) -> RuleBase | None:
    try:
        base = pickle.loads(path.read_bytes())
    except Exception:  # whatever is wrong with a cache, the answer is to do without it
        return None
    return base if isinstance(base, RuleBase) else None


def _write(path: Path, base: RuleBase) -> None:
    import tempfile  # only the first run after a change writes

    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix="rules-", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                pickle.dump(base, file, protocol=pickle.HIGHEST_PROTOCOL)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
        kept = sorted(path.parent.glob("rules-*.pickle"), key=lambda old: old.stat().st_mtime, reverse=True)
        for old in kept[_MOST_KEPT:]:
            old.unlink(missing_ok=True)
