"""The command line. A command's module is imported when the command is asked for, so that each starts fast."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from gettext import gettext
from typing import Any

import click
from dealready import __version__
from dealready.commands.shared import BAD_INPUT, STOPPED, language_option
from dealready.commands.streams import OutputFailed, guard_streams
from dealready.render.help import LocalGroup, LocalOption, current_language

SWEEP_AFTER = 250_000  # new objects; a command about one deal ends before its first sweep
COMMANDS = {
    "next": "deal", "why": "deal", "check": "deal", "ask": "deal",
    "whynot": "explain", "whatif": "explain", "diff": "explain",
    "score": "pipeline", "summary": "pipeline", "sql": "pipeline",
    "facts": "facts", "rules": "coach", "test": "test", "schema": "schema",
}


class Stoppable(LocalGroup):
    """A group of commands that Ctrl-C ends in words and with an exit code of its own; click's is that of a finding."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with contextlib.suppress(KeyboardInterrupt, click.Abort):
            try:
                return super().invoke(ctx)
            except RuntimeError as error:
                if str(error) != "Query interrupted":  # which is what DuckDB raises on Ctrl-C
                    raise
        click.echo("\n" + gettext("Aborted!"), err=True)
        return ctx.exit(STOPPED)


@click.group(
    cls=Stoppable, modules={name: f"dealready.commands.{module}" for name, module in COMMANDS.items()}, help="help.main",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@language_option(expose_value=False)
@click.version_option(__version__, prog_name="dealready", cls=LocalOption, help="option.version")
def cli() -> None:
    """Collect the commands."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(SWEEP_AFTER)
    guard_streams()
    code = _run()
    with contextlib.suppress(OutputFailed):
        sys.stderr.flush()
    os._exit(code)  # freeing a hundred thousand objects one by one would take longer than many a command


def _run() -> int:
    """Run the command and return its exit code; a reader that stops reading (``| head``) is no error."""
    code = 0
    try:
        try:
            cli(prog_name="dealready")
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        sys.stdout.flush()
    except OutputFailed as failed:
        return 0 if failed.reader_left else _tell(failed)
    except KeyboardInterrupt:  # once more, while the first was being told
        return STOPPED
    return code


def _tell(failed: OutputFailed) -> int:
    """Say that the output cannot be written and return the exit code for it."""
    from dealready.facts.problems import messages

    with contextlib.suppress(OutputFailed):
        sys.stderr.write(messages()["output-failed"].read(current_language(), reason=failed) + "\n")
    return BAD_INPUT


if __name__ == "__main__":
    main()
