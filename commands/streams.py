"""The standard streams: how their failure is told apart from every other, and what they can show."""

from __future__ import annotations

import errno
import sys
from typing import Any, TextIO, cast


class OutputFailed(Exception):
    """A standard stream cannot be written: its reader is gone, or the disk behind it is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.reader_left = error.errno == errno.EPIPE


class _Guarded:
    """A stream that fails with :class:`OutputFailed`: on an OSError click and rich would end the process their own way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text; raises :class:`OutputFailed`."""
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputFailed(error) from None

    def flush(self) -> None:
        """Write what is buffered; raises :class:`OutputFailed`."""
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputFailed(error) from None


def guard_streams() -> None:
    """Guard standard output and error; a sign that their encoding lacks becomes a question mark."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
        setattr(sys, name, cast(TextIO, _Guarded(stream)))


def shows(text: str) -> bool:
    """Tell whether standard output can show every sign of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
