"""Imports experta on today's Python and leaves the host as it was; nothing else knows how.

experta 1.9.4 pins frozendict 1.2, which asks ``collections`` for a name that moved to
``collections.abc`` (gone since Python 3.10), and it calls ``logging.basicConfig()``, which gives
the root logger a handler. The name is lent for the time of the import, the handler taken back.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
import logging
from types import ModuleType

_LENT = "Mapping"


def import_experta() -> ModuleType:
    """Return the experta package, imported without a trace in ``collections`` or ``logging``."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    lend = not hasattr(collections, _LENT)
    if lend:
        setattr(collections, _LENT, collections.abc.Mapping)
    try:
        experta = importlib.import_module("experta")
        for part in ("activation", "agenda", "engine", "fact", "rule", "strategies", "matchers.rete.nodes"):
            importlib.import_module(f"experta.{part}")
        watchers = logging.getLogger("experta.watchers")
        if watchers.level == logging.NOTSET:  # else a host that logs everything logs every join
            watchers.setLevel(logging.WARNING)
    finally:
        if lend:
            delattr(collections, _LENT)
        root.handlers[:] = handlers
    return experta
