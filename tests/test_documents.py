"""What the documents show as an example is what the product takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .product import run

ROOT = Path(__file__).parent.parent
DEALS = [
    pytest.param(block, id=f"{path.relative_to(ROOT)}-{number}")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])
    for number, block in enumerate(re.findall(r"^```yaml\n(as_of: .*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE))
]


def test_each_readme_shows_a_deal_file() -> None:
    assert {deal.id for deal in DEALS} >= {"README.md-0", "README.zh.md-0"}


@pytest.mark.parametrize("deal", DEALS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_deal_file_that_a_document_shows_is_accepted(deal: str, language: str) -> None:
    result = run("check", "-", language=language, text=deal)
    assert (result.exit_code, result.stderr) == (0, "")
