"""Reads the ``when`` of a rule, checking every fact, operator, value and name against the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import replace

from ..facts.nodes import Mapping, Node, Scalar, Sequence
from ..facts.problems import Place, Problems, listing, suggestion, suggestion_or_all
from ..facts.reader import describe
from ..facts.values import BadValue, in_order, parse_member, parse_value
from ..facts.vocabulary import Fact, Vocabulary
from .language import ALWAYS, Absent, Condition, FactPath, FactTest, Holds, Quantifier, Span, all_of, any_of

QUANTIFIERS = ("some", "none", "every", "count")
CONNECTIVES = ("all", "any", *QUANTIFIERS, "holds", "absent")

_ABOUT_KNOWLEDGE = ("known", "unknown", "stale", "inferred")
_COMPARISONS = ("at_least", "at_most", "above", "below", "between")
_NUMBERS = ("is", "is_not", *_COMPARISONS)
_NUMERIC = ("int", "decimal", "money")
_AGES = ("within_days", "older_than_days", "due_within_days", "future")
_MEMBERS = ("has", "has_any", "has_all", "lacks", "size_at_least", "size_at_most")
OPERATORS: dict[str, tuple[str, ...]] = {
    "bool": ("is", "is_not"),
    "enum": ("is", "is_not", "one_of"),
    "ordinal": ("is", "is_not", "one_of", *_COMPARISONS),
    "int": _NUMBERS,
    "decimal": _NUMBERS,
    "money": _NUMBERS,
    "date": _AGES,
    "text": ("is", "is_not", "one_of"),
    "set": _MEMBERS,
    "list": ("size_at_least", "size_at_most"),
    "ref": (),
    "refs": ("size_at_least", "size_at_most"),
}
_ALL_OPERATORS = tuple(dict.fromkeys(name for names in OPERATORS.values() for name in names)) + _ABOUT_KNOWLEDGE


class ConditionReader:
    """Reads conditions; conclusions keep an open scope (``?``) until every rule of the base is known."""

    def __init__(self, vocabulary: Vocabulary, parameters: AnyMapping[str, object], problems: Problems) -> None:
        self.vocabulary = vocabulary
        self.parameters = parameters
        self.problems = problems
        self.used_parameters: set[str] = set()

    def read(self, node: Node, scope: str, field: str) -> Condition:
        """Return the condition that ``node`` spells; ``scope`` is the collection of the item at hand, or empty."""
        if not isinstance(node, Mapping) or not node.entries:
            self.problems.add(node.place, field, "expected-condition", found=describe(node))
            return ALWAYS
        return all_of(*(self._entry(key, value, scope, f"{field}.{key.text}") for key, value in node.entries))

    def _entry(self, key: Scalar, value: Node, scope: str, field: str) -> Condition:
        name = key.text
        if name in ("all", "any"):
            return self._parts(name, value, scope, field)
        if name in QUANTIFIERS:
            return self._quantifier(key, value, field)
        if name in ("holds", "absent"):
            return self._conclusions(name, value, scope, field)
        path, fact = self._path(key, scope, field)
        return ALWAYS if path is None or fact is None else self._tests(path, fact, value, field, key.place)

    def _parts(self, name: str, node: Node, scope: str, field: str) -> Condition:
        if not isinstance(node, Sequence) or not node.items:
            self.problems.add(node.place, field, "expected-conditions", found=describe(node))
            return ALWAYS
        parts = [self.read(child, scope, f"{field}[{number}]") for number, child in enumerate(node.items)]
        return all_of(*parts) if name == "all" else any_of(*parts)

    def _conclusions(self, name: str, node: Node, scope: str, field: str) -> Condition:
        parts: list[Condition] = []
        for child in _children(node) or (node,):
            if not isinstance(child, Scalar) or not child.text:
                self.problems.add(child.place, field, "expected-names", found=describe(child))
            elif name == "holds":
                parts.append(Holds(child.text, f"?{scope}", child.place))
            else:
                parts.append(Absent(child.text, f"?{scope}", child.place))
        return all_of(*parts)

    def _quantifier(self, head: Scalar, node: Node, field: str) -> Condition:
        name = head.text
        if not isinstance(node, Mapping):
            self.problems.add(node.place, field, "expected-mapping", found=describe(node))
            return ALWAYS
        known = ["of", "where", *{"every": ["have"], "count": list(_COMPARISONS)}.get(name, [])]
        for key, _ in node.entries:
            if key.text not in known:
                self.problems.add(key.place, f"{field}.{key.text}", "unknown-key", found=key.text,
                                  hint=suggestion_or_all(key.text, known))
        of = node.get("of")
        if of is None:
            self.problems.add(node.place, f"{field}.of", "missing")
            return ALWAYS
        if not isinstance(of, Scalar) or of.text not in self.vocabulary.collections:
            found = Scalar(of.text if isinstance(of, Scalar) else "", of.place)
            self._unknown(found, f"{field}.of", "collection-unknown", list(self.vocabulary.collections))
            return ALWAYS
        where, have = node.get("where"), node.get("have")
        if name == "every" and have is None:
            self.problems.add(node.place, f"{field}.have", "missing")
            return ALWAYS
        span = self._count_span(node, field) if name == "count" else Span()
        return Quantifier(
            name,  # type: ignore[arg-type]
            of.text,
            ALWAYS if where is None else self.read(where, of.text, f"{field}.where"),
            None if have is None else self.read(have, of.text, f"{field}.have"),
            span,
            "; ".join(f"{key.text}: {_spell(value)}" for key, value in node.entries if key.text in _COMPARISONS),
            head.place,
        )

    def _count_span(self, node: Mapping, field: str) -> Span:
        bounds = [(key.text, value) for key, value in node.entries if key.text in _COMPARISONS]
        spans = [self._span(operator, value, _COUNT, f"{field}.{operator}") for operator, value in bounds]
        if len(spans) != 1:
            self.problems.add(node.place, field, "count-needs-one-bound", choices=listing(_COMPARISONS))
            return Span()
        return spans[0] or Span()

    def _path(self, key: Scalar, scope: str, field: str) -> tuple[FactPath | None, Fact | None]:
        name = key.text
        facts = self.vocabulary.facts
        own = self.vocabulary.collections[scope].facts if scope else {}
        if name in own:
            return FactPath("item", name, scope), own[name]
        if name in facts:
            return FactPath("deal", name), facts[name]
        first, _, rest = name.partition(".")
        if first in own and own[first].type == "ref" and rest:
            target = self.vocabulary.collections[own[first].to]
            if rest == "id":
                return FactPath("ref", "id", target.id, first), own[first]
            if rest in target.facts:
                return FactPath("ref", rest, target.id, first), target.facts[rest]
            self._unknown(Scalar(rest, key.place), field, "fact-unknown", ["id", *target.facts])
            return None, None
        self._unknown(key, field, "fact-unknown", [*own, *facts, *CONNECTIVES])
        return None, None

    def _unknown(self, key: Scalar, field: str, code: str, known: list[str]) -> None:
        self.problems.add(
            key.place, field, code, found=key.text,
            hint=suggestion(key.text, known), choices=listing(known),
        )

    def _tests(self, path: FactPath, fact: Fact, node: Node, field: str, place: Place) -> Condition:
        if isinstance(node, Scalar):
            return _placed(self._test(path, fact, "is", node, field), place)
        if not isinstance(node, Mapping) or not node.entries:
            self.problems.add(node.place, field, "expected-test", found=describe(node))
            return ALWAYS
        return all_of(*(
            _placed(self._test(path, fact, key.text, value, f"{field}.{key.text}", key), key.place)
            for key, value in node.entries
        ))

    def _test(
        self, path: FactPath, fact: Fact, operator: str, node: Node, field: str, key: Scalar | None = None
    ) -> Condition:
        allowed = (*OPERATORS[fact.type], *_ABOUT_KNOWLEDGE) if path.fact != "id" else ("known", "unknown")
        if operator not in allowed:
            code = "operator-unfit" if operator in _ALL_OPERATORS else "operator-unknown"
            self.problems.add(
                (key or node).place, field, code, found=operator, type=fact.type, fact=str(path),
                hint=suggestion(operator, allowed), choices=listing(allowed, 20),
            )
            return ALWAYS
        written = f"{operator}: {_spell(node)}"
        if operator in _ABOUT_KNOWLEDGE:
            return self._about_knowledge(path, operator, node, field, written)
        if fact.type == "date":
            return FactTest(path, "age", self._age_span(operator, node, field), written)
        if operator.startswith("size_"):
            span = self._span(operator.removeprefix("size_"), node, _COUNT, field)
            return FactTest(path, "size", span, written) if span is not None else ALWAYS
        if operator in ("has", "has_any", "has_all", "lacks"):
            members = self._members(fact, node, field)
            kind = {"has": "has_all", "has_any": "has_any", "has_all": "has_all", "lacks": "lacks"}[operator]
            return FactTest(path, kind, members, written)  # type: ignore[arg-type]
        if operator in _COMPARISONS:
            span = self._span(operator, node, fact, field)
            if span is None:
                return ALWAYS
            if fact.type == "ordinal":
                return FactTest(path, "in", tuple(value for value, rank in fact.order.items() if span.holds(rank)), written)
            return FactTest(path, "range", span, written)
        if not _children(node):
            self.problems.add(node.place, field, "expected-one-value", found=describe(node))
        values = tuple(self._value(fact, child, field) for child in _children(node))
        return FactTest(path, "not_in" if operator == "is_not" else "in", values, written)

    def _about_knowledge(self, path: FactPath, operator: str, node: Node, field: str, written: str) -> Condition:
        if not isinstance(node, Scalar) or node.text != "true":
            self.problems.add(node.place, field, "only-true", operator=operator, found=describe(node))
        return FactTest(path, operator, (), written)  # type: ignore[arg-type]

    def _members(self, fact: Fact, node: Node, field: str) -> tuple[str, ...]:
        members = []
        if not _children(node):
            self.problems.add(node.place, field, "expected-one-value", found=describe(node))
        for child in _children(node):
            if not isinstance(child, Scalar):
                self.problems.add(child.place, field, "expected-one-value", found=describe(child))
                continue
            try:
                members.append(parse_member(fact, child.text))
            except BadValue as bad:
                self.problems.add(child.place, field, bad.code, **bad.words)
        return in_order(fact, members)

    def _value(self, fact: Fact, node: Node, field: str) -> object:
        if isinstance(node, Scalar) and node.text.startswith("$") and fact.type in _NUMERIC:
            return self._parameter(fact, node, field)
        if not isinstance(node, Scalar):
            self.problems.add(node.place, field, "expected-one-value", found=describe(node))
            return None
        try:
            return parse_value(fact, node.text)
        except BadValue as bad:
            self.problems.add(node.place, field, bad.code, **bad.words)
            return None

    def _parameter(self, fact: Fact, node: Scalar, field: str) -> object:
        name = node.text.removeprefix("$")
        if name not in self.parameters:
            self._unknown(Scalar(name, node.place), field, "parameter-unknown", list(self.parameters))
            return None
        self.used_parameters.add(name)
        value = self.parameters[name]
        if fact.type == "int" and not isinstance(value, int):
            self.problems.add(node.place, field, "not-a-whole-number", found=f"{node.text} = {value}")
            return None
        return value

    def _span(self, operator: str, node: Node, fact: Fact, field: str) -> Span | None:
        """Return the range that a comparison spells; that of an ordinal is over ranks."""
        nodes = _children(node)
        if len(nodes) != (2 if operator == "between" else 1):
            self.problems.add(node.place, field, "two-bounds" if operator == "between" else "expected-one-value",
                              found=describe(node))
            return None
        bounds = [self._value(fact, child, field) for child in nodes]
        if any(bound is None for bound in bounds):
            return None
        if fact.type == "ordinal":
            bounds = [fact.order[str(bound)] for bound in bounds]
        first = bounds[0]
        match operator:
            case "at_least":
                return Span(low=first)
            case "above":
                return Span(low=first, low_open=True)
            case "at_most":
                return Span(high=first)
            case "below":
                return Span(high=first, high_open=True)
            case _:
                if bounds[1] < first:  # type: ignore[operator]
                    low, high = (_spell(child) for child in nodes)
                    self.problems.add(node.place, field, "bounds-reversed", low=low, high=high)
                return Span(low=first, high=bounds[1])

    def _age_span(self, operator: str, node: Node, field: str) -> Span:
        """Return the range of ages (days from the date to ``as_of``; negative lies ahead)."""
        if operator == "future":
            ahead = isinstance(node, Scalar) and node.text == "true"
            if not isinstance(node, Scalar) or node.text not in ("true", "false"):
                self.problems.add(node.place, field, "not-yes-or-no", found=_spell(node))
            return Span(high=0, high_open=True) if ahead else Span(low=0)
        days = self._value(_COUNT, node, field)
        if not isinstance(days, int):
            return Span()
        match operator:
            case "within_days":
                return Span(low=0, high=days)
            case "older_than_days":
                return Span(low=days, low_open=True)
            case _:
                return Span(low=-days, high=0)


def _placed(condition: Condition, place: Place) -> Condition:
    return replace(condition, place=place) if isinstance(condition, FactTest) else condition


def _children(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else (node,)


def _spell(node: Node) -> str:
    if isinstance(node, Scalar):
        return node.text
    return "[" + ", ".join(_spell(child) for child in _children(node)) + "]" if isinstance(node, Sequence) else "…"


def _count_fact() -> Fact:
    from decimal import Decimal

    from ..facts.texts import Text

    blank = Text("", "")
    return Fact(id="count", type="int", label=blank, about=blank, question=blank, whom="anyone", influence="none",
                effort="low", minimum=Decimal(0))


_COUNT = _count_fact()
