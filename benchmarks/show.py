"""What the benchmark measured, as a person reads it: lines for a terminal, tables and plots for the documentation."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_BEGIN, _END = "<!-- measured -->\n", "<!-- end -->"
DOCS = Path(__file__).parent.parent / "docs"
LANGUAGES = {"en": "", "zh": ".zh"}
WORDS = {
    "en": {
        "machine": "{cores} cores, {threads} threads, `--memory {memory}`; {software}.",
        "sizes": "deals, dealready, deals a second, peak memory, Polars, its memory, ours ÷ Polars,"
                 " Polars with checks, ours ÷ that, copying, ours ÷ copying",
        "one by one": "one by one, deals a second, the rules of dealready alone are faster by, the whole command is faster by",
        "start": "A single deal takes {first:.1f} s the first time, when the rules are compiled, and {then:.1f} s after that.",
        "growth": "From {few:,} to {many:,} deals, {times:,.0f} times as many, the time grows {growth:,.0f}-fold.",
        "seconds": "seconds", "memory": "peak memory, GiB", "deals": "deals", "ours": "dealready", "copy": "copying",
        "rate": "{name}, at its rate",
        "experta": "experta", "next": "experta, as dealready next wires it", "CLIPS": "CLIPS",
    },
    "zh": {
        "machine": "{cores} 核，{threads} 线程，`--memory {memory}`；{software}。",
        "sizes": "商机数, dealready, 每秒商机数, 内存峰值, Polars, 其内存, dealready ÷ Polars,"
                 " Polars 加检查, dealready ÷ 此项, 复制, dealready ÷ 复制",
        "one by one": "逐个处理, 每秒商机数, dealready 仅推理快多少倍, 整条命令快多少倍",
        "start": "单个商机首次耗时 {first:.1f} 秒（编译规则），此后 {then:.1f} 秒。",
        "growth": "从 {few:,} 到 {many:,} 个商机，数量增至 {times:,.0f} 倍，耗时增至 {growth:,.0f} 倍。",
        "seconds": "秒", "memory": "内存峰值（GiB）", "deals": "商机数", "ours": "dealready", "copy": "复制文件",
        "rate": "{name}（按其速率推算）",
        "experta": "experta", "next": "experta（dealready next 的接线方式）", "CLIPS": "CLIPS",
    },
}


@dataclass(frozen=True)
class Measured:
    """What a process took: seconds of wall time, and the most memory it held, in MiB."""

    seconds: float
    memory: float


@dataclass(frozen=True)
class Size:
    """What it took to score so many deals; what Polars took, trusting its input and checking it, is None if it failed."""

    deals: int
    ours: Measured
    polars: Measured | None
    checking: Measured | None
    copied: Measured


@dataclass(frozen=True)
class Run:
    """One run of the benchmark: the machine, seconds for a single deal, deals a second, and all sizes.

    ``alone`` is the rate of our rules on deals in memory, ``rates`` are those of the engines that take deals one by one.
    """

    cores: int
    threads: int
    memory: str
    software: dict[str, str]
    first: float
    then: float
    alone: float
    rates: dict[str, float]
    sizes: Sequence[Size]


def printed(run: Run) -> str:
    """Return a run as lines for a terminal."""
    tables = (_aligned(_sizes(run, "en")), _aligned(_one_by_one(run, "en")))
    return "\n\n".join([_machine(run, "en"), *map("\n".join, tables), *_sentences(run, "en")])


def keep(run: Run) -> None:
    """Write the tables between the marks in ``docs/performance.md``, in both languages, and draw the plots."""
    for language, ending in LANGUAGES.items():
        page = DOCS / f"performance{ending}.md"
        tables = "\n\n".join([
            _machine(run, language), "\n".join(_markdown(_sizes(run, language))),
            "\n".join(_markdown(_one_by_one(run, language))), *_sentences(run, language),
        ])
        text = page.read_text(encoding="utf-8")
        before, after = text.split(_BEGIN)[0], text.split(_END)[1]
        page.write_text(f"{before}{_BEGIN}{tables}\n{_END}{after}", encoding="utf-8")
        draw(run, language, DOCS / f"performance{ending}.svg")


def draw(run: Run, language: str, path: Path) -> None:
    """Draw seconds and memory over the number of deals; the text stays text, so any font of the reader's will do."""
    import matplotlib as mpl
    from matplotlib import pyplot

    words = WORDS[language]
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "dealready", "font.family": "sans-serif", "font.size": 10}
    figure, (time, memory) = pyplot.subplots(1, 2, figsize=(10, 4.2))
    deals = [size.deals for size in run.sizes]
    lines = {
        words["ours"]: ("#1f5fa8", [size.ours for size in run.sizes]),
        "Polars": ("#b5651d", [size.polars for size in run.sizes]),
        words["copy"]: ("#777777", [size.copied for size in run.sizes]),
    }
    for label, (colour, found) in lines.items():
        there = [(number, one) for number, one in zip(deals, found, strict=True) if one is not None]
        xs = [number for number, _ in there]
        time.plot(xs, [one.seconds for _, one in there], "o-", color=colour, label=label)
        memory.plot(xs, [one.memory / 1024 for _, one in there], "o-", color=colour, label=label)
    for (name, rate), style in zip(run.rates.items(), ("-", "--", ":"), strict=True):
        label = words["rate"].format(name=words[name])
        time.plot(deals, [number / rate for number in deals], style, color="#a02020", label=label)
    for axes, heading in ((time, words["seconds"]), (memory, words["memory"])):
        axes.set_xscale("log")
        axes.set_xlabel(words["deals"])
        axes.set_title(heading, loc="left")
        axes.grid(True, which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    time.set_yscale("log")
    memory.set_ylim(bottom=0)
    figure.legend(*time.get_legend_handles_labels(), loc="lower center", ncols=3, frameon=False)
    warnings.filterwarnings("ignore", "Glyph")  # whoever draws the text has the font, which this machine may lack
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _machine(run: Run, language: str) -> str:
    software = ", ".join(f"{name} {number}" for name, number in run.software.items())
    return WORDS[language]["machine"].format(cores=run.cores, threads=run.threads, memory=run.memory, software=software)


def _sizes(run: Run, language: str) -> list[list[str]]:
    rows = [WORDS[language]["sizes"].split(", ")]
    for size in run.sizes:
        ours, polars, copied = size.ours, size.polars, size.copied
        peer = ["—"] * 3 if polars is None else [
            f"{polars.seconds:.1f} s", f"{polars.memory:,.0f} MiB", f"{ours.seconds / polars.seconds:.2f}"]
        peer += ["—"] * 2 if size.checking is None else [
            f"{size.checking.seconds:.1f} s", f"{ours.seconds / size.checking.seconds:.2f}"]
        rows.append([
            f"{size.deals:,}", f"{ours.seconds:.1f} s", f"{size.deals / ours.seconds:,.0f}", f"{ours.memory:,.0f} MiB",
            *peer, f"{copied.seconds:.1f} s", f"{ours.seconds / copied.seconds:.2f}",
        ])
    return rows


def _one_by_one(run: Run, language: str) -> list[list[str]]:
    best = max(size.deals / size.ours.seconds for size in run.sizes)
    rows = [
        [WORDS[language][name], f"{rate:,.{1 if rate >= 10 else 2}f}", f"× {run.alone / rate:,.0f}", f"× {best / rate:,.0f}"]
        for name, rate in run.rates.items()
    ]
    return [WORDS[language]["one by one"].split(", "), *rows]


def _sentences(run: Run, language: str) -> list[str]:
    words, sizes = WORDS[language], run.sizes
    few, many = sizes[max(0, len(sizes) - 2)], sizes[-1]
    grown = words["growth"].format(
        few=few.deals, many=many.deals, times=many.deals / few.deals, growth=many.ours.seconds / few.ours.seconds)
    return [words["start"].format(first=run.first, then=run.then), grown]


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _markdown(rows: list[list[str]]) -> Iterable[str]:
    head, *others = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|" + "---:|" * len(rows[0]), *others]
