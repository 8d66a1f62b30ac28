"""Data as YAML that people edit."""

from __future__ import annotations

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes a value out wherever it stands; an anchor would tie lines together that somebody means to change singly."""

    def ignore_aliases(self, data: Any) -> bool:
        """Tell that nothing is to be named and referred to."""
        return True


def yaml_text(data: Any, ascii_only: bool = False) -> str:
    """Return data, which may not contain itself, as YAML in blocks."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=not ascii_only, sort_keys=False, width=120)
