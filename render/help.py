"""Help in the reader's language: commands and options name a text, and say it when asked."""

from __future__ import annotations

import gettext
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml
from click.core import ParameterSource

from ..facts.texts import Language, Text
from .words import headed, language_of, say

_spoken: list[Language] = []


@cache
def _texts() -> dict[str, Text]:
    raw = Path(__file__).with_name("help.yaml").read_text("utf-8")
    return {key: Text(**texts) for key, texts in yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)).items()}


def current_language() -> Language:
    """Return the language that was asked for, or that of the environment."""
    return _spoken[-1] if _spoken else language_of(os.environ)


def speak(language: str) -> Language:
    """Speak a language from here on, in click's own words too."""
    chosen: Language = "zh" if language == "zh" else "en"
    _spoken[:] = [chosen]
    os.environ["LANGUAGE"] = chosen  # where gettext, hence click, looks
    gettext.bindtextdomain("messages", str(Path(__file__).parent / "locale"))
    return chosen


def _asked_for(arguments: Sequence[str]) -> Language:
    """Return the language of ``--lang`` before click reads it, since help and errors come first."""
    language = language_of(os.environ)
    for number, argument in enumerate(arguments):
        if argument in ("--lang=zh", "--lang=en"):
            language = "zh" if argument.endswith("zh") else "en"
        elif argument == "--lang" and arguments[number + 1 : number + 2] in (["zh"], ["en"]):
            language = "zh" if arguments[number + 1] == "zh" else "en"
    return language


def _say(key: str | None) -> str:
    return _texts()[key].read(current_language()) if key else ""


class _Formatter(click.HelpFormatter):
    """What lays help out; a heading ends in the colon of the reader's language."""

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        self.write(f"{'':>{self.current_indent}}{headed(heading, current_language()).rstrip()}\n")


class _Context(click.Context):
    """A call of a command whose help is laid out so."""

    formatter_class = _Formatter


class _Given(click.Parameter):
    """An option or argument that is no empty text, which an unset variable of a shell leaves, and nobody means."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return what was given and where; raise :class:`click.UsageError` for an empty text."""
        value, source = super().consume_value(ctx, opts)
        if source is ParameterSource.COMMANDLINE and "" in (value if isinstance(value, list | tuple) else (value,)):
            name = self.opts[0] if isinstance(self, click.Option) else self.human_readable_name.rstrip(".")
            raise click.UsageError(say("given.empty", current_language(), name=name), ctx)
        return value, source


class LocalArgument(_Given, click.Argument):
    """An argument of a command."""


class LocalOption(_Given, click.Option):
    """An option whose help is a key of ``help.yaml``."""

    def make_metavar(self, ctx: click.Context) -> str:
        """Return what stands for the value; for a number, whose type click calls by an English name only, it is N."""
        return "N" if isinstance(self.type, click.IntRange) and not self.metavar else super().make_metavar(ctx)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option with its help in the reader's language."""
        key = self.help
        self.help = _say(key)
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = key


class _Local(click.Command):
    """A command whose help, and whose examples, are keys of ``help.yaml``."""

    context_class = _Context

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the parts of the usage line; click does not translate those that stand for options and commands."""
        return [gettext.gettext(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        formatter.write_paragraph()
        with formatter.indentation():
            for paragraph in _say(self.help).strip().split("\n\n"):
                formatter.write_text(paragraph)
                formatter.write_paragraph()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, line by line as they stand."""
        key = f"{self.help}.examples"
        if key in _texts():
            formatter.write_paragraph()
            formatter.write(f"{_say('heading.examples')}\n")
            for line in _say(key).strip().splitlines():
                formatter.write(f"  {line}\n")

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence of the help for a list of commands."""
        first = _say(self.help).strip().splitlines()[0]
        return first.rstrip("。.")


class LocalCommand(_Local):
    """A command that speaks the reader's language."""


class LocalGroup(_Local, click.Group):
    """A group of commands that speaks the reader's language.

    ``modules`` names, for each command that is not added otherwise, the module with a function of the
    command's name; it is imported when the command is asked for.
    """

    def __init__(self, *rest: Any, modules: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(*rest, **extra)
        self.modules = dict(modules or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted({*super().list_commands(ctx), *self.modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, its module imported if need be."""
        if cmd_name in self.modules:
            command: click.Command = getattr(import_module(self.modules[cmd_name]), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Choose the language before anything is said, then run."""
        speak(_asked_for(list(sys.argv[1:] if args is None else args)))
        return super().main(args, *rest, **extra)


