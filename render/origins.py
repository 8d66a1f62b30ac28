"""Where advice comes from: the rules and sources in brackets after it, labelled unless they are items of the article."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.diagnosis import Reason
from .names import Names
from .words import aside, joined, say

_FEW_RULES, _FEW_ARTICLE = 2, 4


def reasons_text(reasons: Sequence[Reason], names: Names) -> str:
    """Return rules and sources of a conclusion: the first items of the article, and whatever is not the article's own."""
    sources = list(dict.fromkeys(source for reason in reasons for source in reason.sources))
    article = [name for name in sources if not _origin(name, names)]
    named = [source_text(name, names) for name in sources if name not in article[_FEW_ARTICLE:]]
    return "[" + joined([reason.rule for reason in reasons[:_FEW_RULES]] + named, names.language) + "]"


def source_text(source_id: str, names: Names) -> str:
    """Return the id of a source, with a label unless it is an item of the article."""
    origin = _origin(source_id, names)
    return source_id + (aside(say(f"source.{origin}", names.language), names.language) if origin else "")


def basis_of(tension_id: str, names: Names) -> str:
    """Return whether the article itself gives the order of a tension or our reading does; empty where none was in play."""
    tension = names.base.tensions.get(tension_id)
    return "" if tension is None else tension.basis


def _origin(source_id: str, names: Names) -> str:
    """Return where a source comes from, empty if it is an item of the article."""
    source = names.base.sources.get(source_id)
    if source is None:
        return basis_of(source_id, names)
    return "" if source.kind == "article" else source.kind
