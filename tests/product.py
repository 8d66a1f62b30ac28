"""The product as the tests use it: its rule base, which is read once, and its command line."""

from __future__ import annotations

import functools

from click.testing import CliRunner, Result
from dealready.cli import cli
from dealready.engine.diagnose import Diagnoser
from dealready.rules.base import RuleBase, load_rule_base


@functools.cache
def base() -> RuleBase:
    return load_rule_base()


@functools.cache
def diagnoser() -> Diagnoser:
    return Diagnoser(base())


def run(*arguments: str, language: str = "en", text: str | None = None) -> Result:
    """Run a command as in a process of its own, with a locale of its own; ``text`` is what somebody types."""
    environment = {"LC_ALL": "zh_CN.UTF-8" if language == "zh" else "C.UTF-8", "LANG": "", "LANGUAGE": ""}
    return CliRunner(env=environment).invoke(cli, list(arguments), input=text)
