"""A pipeline tells where its deals disagree with themselves, as ``check`` does for one of them."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
from dealready.batch.canonical import Canonical
from dealready.batch.engines import DuckEngine
from dealready.batch.examining import examine
from dealready.batch.job import Job
from dealready.batch.run import score
from dealready.batch.sources import Opened, lay_down_deals
from dealready.facts.consistency import contradictions
from dealready.facts.deal import Deal
from hypothesis import given, settings
from hypothesis import strategies as st

from .product import base
from .strategies import deals as any_deals

SOAK = "DEALREADY_EXAMPLES" in os.environ


@settings(max_examples=settings.default.max_examples // 10 if SOAK else 8)
@given(st.lists(any_deals(base().vocabulary), min_size=1, max_size=10))
def test_tables_disagree_with_themselves_where_deals_do(found: list[Deal]) -> None:
    with duckdb.connect() as database:
        opened = Opened()
        lay_down_deals(database, [(str(number), deal) for number, deal in enumerate(found)], base().vocabulary, opened)
        engine = DuckEngine(database)
        canonical = Canonical(engine, base().vocabulary, examine(engine, base().vocabulary, opened, wanted={}, comparing=True))
        canonical.lay_down()
        query = f'SELECT deal_id, collection, about, fact, code, "value" FROM ({canonical.contradictions()})'
        told = database.execute(query).fetchall()
    expected = [
        (str(number), spot.collection, spot.item, spot.fact, problem.code, str(dict(problem.words)["found"]))
        for number, deal in enumerate(found) for spot, problem in contradictions(deal, base().vocabulary)
    ]
    assert sorted(told) == sorted(expected)


def test_a_pipeline_says_in_words_where_its_deals_disagree_with_themselves(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "deals.csv").write_text("deal_id,as_of,budget_status,budget_status_seen\na,2026-05-10,applied,2026-05-11\n"
                                      "b,2026-05-10,applied,2026-05-10\n", "utf-8")
    (source / "stakeholders.csv").write_text("deal_id,id,name,reports_to\na,wang,王工,wong\nb,li,李工,li\n", "utf-8")
    report = score(base(), Job(str(source), str(tmp_path / "out"), "en", format="csv", tables=("deals", "contradictions")))
    (note,) = report.notes
    assert note.startswith("dates ahead of their file, references to nothing on file: 3 (deals: 2); see")
    assert "dealready check tells both" in note  # so that nobody takes the number for what check counts
    assert (tmp_path / "out" / "contradictions.csv").read_text("utf-8-sig").splitlines() == [
        "deal_id,fact,label,collection,about,about_name,value,reason",
        'a,budget.status,Budget status,"","",,2026-05-11,'
        '"seen on 2026-05-11, after the day that the facts describe, 2026-05-10"',
        "a,stakeholders.reports_to,Reports to,stakeholders,wang,王工,wong,'wong' is the id of no stakeholder on file",
        "b,stakeholders.reports_to,Reports to,stakeholders,li,李工,li,'li' refers to itself",
    ]
