"""The label of everything that a diagnosis names, filled in for one deal in one language."""

from __future__ import annotations

from ..engine.bounds import Bound
from ..facts.deal import Deal
from ..facts.texts import Language, Text
from ..facts.values import FactValue
from ..facts.vocabulary import Fact
from ..rules.base import RuleBase
from ..rules.language import FactPath, Rule
from .words import aside, headed, joined, say, show_value

_STATES = {"met": "state.met", "open": "state.unknown", "unmet": "state.unmet"}


def item_name(name: str, about: str) -> str:
    """Return a finding, action or fact with the item that it is about: ``resolve_veto@wang``."""
    return f"{name}@{about}" if about else name


class Names:
    """Gives the words for ids, values and texts of one deal."""

    def __init__(self, base: RuleBase, deal: Deal, language: Language) -> None:
        self.base = base
        self.deal = deal
        self.language = language

    def fill(self, text: Text, about: str = "", collection: str = "") -> str:
        """Return a text of a catalogue with the item's and the account's name in it."""
        account = self.deal.get("account.name") or say("head.customer", self.language)
        name = self.item(collection, about) if about else "…"
        return text.read(self.language, name=name, account=account)

    def item(self, collection: str, item_id: str) -> str:
        """Return the name by which people know an item: the first of its facts if that is known, or its id.

        Where that is only of which kind it is, the person whom it comes from belongs to the name.
        """
        name, item = self._known_by(collection, item_id), self.deal.item(collection, item_id)
        if not name or item is None:
            return item_id
        source = next((fact for fact in self.base.vocabulary.collections[collection].sources if fact.id in item.facts), None)
        if source is None:
            return name
        source_id = str(item.facts[source.id].value)
        return name + aside(self._known_by(source.to, source_id) or source_id, self.language)

    def _known_by(self, collection: str, item_id: str) -> str:
        """Return the value of the fact that names an item; empty if there is none."""
        item = self.deal.item(collection, item_id)
        if item is None:
            return ""
        naming = self.base.vocabulary.collections[collection].naming
        observation = item.facts.get(naming.id)
        if observation is None or naming.type not in ("text", "enum"):
            return ""
        return show_value(naming, observation.value, self.language)

    def read(self, text: Text) -> str:
        """Return a text that has nothing to fill in."""
        return text.read(self.language)

    def step(self, step_id: str) -> str:
        """Return the label of a step."""
        return self.read(self.base.step(step_id).label)

    def criterion(self, criterion_id: str) -> str:
        """Return the label of a criterion."""
        step = self.base.step(criterion_id.partition(".")[0])
        return next(self.read(criterion.label) for criterion in step.criteria if criterion.id == criterion_id)

    def finding(self, finding_id: str, about: str = "") -> str:
        """Return the label of a finding about an item."""
        finding = self.base.findings[finding_id]
        return self.fill(finding.label, about, finding.about)

    def finding_meaning(self, finding_id: str, about: str = "") -> str:
        """Return what a finding about an item means and what follows."""
        finding = self.base.findings[finding_id]
        return self.fill(finding.meaning, about, finding.about)

    def action(self, action_id: str, about: str = "") -> str:
        """Return the label of an action with an item."""
        action = self.base.actions[action_id]
        return self.fill(action.label, about, action.about)

    def fact(self, path: FactPath | str, about: str = "") -> str:
        """Return the label of a fact, with the item it belongs to."""
        fact, collection = self.find_fact(path)
        if isinstance(path, FactPath) and path.through:
            label = say("fact.entry", self.language) if fact is None else self.read(fact.label)
            return headed(self._reference(path), self.language) + label
        if fact is None:
            return self.read(self.base.vocabulary.collections[str(path)].label)
        label = self.read(fact.label)
        named = about and collection and fact is not self.base.vocabulary.collections[collection].naming
        return headed(self.item(collection, about), self.language) + label if named else label

    def _reference(self, path: FactPath) -> str:
        """Return the label of the reference through which a fact is read."""
        facts = (fact for collection in self.base.vocabulary.collections.values() for fact in collection.facts.values())
        return next(self.read(fact.label) for fact in facts if (fact.id, fact.to) == (path.through, path.collection))

    def value(self, path: FactPath, value: FactValue | None) -> str:
        """Return what is known of a fact; of what a reference points at, whether it is on file at all."""
        if path.through and path.fact == "id":
            return say("fact.entry.none" if value is None else "fact.entry.there", self.language)
        fact, _ = self.find_fact(path)
        return say("why.unknown", self.language) if value is None else show_value(fact, value, self.language)

    def stated(self, path: FactPath, about: str, value: FactValue | None) -> str:
        """Return a fact with its value, as a statement."""
        return f"{self.fact(path, about)} = {self.value(path, value)}"

    def test(self, path: FactPath, written: str) -> str:
        """Return a test as people say it: values by their labels, parameters by their values with the names behind."""
        operator, _, operand = written.partition(": ")
        fact, _ = self.find_fact(path)
        operands = operand.strip("[]").split(", ")
        values = joined([self._operand(fact, value) for value in operands], self.language)
        parameters = [value for value in operands if value.startswith("$")]
        return say("list.sentences", self.language).join([say(f"test.{operator}", self.language, values=values), *parameters])

    def _operand(self, fact: Fact | None, value: str) -> str:
        if value.startswith("$"):
            return str(self.base.parameters[value[1:]].value)
        if value in ("true", "false"):
            return say("yes" if value == "true" else "no", self.language)
        return value if fact is None else self.read(fact.label_of(value))

    def find_fact(self, path: FactPath | str) -> tuple[Fact | None, str]:
        """Return a fact and its collection by path, or by id as questions name it."""
        vocabulary = self.base.vocabulary
        if isinstance(path, FactPath):
            return vocabulary.find(path.fact, path.collection), path.collection
        collection, _, name = path.partition(".")
        if collection in vocabulary.collections:
            return vocabulary.find(name, collection), collection
        return vocabulary.find(path), ""

    def conclusion(self, name: str, about: str = "") -> str:
        """Return the words for a conclusion: those of its catalogue entry, or the label of a rule that concludes it."""
        verb, _, target = name.partition(".")
        match verb:
            case "find" if target in self.base.findings:
                return self.finding(target, about)
            case "do" if target in self.base.actions:
                return self.action(target, about)
            case "given":
                return self.conclusion(target, about)
            case "met" | "open" | "unmet":
                return self.criterion(target) + aside(say(_STATES[verb], self.language), self.language)
            case "step" | "reached" | "done" | "started":
                return say(f"conclusion.{verb}", self.language, step=self.step(target))
        makers = self.base.program.concluding(name)
        closest = min(makers, key=lambda rule: len(rule.concludes), default=None)  # what concludes more than it says more
        label = name if closest is None else self.read(closest.label)
        scope = self.base.program.scopes.get(name, "")
        return label + aside(self.item(scope, about), self.language) if about and scope else label

    def rule(self, rule: Rule, about: str = "") -> str:
        """Return the label of a rule, or, of one made from a criterion or a catalogue, the words for what it concludes."""
        return self.read(rule.label) or self.conclusion(rule.concludes[0], about)

    def bound(self, bound: Bound) -> str:
        """Return what a bound of readiness says."""
        return say(f"why.bound.{bound.name.partition('.')[2]}", self.language, percent=bound.percent,
                   count=len(bound.counted), of=bound.of)

    def known(self, path: FactPath, scope: str, about: str) -> FactValue | None:
        """Return what is on file about a fact of the deal, of an item, or of the item that a reference points at."""
        if path.owner == "deal":
            return self.deal.get(path.fact)
        item = self.deal.item(scope, about)
        if item is not None and path.through:
            target = item.facts.get(path.through)
            item = None if target is None else self.deal.item(path.collection, str(target.value))
        observation = None if item is None else item.facts.get(path.fact)
        return None if observation is None else observation.value

    def anything(self, some_id: str) -> str:
        """Return the label of a criterion, finding or action by its bare id, with its item: ``resolve_veto@wang``."""
        named, _, about = some_id.partition("@")
        if named in self.base.findings:
            return self.finding(named, about)
        if named in self.base.actions:
            return self.action(named, about)
        labels = {criterion.id: criterion.label for step in self.base.steps for criterion in step.criteria}
        return self.read(labels[named]) if named in labels else some_id

    def values(self, fact_id: str, collection: str, values: tuple[str, ...]) -> str:
        """Return several values of a fact as one list."""
        fact = self.base.vocabulary.find(fact_id, collection)
        return joined([show_value(fact, value, self.language) for value in values], self.language)
