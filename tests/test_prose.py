"""Lines break where their language lets them, and nothing is lost."""

from __future__ import annotations

from itertools import pairwise

from dealready.render.prose import Prose, line_ends
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

SENTENCES = st.text(st.sampled_from("客户采购，。！“”（）()ab cd, .%—"), max_size=80)


def lines(text: str, width: int) -> list[str]:
    ends = [0, *line_ends(text, width), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


@given(SENTENCES, st.integers(4, 40))
def test_no_sign_is_lost_and_no_line_is_too_wide(text: str, width: int) -> None:
    assert "".join(lines(text, width)) == text
    assert all(cell_len(line.rstrip()) <= width for line in lines(text, width))


def test_a_full_stop_never_begins_a_line() -> None:
    assert lines("先问使用者，再问主管。", 20) == ["先问使用者，再问主", "管。"]


def test_words_of_letters_stay_whole() -> None:
    assert lines("ask the user first", 9) == ["ask the ", "user ", "first"]


def test_a_word_longer_than_the_line_is_cut() -> None:
    assert lines("abcdefgh", 3) == ["abc", "def", "gh"]


def test_a_table_of_long_chinese_cells_shows_every_sign() -> None:
    console = Console(width=20, record=True)
    with console.capture() as shown:
        console.print(Prose("弄清合同何时到期、换的代价有多大，再决定下一步。"))
    assert shown.get().replace("\n", "") == "弄清合同何时到期、换的代价有多大，再决定下一步。"
