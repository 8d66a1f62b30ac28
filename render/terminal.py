"""A diagnosis as a person wants to read it: on a terminal, in colour, 80 columns or wider."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table

from ..engine.diagnosis import (
    CriterionState,
    Diagnosis,
    FoundFinding,
    GivenAction,
    Interval,
    Question,
)
from ..engine.proof import ConclusionUsed
from ..rules.catalogue import SEVERITIES
from ..rules.program import LOST, WON
from .contradictions import all_contradictions
from .document import question_reasons, question_text
from .ladder import criterion_line, ladder
from .names import Names, item_name
from .origins import reasons_text, rests_on, source_text
from .people import people
from .prose import Prose
from .words import aside, headed, joined, say, show_money, show_number, show_value

_KIND_COLOURS = {"risk": "red", "conflict": "magenta", "gap": "yellow", "caution": "cyan", "strength": "green"}
_FEW_ACTIONS, _FEW_MORE, _FEW_QUESTIONS, _FEW_FINDINGS, _FEW_REASONS = 3, 5, 5, 7, 3
_FEW_BLOCKERS = 4
_BAR = 30


def print_diagnosis(console: Console, diagnosis: Diagnosis, names: Names, everything: bool = False) -> None:
    """Print a diagnosis; ``everything`` leaves nothing out."""
    screen = _Screen(diagnosis, names, everything)
    for block in screen.blocks():
        console.print(block)


class _Screen:
    def __init__(self, diagnosis: Diagnosis, names: Names, everything: bool) -> None:
        self.diagnosis = diagnosis
        self.names = names
        self.everything = everything

    @property
    def lost(self) -> bool:
        return self.diagnosis.concluded(LOST)

    @property
    def won(self) -> bool:
        return self.diagnosis.concluded(WON)

    def say(self, key: str, **words: object) -> str:
        return say(key, self.names.language, **words)

    def headed(self, key: str) -> str:
        return headed(self.say(key), self.names.language)

    def blocks(self) -> Iterable[RenderableType]:
        yield self.head()
        yield from self.section("title.steps", ladder(self.diagnosis, self.names, self.everything))
        yield from self.section("title.claim", self.claim())
        yield from self.section("title.closing", self.initiative())
        yield from self.section("title.signals", self.closing())
        yield from self.section("title.next", self.actions())
        yield from self.section("title.people", people(self.diagnosis, self.names, self.everything))
        yield from self.section("title.questions", self.questions())
        yield from self.section("title.findings", [*self.contradictions(), *self.findings(strengths=False)])
        yield from self.section("title.strengths", self.findings(strengths=True))
        yield from self.section("title.withheld", self.withheld())
        yield from self.section("title.overrides", self.overrides())
        if self.everything:
            yield from self.section("title.trace", self.trace())
        yield self.foot()

    def section(self, title: str, body: list[RenderableType]) -> Iterable[RenderableType]:
        if body:
            yield Prose(f"\n{self.say(title)}", style="bold")
            yield Padding(Group(*body), (0, 0, 0, 1))

    def value(self, fact_id: str) -> str | None:
        found = self.names.deal.get(fact_id)
        return None if found is None else show_value(self.names.base.vocabulary.facts[fact_id], found, self.names.language)

    def head(self) -> RenderableType:
        title = " · ".join(part for part in (self.value("account.name"), self.value("deal.name")) if part)
        line = Prose(title or self.say("head.untitled"), style="bold cyan")
        line.append(f"  {self.say('head.as_of', date=self.diagnosis.as_of)}", style="not bold bright_black")
        rows: list[RenderableType] = [line]
        details = [self.value("deal.owner"), self.amount(), self.expected_close(), self.classes()]
        if any(details):
            rows.append(Prose(" · ".join(part for part in details if part), style="bright_black"))
        step = Prose(self.headed("head.proven"))
        proven, claimed = self.diagnosis.step.proven, self.diagnosis.step.claimed
        step.append(self.names.step(proven), style="bold")
        if claimed:
            said = self.say("head.agreed") if claimed == proven else self.say("head.claimed", step=self.names.step(claimed))
            step.append(aside(said, self.names.language))
        rows += [step, *([] if self.won else [self.readiness()]), *self.standing()]
        return Group(*rows)

    def amount(self) -> str | None:
        amount = self.names.deal.get("deal.amount")
        if amount is None or isinstance(amount, str | tuple | bool):
            return None
        currency = str(self.names.deal.get("deal.currency") or "")
        fact = self.names.base.vocabulary.facts["deal.currency"]
        return show_money(show_number(amount), fact, currency, self.names.language)  # type: ignore[arg-type]

    def expected_close(self) -> str | None:
        day = self.names.deal.get("deal.expected_close")
        return self.say("head.expected_close", date=day) if day else None

    def classes(self) -> str | None:
        if not self.diagnosis.classes:
            return None
        return self.say("head.class", classes=joined([self.say(f"class.{name}") for name in self.diagnosis.classes],
                                                     self.names.language))

    def readiness(self) -> Prose:
        interval = self.diagnosis.readiness
        line = Prose(self.headed("head.readiness"))
        line.append(f"{_percent(interval)} ", style="bold")
        line.append_text(_bar(interval))
        note = "head.readiness_lost" if self.lost else "head.readiness_note"
        line.append(f" {self.say(note, last=len(self.diagnosis.steps) - 1)}", style="bright_black")
        return line

    def standing(self) -> list[RenderableType]:
        lines: list[RenderableType] = []
        if self.lost:
            lines.append(Prose(self.say("head.lost"), style="red"))
        if self.won:
            signed = self.value("contract.signed_on")
            lines.append(Prose(self.say("head.won_on", date=signed) if signed else self.say("head.won"), style="green"))
        until = self.names.deal.get("pause.until")
        if until is not None and self.diagnosis.concluded("paused"):
            lines.append(Prose(self.say("head.paused", date=until), style="cyan"))
        return lines

    def claim(self) -> list[RenderableType]:
        answer = self.diagnosis.step
        if answer.claimed is None or answer.claimed == answer.proven or self.lost:
            return []
        if not answer.between:
            return [Prose(self.say("claim.behind"), style="green")]
        lines: list[RenderableType] = [Prose(self.say(
            "claim.ahead", proven=self.names.step(answer.proven), claimed=self.names.step(answer.claimed)))]
        unmet = [criterion for criterion in answer.between if criterion.state == "unmet"]
        unknown = [criterion for criterion in answer.between if criterion.state == "unknown"]
        for title, criteria in (("claim.unmet", unmet), ("claim.would_prove", unknown)):
            if criteria:
                lines.append(Prose(f"{self.say(title)}", style="bright_black"))
                lines += [Padding(criterion_line(criterion, self.names), (0, 0, 0, 1)) for criterion in self.few(criteria, 6)]
                lines += self.rest(criteria, 6)
        return lines

    def few(self, entries: list[CriterionState], most: int) -> list[CriterionState]:
        return entries if self.everything else entries[:most]

    def rest(self, entries: list[CriterionState], most: int) -> list[RenderableType]:
        hidden = 0 if self.everything else max(0, len(entries) - most)
        return [Prose(self.say("list.more", count=hidden), style="bright_black")] if hidden else []

    def initiative(self) -> list[RenderableType]:
        """Say why to propose the close although no buying signal counts now."""
        if not self.diagnosis.closing.push or self.diagnosis.closing.signal_seen:
            return []
        reasons = [
            self.names.conclusion(part.name, part.about)
            for traced in self.diagnosis.trace if "push_close" in traced.concludes
            for part in traced.support if isinstance(part, ConclusionUsed) and part.holds and part.name.startswith("find.")
        ]
        text = self.say("closing.propose", reasons=self.say("list.sentences").join(reasons))
        return [Prose(text, style="bold green")]

    def closing(self) -> list[RenderableType]:
        closing, signals = self.diagnosis.closing, self.diagnosis.signals
        if not signals:
            return []
        lines: list[RenderableType] = []
        if closing.push and closing.signal_seen:
            lines.append(Prose(self.say("signal.push"), style="bold green"))
        elif closing.signal_seen and closing.in_the_way:
            named = closing.in_the_way if self.everything else closing.in_the_way[:_FEW_BLOCKERS]
            blockers = self.say("list.sentences").join(self.bare_finding(finding) for finding in named)
            blockers += " …" if len(named) < len(closing.in_the_way) else ""
            lines.append(Prose(self.say("signal.blocked", blockers=blockers), style="bold yellow"))
        kinds = self.names.base.vocabulary.collections["signals"].facts["kind"]
        for signal in signals:
            parts = [show_value(kinds, signal.kind, self.names.language)]
            if signal.by:
                parts.append(self.names.item("stakeholders", signal.by))
            if signal.days_ago is not None:
                parts.append(self.ago(signal.days_ago))
            parts.append(self.say("signal.counts" if signal.counts else "signal.not"))
            lines.append(Prose(" · ".join(parts), style="" if signal.counts else "bright_black"))
        return lines

    def ago(self, days: int) -> str:
        """Return how long ago something was seen."""
        special = {-1: "signal.tomorrow", 0: "signal.today", 1: "signal.yesterday"}
        return self.say(special.get(days, "signal.ago" if days > 0 else "signal.ahead"), days=abs(days))

    def bare_finding(self, finding_id: str) -> str:
        found = next(finding for finding in self.diagnosis.findings if finding.id == finding_id)
        return self.names.finding(found.id, found.about)

    def actions(self) -> list[RenderableType]:
        actions = self.diagnosis.actions
        if not actions:
            return [Prose(self.say("action.none"))]
        full = actions if self.everything else actions[:_FEW_ACTIONS]
        lines: list[RenderableType] = [self.action(action) for action in full]
        more = actions[len(full) : len(full) + _FEW_MORE]
        if more:
            lines.append(Prose(self.say("title.more"), style="bright_black"))
            lines += [self.title(action) for action in more]
        hidden = len(actions) - len(full) - len(more)
        if hidden:
            lines.append(Prose(self.say("list.more", count=hidden), style="bright_black"))
        return lines

    def action(self, action: GivenAction) -> RenderableType:
        entry = self.names.base.actions[action.id]
        table = Table.grid(padding=(0, 1))
        table.add_column(style="bright_black", no_wrap=True)
        table.add_column(overflow="fold")

        def fill(name: str) -> str:
            return self.names.fill(getattr(entry, name), action.with_, entry.about)

        table.add_row(f"{action.rank}.", Prose.assemble((fill("label"), "bold"), self.id(action.id, action.with_)))
        rows = [("action.with", self.whom(entry.about, action.with_))] if action.with_ else []
        rows += [("action.by", f"{action.due} · {self.say(f'who.{entry.who}')} · {self.say(f'effort.{entry.effort}')}"),
                ("action.how", fill("how"))]
        if entry.words is not None:
            rows.append(("action.words", fill("words")))
        why = f"{fill('why')} {reasons_text(action.because, self.names)}"
        rows += [("action.done", fill("done_when")), ("action.why", why)]
        if self.everything:
            rows.append(("action.rests", rests_on(action.because, self.names)))
        for key, text in rows:
            table.add_row(self.say(key), Prose(text))
        return Padding(table, (0, 0, 1, 0))

    def title(self, action: GivenAction) -> RenderableType:
        label = self.names.action(action.id, action.with_)
        return Prose.assemble(f"{action.rank}. {label}", self.id(action.id, action.with_))

    def id(self, name: str, about: str) -> tuple[str, str]:
        """Return the name under which ``dealready why`` knows a finding or an action."""
        return f"  [{item_name(name, about)}]", "not bold bright_black"

    def whom(self, collection: str, item_id: str) -> str:
        """Return whom, or what, an action is done with."""
        name = self.names.item(collection, item_id)
        person = next((person for person in self.diagnosis.stakeholders if person.id == item_id), None)
        if collection != "stakeholders" or person is None:
            return f"{self.names.read(self.names.base.vocabulary.collections[collection].item_label)} {name}"
        layer = self.names.values("layer", collection, (str(person.layer.value),)) if person.layer.value else ""
        known = [part for part in (person.title, layer) if part]
        return name + (aside(joined(known, self.names.language), self.names.language) if known else "")

    def questions(self) -> list[RenderableType]:
        questions = self.diagnosis.questions
        shown = questions if self.everything else questions[:_FEW_QUESTIONS]
        lines: list[RenderableType] = [self.question(question) for question in shown]
        if len(questions) > len(shown):
            lines.append(Prose(self.say("list.more", count=len(questions) - len(shown)), style="bright_black"))
        return lines

    def question(self, question: Question) -> RenderableType:
        fact, _ = self.names.find_fact(question.fact)
        line = Prose("? ", style="bold")
        line.append(question_text(question.fact, question.about, self.names), style="not bold")
        notes = [self.say("question.ask", whom=self.say(f"whom.{fact.whom}"))] if fact is not None else []
        if question.last_value is not None:
            notes.append(self.say("question.last", value=show_value(fact, question.last_value, self.names.language)))
        if notes:
            line.append(aside(self.say("list.sentences").join(notes), self.names.language), style="not bold bright_black")
        if self.everything and question.why:
            reasons = question_reasons(question, self.names)
            named = self.say("list.sentences").join(reasons[:_FEW_REASONS])
            more = len(reasons) - _FEW_REASONS
            line.append(f"\n  {self.say('question.why', names=named)}", style="not bold bright_black")
            line.append(f" {self.say('question.why_more', count=more)}" if more > 0 else "", style="not bold bright_black")
        return line

    def contradictions(self) -> list[RenderableType]:
        """Return where the facts contradict one another without a rule that finds it."""
        found = [one for one in all_contradictions(self.diagnosis, self.names) if not one.finding]
        kind = headed(self.say("kind.conflict"), self.names.language)
        return [Prose.assemble((kind, _KIND_COLOURS["conflict"]), one.label, (f"  [{one.fact}]", "bright_black"))
                for one in found]

    def findings(self, strengths: bool) -> list[RenderableType]:
        found = [finding for finding in self.diagnosis.findings if (finding.kind == "strength") == strengths]
        shown = found if self.everything else _first(found, _FEW_FINDINGS if not strengths else 3)
        lines: list[RenderableType] = [self.finding(finding) for finding in shown]
        if len(found) > len(shown):
            lines.append(Prose(self.say("list.more", count=len(found) - len(shown)), style="bright_black"))
        return lines

    def finding(self, finding: FoundFinding) -> RenderableType:
        kind = self.say(f"kind.{finding.kind}")
        severity = self.say(f"severity.{finding.severity}")
        head = kind if finding.kind == "strength" else self.say("finding.head", kind=kind, severity=severity)
        label = headed(head, self.names.language)
        line = Prose.assemble((label, _KIND_COLOURS[finding.kind]), self.names.finding(finding.id, finding.about),
                              self.id(finding.id, finding.about))
        if not self.everything:
            return line
        meaning = self.names.finding_meaning(finding.id, finding.about)
        reasons = reasons_text(finding.because, self.names)
        return Group(line, Padding(Prose(f"{meaning} {reasons}", style="bright_black"), (0, 0, 0, 2)))

    def withheld(self) -> list[RenderableType]:
        held = [action for action in self.diagnosis.withheld if self.everything or action.tension]
        lines: list[RenderableType] = []
        for action in held if self.everything else held[:3]:
            tension = self.names.base.tensions.get(action.tension)
            about = action.with_ if self.names.base.program.scopes.get(action.withheld_by) else ""
            reason = self.names.read(tension.first) if tension else self.names.conclusion(action.withheld_by, about)
            text = Prose(self.names.action(action.id, action.with_))
            text.append(f"  {self.say('withheld.by', reason=reason)}", style="bright_black")
            if action.tension:
                text.append(f" [{source_text(action.tension, self.names)}]", style="bright_black")
            lines.append(text)
        return lines

    def overrides(self) -> list[RenderableType]:
        lines: list[RenderableType] = []
        for view in self.diagnosis.overrides:
            says, rules = (self._answer(view.about, answer) for answer in (view.says, view.rules_say))
            about = self.say("head.proven") if view.about == "step" else self.names.anything(view.about)
            text = self.say("override.line", about=about, rules=rules, says=says,
                            author=view.author or self.say("override.someone"))
            if view.reason:
                text += f" · {self.say('override.reason', reason=view.reason)}"
            if not view.active:
                over = view.until is not None and view.until < self.diagnosis.as_of
                key, day = ("override.ended", view.until) if over else ("override.ahead", view.date)
                text += f" · {self.say(key, date=day)}"
            lines.append(Prose(text, style="" if view.active else "bright_black"))
        return lines

    def _answer(self, about: str, answer: str) -> str:
        if about == "step" and answer in {step.id for step in self.names.base.steps}:
            return self.names.step(answer)
        return self.say({"unknown": "state.unknown"}.get(answer, answer)) if answer in ("yes", "no", "unknown") else answer

    def trace(self) -> list[RenderableType]:
        lines: list[RenderableType] = []
        for traced in self.diagnosis.trace:
            scope = self.names.base.program.scopes.get(traced.concludes[0], "")
            about = aside(self.names.item(scope, traced.about), self.names.language) if traced.about else ""
            lines.append(Prose(f"{traced.rule}{about} → {', '.join(traced.concludes)}", style="bright_black"))
        return lines

    def foot(self) -> RenderableType:
        rules = self.say("foot.rules", version=self.diagnosis.rule_base_version, hash=self.diagnosis.rule_base_hash[:12])
        more = "" if self.everything else self.say("foot.more", file=self.names.deal.file)
        return Prose(f"\n{rules}\n{more}".rstrip(), style="bright_black")


def _first(found: list[FoundFinding], most: int) -> list[FoundFinding]:
    """Return the gravest findings in their order; all those that say what must not be done are among them."""
    limits = [finding for finding in found if finding.kind == "caution" and finding.severity == "high"]
    others = sorted((finding for finding in found if finding not in limits),
                    key=lambda finding: SEVERITIES.index(finding.severity))
    shown = limits + others[: max(0, most - len(limits))]
    return [finding for finding in found if finding in shown]


def _percent(interval: Interval) -> str:
    return f"{interval.low}%" if interval.low == interval.high else f"{interval.low}–{interval.high}%"


def _bar(interval: Interval) -> Prose:
    """Draw the interval: what is proven, what is possible, what is excluded."""
    low, high = interval.low * _BAR // 100, -(-interval.high * _BAR // 100)
    return Prose.assemble(("█" * low, "green"), ("▒" * (high - low), "yellow"), ("·" * (_BAR - high), "bright_black"))
