"""What a person asks why about: a step, a rule by its id, or anything that the rules conclude."""

from __future__ import annotations

from ..engine.bounds import BOUNDS, Bound, readiness_bound
from ..engine.proof import Proof, Prover
from ..facts.texts import Language
from ..rules.base import RuleBase
from ..rules.language import Rule
from .lookup import Unclear, find_conclusion
from .words import say

Proofs = tuple[Proof, ...]  # of one conclusion about one item


def step_asked(asked: str, base: RuleBase) -> str:
    """Return the id of the step that goes by this id or label, or nothing."""
    return next((step.id for step in base.steps if asked in (step.id, step.label.en, step.label.zh)), "")


def proofs_asked(asked: str, base: RuleBase, prover: Prover, language: Language) -> tuple[Bound | None, list[Proofs]]:
    """Return the proofs of a conclusion for each item that it holds of, or those of a rule that fired.

    A bound of readiness comes with the proofs of the criteria that it counts.

    Raises :class:`~.lookup.Unclear` with what to say if there are none.
    """
    wanted, _, item = asked.partition("@")
    rule = next((rule for rule in base.program.rules if rule.id == wanted and wanted not in base.program.scopes), None)
    if rule is not None:
        return None, _of_rule(rule, item, prover, language)
    if wanted in {*base.sources, *base.tensions, *base.parameters}:
        raise Unclear(say("why.rulebook", language, name=wanted))
    ((name, abouts),) = find_conclusion(asked, base, prover.outcome, language)
    if name in BOUNDS:
        bound = readiness_bound(name, base.steps, prover.outcome)
        return bound, [prover.prove(counted) for counted in bound.counted]
    return None, [prover.prove(name, about) for about in abouts]


def _of_rule(rule: Rule, item: str, prover: Prover, language: Language) -> list[Proofs]:
    fired = [firing.about for firing in prover.outcome.fired if firing.rule == rule.id and item in ("", firing.about)]
    if not fired:
        raise Unclear(say("why.rule_idle", language, name=rule.id, conclusion=rule.concludes[0]))
    return [
        tuple(proof for proof in prover.prove(name, about) if proof.rule.id == rule.id)
        for about in fired for name in rule.concludes
    ]
