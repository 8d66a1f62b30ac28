"""experta's Rete network, agenda and facts, wired for rules that are already in normal form.

experta turns each rule into disjunctive normal form and looks its patterns up in caches that
never shrink; with hundreds of rules that costs more than running them, and the order of its rule
set changes from process to process. The rules here are plain conjunctions, so this module wires
them straight into experta's own nodes, in a fixed order, and keeps the agenda in one that is total.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .experta_import import import_experta

_experta = import_experta()
_nodes: Any = _experta.matchers.rete.nodes
_Rule: Any = _experta.rule.Rule
_Fact: Any = _experta.fact.Fact
_ChildNode: Any = _nodes.mixins.ChildNode
_AnyChild: Any = _nodes.mixins.AnyChild
_NoMemory: Any = _nodes.mixins.NoMemory
_OneInputNode: Any = _nodes.OneInputNode
_ConflictSetNode: Any = _nodes.ConflictSetNode
_ReteMatcher: Any = _experta.matchers.rete.ReteMatcher
_DepthStrategy: Any = _experta.strategies.DepthStrategy
_KnowledgeEngine: Any = _experta.engine.KnowledgeEngine

AlphaTest = Callable[[Any], Any]


class Subject(_Fact):  # type: ignore[misc]
    """The wide fact: the deal, or one item, with a field for everything known of it."""


class Conclusion(_Fact):  # type: ignore[misc]
    """A conclusion about the deal (``about`` empty) or about an item."""


@dataclass(frozen=True)
class Pattern:
    """One pattern of a rule: a subject or a conclusion.

    Without a ``name`` it is a subject of ``kind`` that passes ``tests`` (key and predicate); with one, the
    conclusion called so, of the item at hand if ``scoped``, and ``negated`` if it must be absent.
    """

    kind: str = ""
    tests: tuple[tuple[Any, AlphaTest], ...] = ()
    name: str = ""
    scoped: bool = False
    negated: bool = False


class CompiledRule(_Rule):  # type: ignore[misc]
    """An experta rule with a salience of its own; it is what it is, not what it is made of."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def make_rule(name: str, salience: int, action: Callable[..., None]) -> Any:
    """Return a rule that calls ``action(engine, about=…)`` when it fires."""
    rule = CompiledRule(salience=salience)
    rule._wrapped = action
    rule._wrapped_args = {"about"}
    rule.__name__ = name
    return rule


class _Tester(_nodes.FeatureTesterNode):  # type: ignore[misc]
    """Tests one fact. Most tests fail, so a token is copied only where something is bound to it."""

    def activate(self, token: Any) -> None:
        (fact,) = token.data
        match = self.matcher(fact)
        if not match:
            return
        if match is not True:
            token = token.copy()
            token.context.update(match)
        for child in self.children:
            child.callback(token)


class _ByName(_AnyChild, _NoMemory, _OneInputNode):  # type: ignore[misc]
    """Passes a conclusion on to the nodes that wait for its name."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Any]] = {}
        super().__init__()

    def _activate(self, token: Any) -> None:
        (fact,) = token.data
        for node in self.waiting.get(fact["name"], ()):
            node.activate(token)


class _ConflictSet(_ConflictSetNode):  # type: ignore[misc]
    """Tells the matcher that it has something to say, so that nobody has to ask all of them."""

    def __init__(self, rule: Any, touched: dict[Any, None]) -> None:
        super().__init__(rule)
        self.touched = touched

    def _activate(self, token: Any) -> None:
        self.touched[self] = None
        super()._activate(token)


class Network(_ReteMatcher):  # type: ignore[misc]
    """The matcher: alpha nodes shared by equal tests, then one join after another."""

    def build_network(self) -> None:
        """Wire every rule of the engine; called by experta when the engine is made."""
        self.stateful: list[Any] = []
        self.touched: dict[Any, None] = {}
        self._alpha: dict[Any, Any] = {}
        self._wired: set[tuple[Any, Any]] = set()
        self._named = _ByName()
        named = self._below(self.root_node, self._tester("conclusion", lambda fact: type(fact) is Conclusion))
        _connect(named, self._named, self._named._activate)
        for rule, patterns in self.engine.wired:
            self._wire(rule, patterns)

    def _tester(self, key: Any, test: AlphaTest) -> Any:
        node = self._alpha.get(key)
        if node is None:
            node = self._alpha[key] = _Tester(test)
        return node

    def _below(self, parent: Any, node: Any) -> Any:
        if (parent, node) not in self._wired:
            self._wired.add((parent, node))
            _connect(parent, node, node.activate)
        return node

    def _terminal(self, pattern: Pattern) -> Any:
        """Return the last alpha node of a pattern."""
        if pattern.name:
            key = ("conclusion", pattern.name, pattern.scoped)
            if key not in self._alpha:
                bind: AlphaTest = (lambda fact: {"about": fact["about"]}) if pattern.scoped else (lambda fact: True)
                self._named.waiting.setdefault(pattern.name, []).append(self._tester(key, bind))
            return self._alpha[key]
        node, path = self._subject(pattern.kind)
        for key, test in pattern.tests:
            path = (*path, key)
            node = self._below(node, self._tester(path, test))
        if not pattern.kind:
            return node
        return self._below(node, self._tester((*path, "about"), lambda fact: {"about": fact["id"]}))

    def _subject(self, kind: str) -> tuple[Any, tuple[Any, ...]]:
        key = ("subject", kind)
        known = key in self._alpha
        node = self._tester(key, lambda fact: type(fact) is Subject and fact["kind"] == kind)
        if not known:
            _connect(self.root_node, node, node.activate)
        return node, key

    def _wire(self, rule: Any, patterns: Iterable[Pattern]) -> None:
        first, *others = patterns
        node = self._terminal(first)
        for pattern in others:
            make = _nodes.NotNode if pattern.negated else _nodes.OrdinaryMatchNode
            join = make(_same_item)
            _connect(node, join, join._activate_left)
            terminal = self._terminal(pattern)
            _connect(terminal, join, join._activate_right)
            self.stateful.append(join)
            node = join
        end = _ConflictSet(rule, self.touched)
        _connect(node, end, end._activate)
        self.stateful.append(end)

    def changes(self, adding: Any = None, deleting: Any = None) -> tuple[list[Any], list[Any]]:
        """Pass new facts through the network; return the activations that came and went."""
        for fact in adding or ():
            self.root_node.add(fact)
        added: list[Any] = []
        removed: list[Any] = []
        for node in self.touched:
            came, went = node.get_activations()
            added.extend(came)
            removed.extend(went)
        self.touched.clear()
        return added, removed

    def reset(self) -> None:
        """Forget every fact."""
        for node in self.stateful:
            node._reset()
            if isinstance(node, _ConflictSet):
                node.get_activations()
        self.touched.clear()


def _connect(parent: Any, child: Any, callback: Callable[[Any], None]) -> None:
    """Make a node a child; experta's own way looks through all children first, which adds up.

    The callbacks are those beneath experta's own, which copy each token first: no node here changes one.
    """
    parent.children.append(_ChildNode(child, callback))


def _same_item(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Two tokens join unless they are about different items."""
    return left.get("about") is None or right.get("about") is None or left["about"] == right["about"]


class TotalOrder(_DepthStrategy):  # type: ignore[misc]
    """Orders the agenda by salience, then by item: no two activations are ever equal."""

    def _update_agenda(self, agenda: Any, added: Iterable[Any], removed: Iterable[Any]) -> None:
        for activation in removed:
            activation.key = self._key(activation)
            if activation in agenda.activations:
                agenda.activations.remove(activation)
        for activation in added:
            activation.key = self._key(activation)
            insort(agenda.activations, activation)

    @staticmethod
    def _key(activation: Any) -> tuple[int, tuple[int, ...]]:
        about: str = activation.context.get("about", "")
        return activation.rule.salience, tuple(-ord(sign) for sign in about)


class Engine(_KnowledgeEngine):  # type: ignore[misc]
    """An experta engine over wired rules; it has no rules as attributes, so a reset looks for none."""

    __matcher__ = Network
    __strategy__ = TotalOrder

    def __init__(self, wired: Iterable[tuple[Any, tuple[Pattern, ...]]]) -> None:
        self.wired = tuple(wired)
        super().__init__()

    def get_rules(self) -> list[Any]:
        """Return the rules in the order of their salience."""
        return [rule for rule, _ in self.wired]

    def get_deffacts(self) -> list[Any]:
        """Return nothing: each run declares the facts of its own deal."""
        return []
