"""Dependencies point one way, and what is packaged is what is there."""

from __future__ import annotations

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["facts", "rules", "engine", "render", "interview", "batch", "coach", "commands"]
MOST_LINES = 400


def _imports(path: Path) -> set[str]:
    """Return the packages of ours that a module imports, by the first part of their name."""
    found: set[str] = set()
    depth = len(path.relative_to(ROOT).parts) - 1
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level == depth + 1 and module:
                found.add(module.partition(".")[0])
            elif module.startswith("dealready."):
                found.add(module.split(".")[1])
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_layers_below_it(layer: str) -> None:
    allowed = set(LAYERS[: LAYERS.index(layer) + 1])
    for path in (ROOT / layer).glob("*.py"):
        assert _imports(path) & {*LAYERS, "cli"} <= allowed, path


def _neighbours(path: Path) -> set[str]:
    """Return the modules of its own package that a module imports, be it for its types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module.partition(".")[0]} if node.module else {name.name for name in node.names}
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_no_modules_of_a_layer_import_one_another(layer: str) -> None:
    TopologicalSorter({path.stem: _neighbours(path) for path in (ROOT / layer).glob("*.py")}).prepare()


def test_nobody_knows_the_command_line() -> None:
    for layer in LAYERS:
        for path in (ROOT / layer).glob("*.py"):
            assert "cli" not in _imports(path)


def test_only_one_module_knows_how_to_import_experta() -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for layer in LAYERS
        for path in (ROOT / layer).glob("*.py")
        if any(
            (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("experta"))
            or (isinstance(node, ast.Import) and any(name.name.startswith("experta") for name in node.names))
            or (isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"experta(\.\w+)*", node.value))
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    }
    assert importers == {"engine/experta_import.py"}


def test_no_module_of_ours_is_too_long_to_read() -> None:
    for path in [ROOT / "cli.py", *(path for layer in LAYERS for path in (ROOT / layer).glob("*.py"))]:
        assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES, path


def test_the_packages_named_for_the_wheel_are_the_folders_that_hold_code() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    folders = {"dealready", *(f"dealready.{name}" for name in packages)}
    assert set(settings["packages"]) == folders
    assert set(settings["package-dir"]) == folders


def test_no_two_top_level_names_reach_site_packages() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert all(name == "dealready" or name.startswith("dealready.") for name in settings["packages"])
