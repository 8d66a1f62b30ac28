"""The output tables of a run, with names and texts for people in one language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ..facts.problems import messages
from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, column_name
from ..facts.texts import Language, Text
from ..facts.vocabulary import Collection, Vocabulary
from ..render.words import aside, headed, say
from ..rules.base import RuleBase
from ..rules.catalogue import DEAL
from .cells import literal
from .changes import CHANGES
from .contradictions import CONTRADICTIONS
from .engines import Engine
from .labels import DETAILS, labels
from .report import Counted, Error, Report

_MOST_SHOWN = 5
_ORDER_OF_ERRORS = '"table", "row", "column", deal_id, "value", reason'


def also_read(vocabulary: Vocabulary, reads: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return the columns of each plain table that rules read, as given, and those that people are shown."""
    found = {table: set(columns) for table, columns in reads.items()}
    found.setdefault(DEALS, set()).update((*DETAILS, "deal_claimed_step"))
    for collection in vocabulary.collections.values():
        found.setdefault(collection.id, set()).update(column_name(fact.id) for fact in (collection.naming, *collection.sources))
    return found


class Results:
    """Makes the tables ``out_…`` of one run, or says how they are made."""

    def __init__(self, base: RuleBase, engine: Engine, language: Language, deals: int) -> None:
        self.base = base
        self.engine = engine
        self.language: Language = language
        self.deals = deals
        self.tables: list[str] = []
        self.notes: list[str] = []
        self._texts()

    def _read(self, text: Text | None) -> str:
        return "" if text is None else text.read(self.language)

    def names(self, outputs: Iterable[str]) -> None:
        """Tell by which name people know each item of the plain tables, which are there by now; ``outputs`` read it."""
        once = set(outputs) <= {DEALS}  # for one table, which names the items of some actions, it need not be laid down
        labelled = {action.about for action in self.base.actions.values() if "{name}" in self._read(action.label)}
        named = labelled if once else self.base.vocabulary.collections.keys()
        parts = [f"SELECT CAST(NULL AS VARCHAR) AS {KEY}, '' AS collection, '' AS about, '' AS about_name WHERE false"]
        parts += [self._named(collection) for collection in self.base.vocabulary.collections.values() if collection.id in named]
        (self.engine.view if once else self.engine.create)("item_names", " UNION ALL ".join(parts))

    def _named(self, collection: Collection) -> str:
        """Return the query of the names of a collection's items, as :class:`~..render.names.Names` gives them."""
        of, name = collection.id, self._known_by(collection, collection.id)
        before, after = map(literal, aside("\0", self.language).split("\0"))
        joins, cases = [], []
        for number, source in enumerate(collection.sources):
            column, alias = f'{of}."{column_name(source.id)}"', f"source_{number}"
            joins.append(f" LEFT JOIN {source.to} AS {alias} ON {alias}.{KEY} = {of}.{KEY} AND {alias}.{ITEM_KEY} = {column}")
            known_by = self._known_by(self.base.vocabulary.collections[source.to], alias)
            cases.append(f" WHEN {column} IS NOT NULL THEN {before} || coalesce({known_by}, {column}) || {after}")
        if cases:
            name = f"{name} || CASE{''.join(cases)} ELSE '' END"
        return (f"SELECT {of}.{KEY}, '{of}' AS collection, {of}.{ITEM_KEY} AS about,"
                f" coalesce({name}, {of}.{ITEM_KEY}) AS about_name FROM {of}{''.join(joins)}")

    def _known_by(self, collection: Collection, table: str) -> str:
        """Return the SQL of the value that names an item of a collection, which is a row of a table; NULL if there is none."""
        fact = collection.naming
        column = f'{table}."{column_name(fact.id)}"'
        labels = "".join(f" WHEN '{value.id}' THEN {literal(self._read(value.label))}" for value in fact.values)
        return f"CASE {column}{labels} END" if fact.type == "enum" and labels else column if fact.type == "text" else "NULL"

    def _texts(self) -> None:
        self.engine.lookup("labels", ("of", "id", "label"), list(labels(self.base, self.language)))
        self.engine.lookup("action_texts", ("action", "label", "how", "done_when", "who", "effort", "done_with"), [
            (entry.id, self._read(entry.label), self._read(entry.how), self._read(entry.done_when),
             entry.who, entry.effort, "" if entry.about == DEAL else entry.about)
            for entry in self.base.actions.values()
        ])
        self.engine.lookup("finding_texts", ("finding", "label"), [
            (entry.id, self._read(entry.label)) for entry in self.base.findings.values()
        ])
        self.engine.lookup("criterion_texts", ("criterion", "label"), [
            (criterion.id, self._read(criterion.label)) for step in self.base.steps for criterion in step.criteria
        ])
        self.engine.lookup("rule_texts", ("rule", "label"), [
            (rule.id, self._read(rule.label) or rule.id) for rule in self.base.program.rules
        ])
        self.engine.lookup("question_texts", ("collection", "fact", "label", "question", "named"), list(self._question_texts()))
        self.engine.lookup("step_texts", ("step", "label"), [(step.id, self._read(step.label)) for step in self.base.steps])
        self.engine.lookup("contradiction_texts", ("code", "target", "reason"), list(self._contradiction_texts()))

    def _question_texts(self) -> Iterator[tuple[str, ...]]:
        for collection in ("", *self.base.vocabulary.collections):
            facts = self.base.vocabulary.facts if not collection else self.base.vocabulary.collections[collection].facts
            for fact in facts.values():
                question = self._read(fact.question)
                yield collection, fact.id, self._read(fact.label), question, str("{name}" in question).lower()
            if collection:
                of = self.base.vocabulary.collections[collection]
                label = self._read(of.label)
                question = self._read(of.question) or say("question.collection", self.language, label=label)
                yield collection, "", label, question, "true"

    def _filled(self, column: str) -> str:
        """Return the SQL that fills the account's and the item's name into a text."""
        customer = literal(say("head.customer", self.language))
        return (f"CASE WHEN contains({column}, '{{') THEN replace(replace({column}, '{{name}}', coalesce(about_name, '')),"
                f" '{{account}}', coalesce(account_name, {customer})) ELSE {column} END")

    def _contradiction_texts(self) -> Iterator[tuple[str, ...]]:
        items = {"": Text("", ""), **{name: of.item_label for name, of in self.base.vocabulary.collections.items()}}
        for code in ("day-ahead", "seen-ahead", "reference-nowhere", "reference-to-itself"):
            for target, item in items.items():
                reason = messages()[code].read(self.language, found="{found}", as_of="{as_of}", item=item, hint="")
                yield code, target, reason

    def output(self, name: str, query: str) -> str:
        """Return the query of one output table, made out of that which the rules were compiled to."""
        if name not in self.tables:
            self.tables.append(name)
        made = {
            "deals": self._deals, "criteria": self._criteria, "findings": self._findings, "actions": self._actions,
            "questions": self._questions, "fired": self._fired, "conditions": self._conditions,
        }
        return made[name](query)

    def _deals(self, query: str) -> str:
        judged = [name for name in self.engine.columns(query) if name not in (KEY, "first_action", "first_action_about")]
        columns = {
            **{name: f"{DEALS}.{name}" for name in (*DETAILS, AS_OF)}, "claimed_step": f"{DEALS}.deal_claimed_step",
            **{name: f"judged.{name}" for name in judged},
            "first_action": "first_action", "first_action_with": "first_action_about",
            "first_action_label": self._filled("action_texts.label"),
        }
        told = ", ".join(f"{value} AS {name}" for name, value in columns.items())
        scored = (
            f"SELECT {DEALS}.{KEY}, true AS scored, {told} FROM {DEALS}"
            f" JOIN ({query}) AS judged ON judged.{KEY} = {DEALS}.{KEY}"
            f" LEFT JOIN action_texts ON action_texts.action = first_action"
            f" LEFT JOIN item_names ON item_names.{KEY} = {DEALS}.{KEY} AND item_names.collection = done_with"
            f" AND item_names.about = first_action_about"
        )
        nothing = "".join(f", NULL AS {name}" for name in columns)
        return f"SELECT * FROM ({scored} UNION ALL SELECT {KEY}, false AS scored{nothing} FROM rejected) ORDER BY {KEY}"

    def _with_names(self, query: str, texts: str, key: str, columns: str, order: str) -> str:
        return (
            f"SELECT {KEY}, {columns} FROM ({query}) AS found JOIN {texts} USING ({key})"
            f" JOIN (SELECT {KEY}, account_name, {AS_OF} FROM {DEALS}) USING ({KEY})"
            f" LEFT JOIN item_names USING ({KEY}, collection, about) ORDER BY {KEY}, {order}"
        )

    def _actions(self, query: str) -> str:
        texts = ", ".join(f"{self._filled(column)} AS {column}" for column in ("label", "how", "done_when"))
        columns = (f'"rank", action, {texts}, collection, about AS "with", about_name AS with_name, who, effort,'
                   f" {AS_OF} + within_days AS due")
        return self._with_names(query, "action_texts", "action", columns, '"rank"')

    def _findings(self, query: str) -> str:
        columns = f"finding, kind, severity, {self._filled('label')} AS label, collection, about, about_name"
        return self._with_names(query, "finding_texts", "finding", columns, "place, finding, about")

    def _fired(self, query: str) -> str:
        return self._with_names(query, "rule_texts", "rule", "rule, label, collection, about, about_name", "rule, about")

    def _conditions(self, query: str) -> str:
        columns = 'rule, label, "number", condition, state, "value", threshold, distance, collection, about, about_name'
        return self._with_names(query, "rule_texts", "rule", columns, 'rule, about, "number"')

    def _questions(self, query: str) -> str:
        text = f"CASE WHEN about <> '' AND named = 'false' THEN {self._headed()} ELSE {self._filled('question')} END"
        fact = "concat_ws('.', nullif(collection, ''), nullif(found.fact, ''))"
        return (
            f'SELECT {KEY}, "rank", {fact} AS fact, label, {text} AS question, collection, about, about_name, points'
            f" FROM ({query}) AS found JOIN question_texts USING (collection, fact)"
            f" JOIN (SELECT {KEY}, account_name FROM {DEALS}) USING ({KEY})"
            f' LEFT JOIN item_names USING ({KEY}, collection, about) ORDER BY {KEY}, "rank"'
        )

    def contradictions(self, query: str) -> str:
        """Return the query of the table of contradictions, in words, made out of that which finds them."""
        self.tables += [CONTRADICTIONS] * (CONTRADICTIONS not in self.tables)
        reason = f"replace(replace(reason, '{{found}}', \"value\"), '{{as_of}}', coalesce(CAST({AS_OF} AS VARCHAR), ''))"
        return (
            f"SELECT {KEY}, concat_ws('.', nullif(collection, ''), found.fact) AS fact, label, collection, about, about_name,"
            f' "value", {reason} AS reason FROM ({query}) AS found JOIN contradiction_texts USING (code, target)'
            f" JOIN question_texts USING (collection, fact) LEFT JOIN item_names USING ({KEY}, collection, about)"
            f' ORDER BY {KEY}, collection, about, fact, "value", reason'
        )

    def _headed(self) -> str:
        """Return the SQL that puts the item's name before a question that does not name it."""
        before, after = headed("\0", self.language).split("\0")
        return f"{literal(before)} || about_name || {literal(after)} || {self._filled('question')}"

    def _criteria(self, query: str) -> str:
        order = " ".join(f"WHEN '{step.id}' THEN {number}" for number, step in enumerate(self.base.steps))
        return (f"SELECT {KEY}, step, criterion, label, state FROM ({query}) JOIN criterion_texts USING (criterion)"
                f" ORDER BY {KEY}, CASE step {order} END, place")

    def errors(self) -> None:
        """Make the table of what was wrong, each reason in words."""
        reasons = self.engine.rows("SELECT DISTINCT code, words FROM errors ORDER BY code, words")
        self.engine.lookup("reasons", ("code", "words", "reason"), [
            (code, words, self._reason(code, words)) for code, words in reasons
        ])
        self.engine.create("out_errors", (
            'SELECT "table", "row", deal_id, "column", "value", reason FROM errors JOIN reasons USING (code, words)'
            f" ORDER BY {_ORDER_OF_ERRORS}"
        ))
        self.tables.append("errors")

    def _reason(self, code: str, words: str) -> str:
        raw = json.loads(words)
        if not code:
            return str(raw[self.language])
        words_of = {key: word if isinstance(word, str) else Text(word["en"], word["zh"]) for key, word in raw.items()}
        return messages()[code].read(self.language, **words_of)

    def first_error(self) -> str:
        """Return the first thing that is wrong, or nothing."""
        return next((str(error) for error in self._told(1)), "")

    def _told(self, most: int) -> list[Error]:
        told = self.engine.rows(
            'SELECT "table", "row", deal_id, "column", "value", reason FROM out_errors'
            f" ORDER BY {_ORDER_OF_ERRORS} LIMIT {most}")
        return [Error(table, row, deal or "", column or "", value or "", reason)
                for table, row, deal, column, value, reason in told]

    def changes(self, told: bool, since: str) -> None:
        """Note that there is a table of what moved; ``told`` if the earlier output tells which rules fired."""
        if not told:
            self.notes.append(say("score.no_rules_before", self.language, output=since))
        self.tables.append("changes")

    def own_days(self) -> None:
        """Note that deals keep the days that they came with, although another one was given."""
        self.notes.append(say("score.own_days", self.language))

    def run(self, ignored: Sequence[str], unknown_columns: Mapping[str, Text], seconds: float) -> None:
        """Make the table that says what was run; ``seconds`` is the time that it took, up to writing."""
        self.notes += [say("score.ignored", self.language, name=name) for name in ignored]
        self.notes += [
            say("score.unknown_columns", self.language, table=table, names=names)
            for table, names in sorted(unknown_columns.items())
        ]
        if CONTRADICTIONS in self.tables:
            ((found, of),) = self.engine.rows(f"SELECT count(*), count(DISTINCT {KEY}) FROM out_{CONTRADICTIONS}")
            self.notes += [say("score.contradictions", self.language, found=f"{found:,}", deals=f"{of:,}")] * bool(found)
        ((first, last, scored),) = self.engine.rows(
            f"SELECT min({AS_OF}), max({AS_OF}), count(*) FROM out_deals WHERE scored")
        columns = {
            "rule_base_version": literal(self.base.version), "rule_base_hash": literal(self.base.hash),
            "language": literal(self.language), "as_of_first": _day(first), "as_of_last": _day(last),
            "deals": str(self.deals), "scored": str(scored), "rejected": str(self.deals - scored),
            "errors": str(self._errors()),
            "seconds": f"CAST({seconds:.2f} AS DOUBLE)", "notes": literal("\n".join(self.notes)),
        }
        self.engine.create("out_run", "SELECT " + ", ".join(f"{value} AS {name}" for name, value in columns.items()))
        self.tables.append("run")

    def report(self, seconds: float) -> Report:
        """Return what a person is told at the end."""
        steps: dict[str, int] = dict(self.engine.rows("SELECT step, count(*) FROM out_deals WHERE scored GROUP BY step"))
        scored = sum(steps.values())
        top = "SELECT {0}, count(DISTINCT deal_id) FROM out_{1} {2} GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT " + str(_MOST_SHOWN)
        findings = self._rows_of("findings", top.format("finding", "findings", "WHERE kind = 'risk'"))
        actions = self._rows_of("actions", top.format("action", "actions", 'WHERE "rank" <= 3'))
        moved = dict(self._rows_of("changes", "SELECT change, count(*) FROM out_changes GROUP BY 1"))
        return Report(
            self.deals, scored, self.deals - scored,
            [Counted(step.id, self._read(step.label), steps.get(step.id, 0)) for step in self.base.steps],
            [Counted(name, _anybody(self._read(self.base.findings[name].label)), count) for name, count in findings],
            [Counted(name, _anybody(self._read(self.base.actions[name].label)), count) for name, count in actions],
            self._errors(), self._told(_MOST_SHOWN), self.base.version, self.base.hash,
            {change: moved[change] for change in CHANGES if change in moved}, self.notes, seconds,
        )

    def _errors(self) -> int:
        ((count,),) = self.engine.rows("SELECT count(*) FROM out_errors")
        return int(count)

    def _rows_of(self, table: str, query: str) -> list[tuple[Any, ...]]:
        return self.engine.rows(query) if table in self.tables else []


def _day(day: date | None) -> str:
    return "CAST(NULL AS DATE)" if day is None else f"CAST('{day.isoformat()}' AS DATE)"


def _anybody(label: str) -> str:
    return label.replace("{name}", "…").replace("{account}", "…")
