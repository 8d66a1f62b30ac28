"""Where advice comes from: the facts that it rests on, and rules and sources in brackets, labelled unless from the article."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.diagnosis import Reason
from ..engine.proof import ConclusionUsed, FactUsed, flat_support
from .conditions import counted_words
from .names import Names
from .words import aside, joined, say

_FEW_RULES, _FEW_ARTICLE = 2, 4


def reasons_text(reasons: Sequence[Reason], names: Names) -> str:
    """Return rules and sources of a conclusion: the first items of the article, and whatever is not the article's own."""
    sources = list(dict.fromkeys(source for reason in reasons for source in reason.sources))
    article = [name for name in sources if not _origin(name, names)]
    named = [source_text(name, names) for name in sources if name not in article[_FEW_ARTICLE:]]
    return "[" + joined([reason.rule for reason in reasons[:_FEW_RULES]] + named, names.language) + "]"


def rests_on(reasons: Sequence[Reason], names: Names) -> str:
    """Return the facts and conclusions that some rules matched; where there are none, what they found to be absent."""
    words: list[str] = []
    absent: list[str] = []
    for part in (part for reason in reasons for part in flat_support(reason.support)):
        if isinstance(part, FactUsed):
            words.append(names.stated(part.path, part.about, part.value))
        elif isinstance(part, ConclusionUsed):
            label = names.conclusion(part.name, part.about)
            (words if part.holds else absent).append(label if part.holds else say("why.absent", names.language, name=label))
        elif not part.items:
            absent.append(counted_words(part, names))
    return say("list.sentences", names.language).join(dict.fromkeys(words or absent)) or say("why.always", names.language)


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
