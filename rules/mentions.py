"""What facts name and only the rules define: the steps to ask in, sources, and the life of what is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..facts.problems import Problems, listing
from ..facts.vocabulary import Vocabulary
from .catalogue import Parameter


def check_mentions(
    vocabulary: Vocabulary, steps: Sequence[str], sources: Iterable[str], parameters: Mapping[str, Parameter],
    problems: Problems,
) -> None:
    """Note each source, parameter in days and step, told by a fact, that is none, and what makes no sense of them."""
    known = dict.fromkeys(sources)
    lives = [name for name, parameter in parameters.items() if parameter.unit in ("days", "")]
    for mention in vocabulary.mentions:
        if mention.kind == "source" and mention.name not in known:
            problems.unknown(mention.place, mention.field, "source-unknown", mention.name, known)
        elif mention.kind == "parameter" and mention.name not in lives:
            problems.unknown(mention.place, mention.field, "not-a-choice", mention.name, lives)
    for name in {mention.name for mention in vocabulary.mentions if mention.kind == "parameter"}.intersection(lives):
        if not isinstance(value := parameters[name].value, int):
            problems.add(parameters[name].place, f"{name}.value", "not-a-whole-number", found=value)
    _check_seasons(vocabulary, steps, problems)


def _check_seasons(vocabulary: Vocabulary, steps: Sequence[str], problems: Problems) -> None:
    """Note every step, told by a fact as one to ask it in, that is none, and the seasons that end before they begin."""
    seasons = [fact.asked for fact in vocabulary.all_facts()]
    seasons += [collection.asked for collection in vocabulary.collections.values()]
    for place, season in {season.place: season for season in seasons}.items():
        named = {side: step for side, step in (("from", season.first), ("until", season.last)) if step}
        strange = {side: step for side, step in named.items() if step not in steps}
        for side, step in strange.items():
            problems.unknown(place, f"asked.{side}", "step-unknown", step, steps)
        ranks = [] if strange else [steps.index(step) for step in named.values()]
        if ranks != sorted(ranks):
            problems.add(place, "asked", "asked-reversed", found=season.first, until=season.last, choices=listing(steps))
