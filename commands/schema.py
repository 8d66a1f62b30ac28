"""The command that prints a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand
from .shared import common_options, print_data, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language


@click.command(cls=LocalCommand, help="help.schema")
@click.argument("what", type=click.Choice(["deal", "diagnosis"]), cls=LocalArgument)
@common_options
def schema(what: str, language: Language) -> None:
    """Print the JSON Schema of a deal file or of a diagnosis."""
    if what == "deal":
        from ..facts.schema import deal_schema

        print_data(deal_schema(rule_base(language).vocabulary, language), "json")
    else:
        from ..render.schema import diagnosis_schema

        print_data(diagnosis_schema(), "json")
