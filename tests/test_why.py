"""Every conclusion of every example is proven, and no chain ends in anything but facts, absences and sources."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from dealready.engine.proof import Proof, Prover, flat_support
from dealready.facts.deal import load_deal
from dealready.facts.texts import LANGUAGES
from dealready.render.names import Names
from dealready.render.proofs import proof_tree
from rich.console import Console

from .product import diagnoser

FOLDER = Path(__file__).parent.parent / "facts" / "examples"
DEALS = sorted(path.name for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json")))

SOAK = "DEALREADY_EXAMPLES" in os.environ
SHOWN = [  # each deal in one language; in the soak in both
    (name, language) for number, name in enumerate(DEALS) for language in (LANGUAGES if SOAK else [LANGUAGES[number % 2]])
]


@functools.cache
def prover_of(name: str) -> Prover:
    return diagnoser().prover(load_deal(str(FOLDER / name), diagnoser().base.vocabulary))


def proofs(name: str) -> list[tuple[Proof, ...]]:
    prover = prover_of(name)
    return [prover.prove(conclusion, about) for conclusion in sorted(diagnoser().base.program.scopes)
            for about in prover.outcome.about(conclusion)]


@pytest.mark.parametrize("name", DEALS)
def test_every_premise_is_a_fact_an_absence_or_proven_itself(name: str) -> None:
    for chain in proofs(name):
        assert chain
        for proof in (part for whole in chain for part in whole.walk()):
            used = {(part.name, part.about) for part in flat_support(proof.support) if getattr(part, "holds", False)}
            assert used == {(premise.conclusion, premise.about) for premise in proof.premises}


@pytest.mark.parametrize("name", DEALS)
def test_what_an_author_wrote_ends_in_a_source(name: str) -> None:
    base = diagnoser().base
    for chain in proofs(name):
        for proof in chain:
            if proof.rule.origin == "rule":
                assert proof.sources()
                assert all(source in base.sources or source in base.tensions for source in proof.sources())


@pytest.mark.parametrize(("name", "language"), SHOWN)
def test_every_proof_can_be_shown(name: str, language: str) -> None:
    base = diagnoser().base
    names = Names(base, load_deal(str(FOLDER / name), base.vocabulary), language)  # type: ignore[arg-type]
    console = Console(width=80)
    for chain in proofs(name):
        with console.capture() as shown:
            console.print(proof_tree(chain, prover_of(name).outcome, names, everything=True))
        assert len(shown.get().splitlines()) > 1
