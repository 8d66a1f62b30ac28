"""A run that is killed at any moment leaves the old output or the new one, whole, and nothing in the way of the next run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from dealready.batch.job import Job
from dealready.batch.previous import read_output
from dealready.batch.run import score

from .pipelines import EXAMPLES
from .test_batch import base
from .test_other_engines import needs_postgres, new_database

KILLS = int(os.environ.get("DEALREADY_KILLS", "2"))  # the soak kills two hundred
ENDINGS = ("", ".xlsx", ".duckdb", ".sqlite")
TABLES = ("deals", "actions", "errors", "run")
OLD, NEW = 1, len(list(EXAMPLES.glob("*.*")))  # deals


def start(source: Path, target: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dealready.cli", "score", str(source), "-o", target, "--force", "--quiet",
               "--tables", "deals,actions", "--lang", "en"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(source: Path, target: str) -> None:
    score(base(), Job(str(source), target, threads=1, force=True, tables=TABLES[:2]))


def kill_at_any_moment(running: subprocess.Popen[bytes], chance: random.Random, folder: Path | None) -> None:
    """Kill a run; most of the danger is in the writing, which begins with something beside the output."""
    if folder is None:
        time.sleep(chance.uniform(0, 4))
    else:
        wait_for_writing(running, folder)
        time.sleep(chance.uniform(0, 0.05))
    running.send_signal(signal.SIGKILL)
    running.communicate()


def wait_for_writing(running: subprocess.Popen[bytes], folder: Path) -> None:
    while running.poll() is None and not any(folder.glob(".*.part")):
        time.sleep(0.001)


def deals_of_whole_output(target: str) -> int:
    with duckdb.connect() as database:
        assert read_output(database, target, TABLES, "") == list(TABLES)
        (scored,) = database.execute("SELECT CAST(scored AS INTEGER) FROM run").fetchone() or (0,)
        assert database.execute("SELECT count(*), count(DISTINCT deal_id) FROM deals").fetchone() == (scored, scored)
        assert database.execute("SELECT count(DISTINCT deal_id) FROM actions").fetchone() == (scored,)
    return int(scored)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_leaves_the_old_output_or_the_new_one(number: int, tmp_path: Path) -> None:
    chance = random.Random(number)
    target = tmp_path / f"out{ENDINGS[number % len(ENDINGS)]}"
    finish(EXAMPLES / "steel-rolling-line.yaml", str(target))
    kill_at_any_moment(start(EXAMPLES, str(target)), chance, tmp_path if number % 5 else None)
    assert deals_of_whole_output(str(target)) in (OLD, NEW)
    finish(EXAMPLES, str(target))
    assert deals_of_whole_output(str(target)) == NEW
    assert os.listdir(tmp_path) == [target.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_is_stopped_leaves_nothing_and_says_no_more_than_that(ending: str, tmp_path: Path) -> None:
    running = start(EXAMPLES, str(tmp_path / f"out{ending}"))
    wait_for_writing(running, tmp_path)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate()
    assert (running.returncode, told.strip()) in ((130, b"Aborted!"), (130, b""), (0, b""))  # it may be at its end by then
    assert os.listdir(tmp_path) in ([], [f"out{ending}"])


@needs_postgres
@pytest.mark.parametrize("number", range(-(-KILLS // 4)))
def test_a_killed_run_leaves_a_schema_as_it_was_or_new(number: int) -> None:
    address = new_database(f"killed_{os.getpid()}_{number}")
    finish(EXAMPLES / "steel-rolling-line.yaml", address)
    kill_at_any_moment(start(EXAMPLES, address), random.Random(number), None)
    assert deals_of_whole_output(address) in (OLD, NEW)
    finish(EXAMPLES, address)
    assert deals_of_whole_output(address) == NEW
