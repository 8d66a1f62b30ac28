"""A run that is killed at any moment leaves the old output, the new one whole, or none."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .pipelines import EXAMPLES

KILLS = int(os.environ.get("DEALREADY_KILLS", "4"))  # the soak kills two hundred
OLD = "the output of last week"
TABLES = {"deals", "actions", "errors", "run"}


def start(source: Path, target: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dealready.cli", "score", str(source), "-o", str(target), "--force", "--quiet",
               "--format", "csv", "--tables", "deals,actions"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_the_writing_to_begin(folder: Path, running: subprocess.Popen[bytes]) -> None:
    while running.poll() is None and not any(folder.glob(".*.part")):
        time.sleep(0.001)


def is_whole(folder: Path, deals: int) -> bool:
    if {path.stem for path in folder.iterdir()} != TABLES:
        return False
    with (folder / "deals.csv").open(encoding="utf-8-sig", newline="") as file:
        return len(list(csv.DictReader(file))) == deals


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_leaves_the_old_output_or_the_new_one_or_none(number: int, tmp_path: Path) -> None:
    chance = random.Random(number)
    target = tmp_path / "out"
    target.mkdir()
    (target / "note.txt").write_text(OLD, "utf-8")
    running = start(EXAMPLES, target)
    if number % 4:  # most of the danger is in the writing
        wait_for_the_writing_to_begin(tmp_path, running)
        time.sleep(chance.uniform(0, 0.05))
    else:
        time.sleep(chance.uniform(0, 4))
    running.send_signal(signal.SIGKILL)
    running.wait()
    if target.exists():
        old = {path.name for path in target.iterdir()} == {"note.txt"}
        assert old or is_whole(target, len(list(EXAMPLES.glob("*.*"))))
    running = start(EXAMPLES, target)  # and the next run finds nothing in its way
    assert running.wait() == 0
    assert is_whole(target, len(list(EXAMPLES.glob("*.*"))))
