"""What several commands need: their common options, and how they read, print and fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..render.help import LocalOption, current_language, speak
from .streams import shows

if TYPE_CHECKING:
    from rich.console import Console

    from ..facts.deal import Deal
    from ..facts.problems import Problem
    from ..facts.texts import Language
    from ..rules.base import RuleBase

FOUND_SOMETHING, BAD_INPUT, STOPPED = 1, 2, 130  # the last as shells have it
THREADS = click.IntRange(1, 1024)  # of DuckDB, which would start them all; no machine has more
_LAYERS = "dealready.layers"


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose its language, and the layers of its rule base."""
    command = click.option(
        "--rules", "layers", multiple=True, type=click.Path(), metavar="DIR", help="option.rules", cls=LocalOption,
        expose_value=False, callback=lambda context, _parameter, value: context.meta.__setitem__(_LAYERS, value),
    )(command)
    return language_option(expose_value=True)(command)


def language_option(expose_value: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a command the option that chooses its language, or a group that of all of its commands."""
    return click.option(
        "--lang", "language", type=click.Choice(["en", "zh"]), help="option.lang", cls=LocalOption, expose_value=expose_value,
        callback=lambda _context, _parameter, value: speak(value) if value else current_language(),
    )


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option that chooses between text and data."""
    choices = click.Choice(["text", "json", "yaml"])
    return click.option("--format", "format_", type=choices, default="text", help="option.format", cls=LocalOption)(command)


DEAL = click.Path(allow_dash=True)


def completing(names: Callable[[RuleBase], Iterable[str]]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what completes an argument in a shell with names of our rule base."""

    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
        from ..rules.cache import cached_rule_base

        return [name for name in names(cached_rule_base()) if name.startswith(begun)]

    return complete


def print_rows(table: Any, count: int, language: Language) -> None:
    """Print a table, or that nothing was found."""
    from ..render.words import say

    if count:
        new_console().print(table)
    else:
        click.echo(say("nothing.found", language))


def rule_base(language: Language, folders: Iterable[str] | None = None, settings: bool = True) -> RuleBase:
    """Return the rule base, or tell what is wrong with it and leave.

    ``folders`` are layers above ours; by default those that the command line names, or, with ``settings``, those
    of the settings file.
    """
    from ..facts.problems import Rejected

    try:
        return read_rule_base(folders, settings)
    except Rejected as rejected:
        reject(rejected.problems, language)


def read_rule_base(folders: Iterable[str] | None = None, settings: bool = True) -> RuleBase:
    """Return the rule base as :func:`rule_base` does.

    Raises :class:`~..facts.problems.Rejected` if something is wrong with it.
    """
    from ..rules.cache import cached_rule_base
    from ..rules.layers import all_layers

    named = click.get_current_context().meta.get(_LAYERS, ()) if folders is None else folders
    return cached_rule_base(all_layers(named, Path.cwd() if settings else None))


def load(paths: Iterable[str], base: RuleBase, language: Language) -> list[Deal]:
    """Read every deal before anything is printed; if one is wrong, tell all that is wrong and stop."""
    deals = list(load_each(paths, base, language))
    if None in deals:
        sys.exit(BAD_INPUT)
    return [deal for deal in deals if deal is not None]


def load_each(paths: Iterable[str], base: RuleBase, language: Language) -> Iterator[Deal | None]:
    """Read deal after deal; of one that cannot be read tell all that is wrong, and yield None for it."""
    from ..engine.overrides import check_overrides
    from ..facts.deal import load_deal
    from ..facts.problems import Rejected

    for path in paths:
        try:
            deal = load_deal(path, base.vocabulary)
            check_overrides(deal, base)
        except Rejected as rejected:
            _tell(rejected.problems, language)
            yield None
        else:
            yield deal


def reject(problems: Iterable[Problem], language: Language) -> NoReturn:
    """Tell every problem and leave."""
    _tell(problems, language)
    sys.exit(BAD_INPUT)


def _tell(problems: Iterable[Problem], language: Language) -> None:
    for problem in problems:
        click.echo(problem.message(language), err=True)


def fail(message: str) -> NoReturn:
    """Tell what is wrong with the input and leave."""
    click.echo(message, err=True)
    sys.exit(BAD_INPUT)


def new_console(stderr: bool = False) -> Console:
    """Return a console that takes texts as they are."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False, stderr=stderr)


def print_data(data: Any, format_: str) -> None:
    """Print data as YAML or JSON, or a list as a line of JSON each; signs that the output cannot show become escapes."""
    text = _written(data, format_, ascii_only=False)
    click.echo(text if shows(text) else _written(data, format_, ascii_only=True))


def _written(data: Any, format_: str, ascii_only: bool) -> str:
    if format_ == "yaml":
        from ..facts.yaml_text import yaml_text

        return yaml_text(data, ascii_only).removesuffix("\n")
    import json

    if format_ == "jsonl":
        return "\n".join(json.dumps(entry, ensure_ascii=ascii_only) for entry in data)
    return json.dumps(data, ensure_ascii=ascii_only, indent=2)
