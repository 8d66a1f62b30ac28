"""Lets pytest collect case files: every ``*.case.yaml``, and every YAML file in a folder named ``cases``.

The layers come from ``--dealready-rules`` (which may be given again), or from the nearest ``dealready.toml``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # every run of pytest loads this module, and most have no cases
    from ..engine.diagnose import Diagnoser
    from .cases import CaseFile

_DIAGNOSERS = pytest.StashKey["dict[str, Diagnoser]"]()
_ENDINGS = (".yaml", ".yml", ".json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names layers."""
    group = parser.getgroup("dealready")
    group.addoption("--dealready-rules", action="append", default=[], metavar="DIR", help="a layer of facts and rules")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect case files."""
    if file_path.suffix not in _ENDINGS or (file_path.parent.name != "cases" and ".case." not in file_path.name):
        return None
    from .cases import is_case_file

    if not is_case_file(file_path):
        return None
    collector: pytest.Collector = _File.from_parent(parent, path=file_path)
    return collector


class _File(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        """Yield the cases of the file."""
        from .cases import read_cases

        diagnoser = self.diagnoser()
        for case in read_cases(self.path, diagnoser.base):
            yield _Case.from_parent(self, name=case.name, case=case, diagnoser=diagnoser)

    def diagnoser(self) -> Diagnoser:
        """Return one diagnoser for all files that share their layers."""
        from ..engine.diagnose import Diagnoser
        from ..rules.cache import cached_rule_base
        from ..rules.layers import all_layers

        known = self.config.stash.setdefault(_DIAGNOSERS, {})
        layers = all_layers(self.config.getoption("--dealready-rules"), self.path.parent)
        base = cached_rule_base(layers)
        return known.setdefault(base.hash, Diagnoser(base))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Tell what is wrong with a file in words."""
        from ..facts.problems import Rejected
        from ..render.words import language_of

        if isinstance(excinfo.value, Rejected):
            return "\n".join(problem.message(language_of(os.environ)) for problem in excinfo.value.problems)
        return str(super().repr_failure(excinfo))


class _Unmet(Exception):
    """What does not hold of a case, in words."""


class _Case(pytest.Item):
    def __init__(self, *, case: CaseFile, diagnoser: Diagnoser, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.case = case
        self.diagnoser = diagnoser

    def runtest(self) -> None:
        """Check the case."""
        from .cases import check_case

        failures = check_case(self.case, self.diagnoser.diagnose(self.case.deal, self.case.asks))
        if failures:
            from ..render.words import language_of
            from .telling import Teller

            teller = Teller(self.case, self.diagnoser, language_of(os.environ))
            raise _Unmet("\n".join("\n    ".join(teller.tell(failure)) for failure in failures))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Tell what does not hold in words."""
        return str(excinfo.value) if isinstance(excinfo.value, _Unmet) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the case stands."""
        return self.path, max(self.case.place.line - 1, 0), self.case.name
