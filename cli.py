"""The command line. A command's module is imported when the command is asked for, so that each starts fast."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import NoReturn

import click
from dealready import __version__
from dealready.render.help import LocalGroup, LocalOption

COMMANDS = {
    "next": "deal", "why": "deal", "check": "deal", "ask": "deal",
    "whynot": "explain", "whatif": "explain", "diff": "explain",
    "score": "pipeline", "summary": "pipeline", "sql": "pipeline",
    "facts": "facts", "rules": "coach", "test": "test", "schema": "schema",
}


@click.group(
    cls=LocalGroup, modules={name: f"dealready.commands.{module}" for name, module in COMMANDS.items()}, help="help.main",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dealready", cls=LocalOption, help="option.version")
def cli() -> None:
    """Collect the commands."""


def main() -> None:
    """Run the command line; a reader that stops reading (``| head``) is no error."""
    gc.set_threshold(100_000)  # a command lives too briefly for frequent sweeps
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    code = 0
    try:
        cli(prog_name="dealready")
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: freeing a hundred thousand objects one by one would take longer than many a command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
