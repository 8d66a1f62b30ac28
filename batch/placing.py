"""Lets an output appear whole or not at all, also if the run is killed: it is made beside its place, and takes it at once."""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what a killed run leaves behind stays there
    fcntl = None  # type: ignore[assignment]

_HERE = -100  # AT_FDCWD: paths as they are
_EXCHANGE = 2  # RENAME_EXCHANGE
_OLD = "old"
_RANDOM = 8  # letters that tempfile puts into a name


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Give a folder to make an output in, on the same disk; what killed runs left of theirs goes first."""
    put_back(target)
    try:
        with ExitStack() as stack:
            folder = _own_folder(target, stack)
            stack.callback(_take_away, folder, target)
            yield folder
    finally:
        put_back(target)  # Ctrl-C may come when the folder is made, and nobody knows of it yet


def take_place(made: Path, target: Path, folder: Path) -> None:
    """Put what was made where the output belongs.

    A folder changes places with the old one. Where the system has no such step, the old one steps
    aside first; if the run is killed right then, the next run puts it back.
    """
    if not target.is_dir():
        os.replace(made, target)
    elif not _exchanged(made, target):
        os.rename(target, folder / _OLD)
        os.rename(made, target)


def put_back(target: Path) -> None:
    """Take away what killed runs left beside an output, and put an old output back that one of them had moved aside."""
    for folder in target.parent.glob(f".{glob.escape(target.name)}.{'?' * _RANDOM}.part"):
        with suppress(OSError), _held(folder, alone=True):
            _take_away(folder, target)


def _take_away(folder: Path, target: Path) -> None:
    if (folder / _OLD).exists() and not target.exists():
        os.rename(folder / _OLD, target)
    shutil.rmtree(folder, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two paths change names in one step; tell whether the system could."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def _own_folder(target: Path, stack: ExitStack) -> Path:
    """Make a folder that is held until the stack is left."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        with suppress(FileNotFoundError):  # another run took it, not held yet, for one that a killed run left
            stack.enter_context(_held(folder))
            return folder


@contextmanager
def _held(folder: Path, alone: bool = False) -> Iterator[None]:
    """Hold a folder, with others or alone; the system lets go of it however the process ends.

    Raises :class:`OSError` if it can't be had alone right now, or is gone when it is had.
    """
    if fcntl is None:
        if alone:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        if not os.path.samestat(os.fstat(handle), os.stat(folder)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
        yield
    finally:
        os.close(handle)
