"""A diagnosis as plain data for JSON and YAML: ids without language, texts in the reader's language beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ..engine.bounds import Bound
from ..engine.diagnosis import CriterionState, Diagnosis, GivenAction, Interval, Known, Question, Reason, StakeholderView
from ..engine.proof import ConclusionUsed, FactUsed, ItemsCounted, Proof, Support
from ..engine.whynot import Miss, Part
from ..facts.values import FactValue
from ..rules.base import RuleBase
from ..rules.language import Holds
from ..rules.spelling import spell_in_line
from .contradictions import all_contradictions
from .names import Names, item_name
from .origins import basis_of

Data = dict[str, Any]


def diagnosis_document(diagnosis: Diagnosis, names: Names) -> Data:
    """Return a diagnosis as JSON-able data; its shape is that of :func:`~.schema.diagnosis_schema`."""
    return {
        "deal": {"name": names.deal.get("deal.name"), "account": names.deal.get("account.name"), "file": names.deal.file},
        "as_of": diagnosis.as_of.isoformat(),
        "step": {
            "proven": diagnosis.step.proven,
            "claimed": diagnosis.step.claimed,
            "between": [_criterion(criterion, names) for criterion in diagnosis.step.between],
        },
        "steps": [
            {
                "id": step.id, "label": names.step(step.id), "status": step.status, "readiness": _interval(step.readiness),
                "blocked_by": list(step.blocked_by),
                "criteria": [_criterion(criterion, names) for criterion in step.criteria],
            }
            for step in diagnosis.steps
        ],
        "readiness": _interval(diagnosis.readiness),
        "findings": [
            {
                "id": finding.id, "kind": finding.kind, "severity": finding.severity, "about": finding.about,
                "label": names.finding(finding.id, finding.about),
                "meaning": names.finding_meaning(finding.id, finding.about),
                "because": [_reason(reason) for reason in finding.because],
            }
            for finding in diagnosis.findings
        ],
        "contradictions": [
            {"fact": found.fact, "line": found.place.line, "column": found.place.column, "text": found.label,
             "finding": found.finding}
            for found in all_contradictions(diagnosis, names)
        ],
        "actions": [_action(action, names) for action in diagnosis.actions],
        "withheld": [
            {"id": held.id, "with": held.with_, "label": names.action(held.id, held.with_), "withheld_by": held.withheld_by,
             "tension": held.tension, "tension_basis": basis_of(held.tension, names),
             "because": [_reason(reason) for reason in held.because]}
            for held in diagnosis.withheld
        ],
        "questions": [
            {"fact": question.fact, "about": question.about, "text": question_text(question.fact, question.about, names),
             "points": question.points, "why": list(question.why), "last_value": plain(question.last_value)}
            for question in diagnosis.questions
        ],
        "signals": [
            {"id": signal.id, "kind": signal.kind, "by": signal.by, "days_ago": signal.days_ago, "counts": signal.counts}
            for signal in diagnosis.signals
        ],
        "closing": {
            "push": diagnosis.closing.push, "signal_seen": diagnosis.closing.signal_seen,
            "in_the_way": list(diagnosis.closing.in_the_way),
        },
        "stakeholders": [_stakeholder(person, names) for person in diagnosis.stakeholders],
        "overrides": [
            {"id": view.id, "about": view.about, "says": view.says, "rules_say": view.rules_say, "author": view.author,
             "date": plain(view.date), "reason": view.reason, "until": plain(view.until), "active": view.active}
            for view in diagnosis.overrides
        ],
        "account_classes": list(diagnosis.classes),
        "trace": [
            {"rule": traced.rule, "about": traced.about, "concludes": list(traced.concludes), **_support(traced.support)}
            for traced in diagnosis.trace
        ],
        "rule_base": rule_base_document(names.base),
    }


def rule_base_document(base: RuleBase) -> Data:
    """Return which rules spoke: every answer names them."""
    return {"version": base.version, "hash": base.hash}


def why_document(proofs: Iterable[Sequence[Proof]], bound: Bound | None, names: Names) -> Data:
    """Return why something holds, or what a bound of readiness counts, as JSON-able data."""
    counted = {} if bound is None else {
        "bound": bound.name, "label": names.bound(bound), "percent": bound.percent,
        "counted": len(bound.counted), "of": bound.of,
    }
    return {"rule_base": rule_base_document(names.base), **counted,
            "proofs": [_proof(proof, names) for alternatives in proofs for proof in alternatives]}


def _proof(proof: Proof, names: Names) -> Data:
    """Return a proof as data, premises nested inside."""
    return {
        "conclusion": proof.conclusion,
        "about": proof.about,
        "label": names.conclusion(proof.conclusion, proof.about),
        "rule": proof.rule.id,
        "sources": list(proof.rule.because),
        **_support(proof.support),
        "judged": None if proof.judged is None else part_document(proof.judged, set()),
        "premises": [_proof(premise, names) for premise in proof.premises],
    }


def miss_document(miss: Miss, shown: set[tuple[str, str]]) -> Data:
    """Return a rule that did not fire as JSON-able data; see :func:`part_document`."""
    return {"rule": miss.rule.id, "about": miss.about, "distance": miss.distance, "when": part_document(miss.part, shown),
            "sources": list(miss.rule.because)}


def part_document(part: Part, shown: set[tuple[str, str]]) -> Data:
    """Return a part of a condition as JSON-able data; ``shown`` are the conclusions whose rules were told already."""
    unknown = [{"fact": ".".join(filter(None, (entry.collection, entry.fact))), "about": entry.about} for entry in part.unknown]
    rules: tuple[Miss, ...] = ()
    if isinstance(part.condition, Holds) and (part.condition.name, part.about) not in shown:
        shown.add((part.condition.name, part.about))
        rules = part.rules
    return {"condition": spell_in_line(part.condition), "about": part.about, "state": part.state, "waiting_for": unknown,
            "parts": [part_document(inner, shown) for inner in part.parts],
            "items": [part_document(item, shown) for item in part.items],
            "rules": [miss_document(miss, shown) for miss in rules], "fired": [rule.id for rule in part.fired]}


def plain(value: FactValue | None) -> Any:
    """Return a value as JSON has it: dates as text, whole decimals as integers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def question_text(fact_id: str, about: str, names: Names) -> str:
    """Return the question that learns a fact, in the reader's language."""
    from .words import headed, say

    fact, collection = names.find_fact(fact_id)
    if fact is None:
        question = names.base.vocabulary.collections[collection].question
        return names.read(question) or say("question.collection", names.language, label=names.fact(fact_id))
    text = names.fill(fact.question, about, collection)
    named = not about or "{name}" in names.read(fact.question)
    return text if named else headed(names.item(collection, about), names.language) + text


def question_reasons(question: Question, names: Names) -> list[str]:
    """Return what the answer to a question can settle, each once, the weightiest first, with the name of whom it is about."""
    base = names.base
    labels: dict[str, None] = {}
    for why in question.why:
        entry = base.findings.get(why) or base.actions.get(why)
        about = question.about if entry is not None and question.fact.startswith(f"{entry.about}.") else ""
        labels[names.anything(item_name(why, about))] = None
    return list(labels)


def _interval(interval: Interval) -> Data:
    return {"low": interval.low, "high": interval.high}


def _criterion(criterion: CriterionState, names: Names) -> Data:
    return {
        "id": criterion.id, "label": names.criterion(criterion.id), "state": criterion.state,
        "waiting_for": [
            {"fact": ".".join(part for part in (unknown.collection, unknown.fact) if part), "about": unknown.about}
            for unknown in criterion.unknown
        ],
    }


def _reason(reason: Reason) -> Data:
    return {"rule": reason.rule, "about": reason.about, "sources": list(reason.sources), **_support(reason.support)}


def _support(support: Iterable[Support]) -> Data:
    facts: list[Data] = []
    conclusions: list[str] = []
    absent: list[str] = []
    counted: list[Data] = []
    for part in support:
        match part:
            case FactUsed():
                facts.append(_fact_used(part))
            case ConclusionUsed(name, about, holds):
                (conclusions if holds else absent).append(f"{name}@{about}" if about else name)
            case ItemsCounted(quantifier, items, listed, inner):
                inside = _support(inner)
                facts += [fact for fact in inside["facts"] if fact not in facts]
                conclusions += [name for name in inside["conclusions"] if name not in conclusions]
                absent += [name for name in inside["absent"] if name not in absent]
                counted.append({"quantifier": quantifier.name, "of": quantifier.of, "items": list(items), "listed": listed})
    return {"facts": facts, "conclusions": conclusions, "absent": absent, "counted": counted}


def _fact_used(used: FactUsed) -> Data:
    collection = "" if used.path.owner == "ref" else used.path.collection
    name = ".".join(part for part in (collection, str(used.path)) if part)
    return {"fact": name, "about": used.about, "value": plain(used.value), "test": used.written,
            "inferred": used.inferred, "stale": used.stale}


def _action(action: GivenAction, names: Names) -> Data:
    entry = names.base.actions[action.id]

    def read(name: str) -> str | None:
        text = getattr(entry, name)
        return None if text is None else names.fill(text, action.with_, entry.about)

    return {
        "id": action.id, "rank": action.rank, "with": action.with_, "label": read("label"), "kind": entry.kind,
        "who": entry.who, "effort": entry.effort, "due": action.due.isoformat(), "how": read("how"), "words": read("words"),
        "why": read("why"), "done_when": read("done_when"), "because": [_reason(reason) for reason in action.because],
    }


def _known(known: Known) -> Data:
    return {"value": plain(known.value), "inferred": known.inferred, "stale": known.stale}


def _stakeholder(person: StakeholderView, names: Names) -> Data:
    return {
        "id": person.id, "name": person.name, "title": person.title, "layer": _known(person.layer),
        "attitude": _known(person.attitude), "rung": _known(person.rung), "roles": list(person.roles),
        "concerns": list(person.concerns), "concerns_assumed": person.concerns_assumed,
        "say": [
            {"id": talk, **{part: names.fill(getattr(names.base.talks[talk], part), person.id, "stakeholders")
                            for part in ("opening", "proof", "question", "objection", "answer", "commitment")}}
            for talk in person.talks
        ],
        "next_move": person.next_move, "marks": list(person.marks),
        "marks_assumed": list(person.marks_assumed),
    }
