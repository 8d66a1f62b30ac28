"""What several commands need: their common options, and how they read, print and fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..render.help import LocalOption, current_language, speak

if TYPE_CHECKING:
    from rich.console import Console

    from ..facts.deal import Deal
    from ..facts.texts import Language
    from ..rules.base import RuleBase

FOUND_SOMETHING, BAD_INPUT = 1, 2
_LAYERS = "dealready.layers"


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose its language, and the layers of its rule base."""
    command = click.option(
        "--rules", "layers", multiple=True, type=click.Path(), metavar="DIR", help="option.rules", cls=LocalOption,
        expose_value=False, callback=lambda context, _parameter, value: context.meta.__setitem__(_LAYERS, value),
    )(command)
    return click.option(
        "--lang", "language", type=click.Choice(["en", "zh"]), help="option.lang", cls=LocalOption, expose_value=True,
        callback=lambda _context, _parameter, value: speak(value) if value else current_language(),
    )(command)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option that chooses between text and data."""
    choices = click.Choice(["text", "json", "yaml"])
    return click.option("--format", "format_", type=choices, default="text", help="option.format", cls=LocalOption)(command)


DEAL = click.Path(allow_dash=True)


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
    from ..rules.cache import cached_rule_base
    from ..rules.layers import all_layers

    named = click.get_current_context().meta.get(_LAYERS, ()) if folders is None else folders
    try:
        return cached_rule_base(all_layers(named, Path.cwd() if settings else None))
    except Rejected as rejected:
        reject(rejected.problems, language)


def load(paths: Iterable[str], base: RuleBase, language: Language) -> list[Deal]:
    """Read every deal before anything is printed; if one is wrong, tell all that is wrong and stop."""
    from ..facts.deal import load_deal
    from ..facts.problems import Problem, Rejected

    deals: list[Deal] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            deals.append(load_deal(path, base.vocabulary))
        except Rejected as rejected:
            problems += rejected.problems
    if problems:
        reject(problems, language)
    return deals


def reject(problems: Iterable[Any], language: Language) -> NoReturn:
    """Tell every problem and leave."""
    for problem in problems:
        click.echo(problem.message(language), err=True)
    sys.exit(BAD_INPUT)


def fail(message: str) -> NoReturn:
    """Tell what is wrong with the input and leave."""
    click.echo(message, err=True)
    sys.exit(BAD_INPUT)


def new_console(stderr: bool = False) -> Console:
    """Return a console that takes texts as they are."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False, stderr=stderr)


def print_data(data: Any, format_: str) -> None:
    """Print data as YAML or JSON."""
    if format_ == "yaml":
        import yaml

        click.echo(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100), nl=False)
    else:
        import json

        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
