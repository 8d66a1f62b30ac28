"""Draws what `dealready next` prints on a terminal: python docs/picture.py, after a change of the screen or the rules."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

from dealready.engine.diagnose import Diagnoser
from dealready.facts.deal import load_deal
from dealready.facts.texts import Language
from dealready.render.names import Names
from dealready.render.terminal import print_diagnosis
from dealready.rules.base import load_rule_base
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
WIDTH, LINES = 92, 88
CELL = 12.2  # the width of a cell in the units of rich's picture
_TEXT = re.compile(r'(<text [^>]*?)textLength="[^"]*"([^>]*)>([^<]*)</text>')
# The picture asks for no font from the network; the reader's own monospaced font will do.
FORMAT = re.sub(r"@font-face \{\{.*?\n    \}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "    <!-- Generated with Rich https://www.textualize.io -->\n", "")
EXAMPLES: tuple[tuple[Language, str, str], ...] = (
    ("en", "steel-rolling-line.yaml", "next.svg"),
    ("zh", "heat-treatment-line.yaml", "next.zh.svg"),
)


def draw(language: Language, example: str, picture: str) -> None:
    """Write the picture of one example in one language."""
    base = load_rule_base()
    deal = load_deal(str(HERE.parent / "facts" / "examples" / example), base.vocabulary)
    screen = _console()
    with screen.capture() as printed:
        print_diagnosis(screen, Diagnoser(base).diagnose(deal), Names(base, deal, language))
    console = _console()
    for line in printed.get().splitlines()[:LINES]:
        console.print(Text.from_ansi(line), no_wrap=True)
    console.print("…")
    svg = console.export_svg(title=f"dealready next {example}", unique_id="next", code_format=FORMAT)
    (HERE / picture).write_text(_TEXT.sub(_in_cells, svg), "utf-8")


def _in_cells(text: re.Match[str]) -> str:
    """Give a text the width of its cells; rich gives it that of its signs, and Chinese ones take two cells."""
    return f'{text[1]}textLength="{cell_len(html.unescape(text[3])) * CELL:g}"{text[2]}>{text[3]}</text>'


def _console() -> Console:
    return Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)


if __name__ == "__main__":
    for example in EXAMPLES:
        draw(*example)
