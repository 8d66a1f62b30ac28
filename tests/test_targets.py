"""An output goes where it should, and takes the place of nothing but an earlier output."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import openpyxl
import pytest
from dealready.batch import placing
from dealready.batch.engines import duckdb_at_work
from dealready.batch.job import Job
from dealready.batch.placing import beside, put_back, take_place
from dealready.batch.previous import OUTPUT_TABLES
from dealready.batch.refusal import BadSource
from dealready.batch.run import score
from dealready.batch.spark import _check_schema

from .product import base
from .product import run as command
from .test_batch import outputs, pipeline, run, write_csv

ENDINGS = ("", ".xlsx", ".duckdb", ".sqlite")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "in", pipeline())


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_force_replaces_only_what_a_run_wrote(source: Path, tmp_path: Path) -> None:
    important = tmp_path / "important"
    important.mkdir()
    (important / "thesis.txt").write_text("years of work", "utf-8")
    database = tmp_path / "crm.duckdb"
    with duckdb.connect(str(database)) as crm:
        crm.execute("CREATE TABLE deals AS SELECT 'A' AS deal_id")
    (tmp_path / "list.xlsx").write_bytes(b"no workbook")
    before = everything(tmp_path)
    for target in (important, database, tmp_path / "list.xlsx"):
        with pytest.raises(BadSource, match=r"batch-not-replaced|batch-holds-others"):
            run(source, target, force=True, tables=("deals",))
    assert everything(tmp_path) == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_force_replaces_an_output_but_not_what_somebody_added_to_it(ending: str, source: Path, tmp_path: Path) -> None:
    target = tmp_path / f"out{ending}"
    for _ in range(2):
        run(source, target, force=True, tables=("deals",))
    if ending == ".xlsx":
        book = openpyxl.load_workbook(target)
        book.create_sheet("My notes")
        book.save(target)
    elif ending == ".duckdb":
        with duckdb.connect(str(target)) as database:
            database.execute("CREATE VIEW mine AS FROM deals")
    elif not ending:
        (target / "notes.txt").write_text("mine", "utf-8")
    else:
        return
    before = everything(tmp_path)
    with pytest.raises(BadSource, match="batch-holds-others"):
        run(source, target, force=True, tables=("deals",))
    assert everything(tmp_path) == before


def test_an_output_never_takes_the_place_of_its_input(source: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(source)
    before = everything(tmp_path)
    for given in (source, source / "deals.csv", source / "*.csv", link):
        with pytest.raises(BadSource, match="batch-onto-input"):
            run(given, source, force=True)
    assert everything(tmp_path) == before


def test_an_output_never_takes_the_place_of_the_one_it_is_compared_with(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(source, Path("s1"), tables=("deals",))
    Path("link").symlink_to("s1")
    before = everything(tmp_path)
    for target, since in (("s1", "s1"), ("./s1", "s1"), ("s1/", str(tmp_path / "s1")), ("link", "s1")):
        with pytest.raises(BadSource, match="batch-same"):
            score(base(), Job(str(source), target, since=since, force=True))
    with pytest.raises(BadSource, match="batch-same"):
        score(base(), Job(str(source), "postgres://a:b@host/crm", since="postgresql://host/crm?schema=x", force=True))
    assert everything(tmp_path) == before


def test_what_an_output_is_compared_with_is_looked_at_before_anything_is_read(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_arguments: Any) -> None:
        raise AssertionError("read")

    monkeypatch.setattr("dealready.batch.run.open_source", read)
    with pytest.raises(BadSource, match="batch-not-ours"):
        run(source, tmp_path / "out", since=str(source))


@pytest.mark.parametrize(("target", "options", "code"), [
    ("out.xlsx", {"format": "csv"}, "batch-format"), ("out.duckdb", {"format": "parquet"}, "batch-format"),
])
def test_an_output_that_makes_no_sense_is_refused(target: str, options: dict[str, str], code: str, source: Path) -> None:
    with pytest.raises(BadSource, match=code):
        score(base(), Job(str(source), target, **options))  # type: ignore[arg-type]


def test_an_empty_folder_is_filled(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run(source, tmp_path / "out", format="csv", tables=("deals",))
    assert len(outputs(tmp_path / "out", "deals")) == 2


def test_a_link_to_an_output_stays_and_what_it_points_to_is_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "out"
    link.symlink_to(tmp_path / "elsewhere")
    for _ in range(2):
        run(source, link, format="csv", force=True, tables=("deals",))
    assert link.is_symlink()
    assert len(outputs(tmp_path / "elsewhere", "deals")) == 2


@pytest.mark.parametrize("name", ["scored.csv", "scored.parquet", "scored.xls"])
def test_an_output_of_many_tables_is_not_one_file_of_a_kind_that_holds_one(name: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="batch-target"):
        run(source, tmp_path / name)


def test_the_name_of_a_folder_may_hold_a_dot(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "run.2026-03", format="csv", tables=("deals",))
    assert len(outputs(tmp_path / "run.2026-03", "deals")) == 2


def test_amounts_and_counts_are_numbers_in_sqlite(tmp_path: Path) -> None:
    tables = pipeline()
    tables["deals"][0]["deal_amount"], tables["deals"][1]["deal_amount"] = "100", "2500.25"
    target = tmp_path / "out.sqlite"
    run(write_csv(tmp_path / "in", tables), target, tables=("deals", "actions"))
    with closing(sqlite3.connect(target)) as database:
        found = database.execute("SELECT deal_id, deal_amount FROM deals WHERE deal_amount > 1000").fetchall()
        kinds = {
            name: kind for table in ("deals", "actions", "run")
            for _, name, kind, *_ in database.execute(f"PRAGMA table_info({table})")
        }
    assert found == [("bad", 2500.25)]
    wanted = {"deal_amount": "NUMERIC", "scored": "INTEGER", "readiness_low": "INTEGER", "rank": "INTEGER",
              "seconds": "REAL", "as_of": "TEXT", "step": "TEXT"}
    assert kinds | wanted == kinds


def test_a_sheet_leaves_out_signs_that_it_cannot_hold(tmp_path: Path) -> None:
    tables = pipeline()
    tables["deals"][0]["account_name"] = "Good\x07 Steel"
    run(write_csv(tmp_path / "in", tables), tmp_path / "out.xlsx", tables=("deals",))
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "out.xlsx")["Deals"].iter_rows(values_only=True) for cell in row]
    assert "Good Steel" in cells


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_new_folder_takes_the_place_of_an_old_one(
    can_exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr("dealready.batch.placing._exchanged", lambda _one, _other: False)
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with beside(target) as folder:
        (folder / "new").mkdir()
        (folder / "new" / "fresh").touch()
        take_place(folder / "new", target, folder)
    assert list(everything(tmp_path)) == ["out/fresh"]


def test_what_a_killed_run_left_is_put_back_or_taken_away(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    left = tmp_path / ".out.12345678.part"
    left.mkdir()
    target.rename(left / "old")
    other = tmp_path / ".out.2026.12345678.part"
    other.mkdir()
    with beside(target) as folder:
        assert everything(target) == {"old": b""}
        put_back(target)  # a run that is at work is left alone
        assert folder.is_dir()
    assert sorted(os.listdir(tmp_path)) == [other.name, "out"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("force", [False, True])
def test_what_appears_where_the_output_goes_while_a_run_works_stays(
    force: bool, ending: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"out{ending}"
    work = placing.beside

    def appear(place: Path) -> Any:
        if ending:
            place.write_text("another's", "utf-8")
        else:
            place.mkdir()
            (place / "notes.txt").write_text("another's", "utf-8")
        return work(place)

    monkeypatch.setattr("dealready.batch.targets.beside", appear)
    with pytest.raises(BadSource, match="batch-not-replaced" if force else "batch-exists"):
        run(source, target, force=force, tables=("deals",))
    (kept,) = (data for name, data in everything(tmp_path).items() if name.startswith("out"))
    assert kept == b"another's"
    assert sorted(os.listdir(tmp_path)) == ["in", target.name]


ASYNC = 'IO Error: Async write failed: {{"exception_type":"IO","exception_message":"Could not write \\"x\\": {}","errno":"0"}}'


@pytest.mark.parametrize(("error", "told"), [
    (OSError(errno.ENOSPC, "No space left on device"), "out: its disk is full"),
    (duckdb.TransactionException("Failed to commit: Could not write file: No space left on device"), "out: its disk is full"),
    (duckdb.IOException(ASYNC.format("No space left on device")), "out: its disk is full"),
    (sqlite3.OperationalError("database or disk is full"), "out: its disk is full"),
    (duckdb.IOException(ASYNC.format("broken")), "out: can't be written: Could not write \"x\": broken"),
    (PermissionError(errno.EACCES, "Permission denied", "out.part"), "out: can't be written: Permission denied"),
])
def test_an_output_that_cannot_be_written_is_told_in_a_sentence(
    error: Exception, told: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr("dealready.batch.targets.take_place", fail)
    monkeypatch.chdir(tmp_path)
    done = command("score", str(source), "-o", "out", "--tables", "deals")
    assert (done.exit_code, done.stdout, done.stderr.partition(";")[0].strip()) == (2, "", told)
    assert os.listdir(tmp_path) == ["in"]


def test_that_there_is_no_room_for_temporary_files_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="batch-no-room-aside") as refused, duckdb_at_work():
        raise duckdb.IOException(ASYNC.format("No space left on device"))
    assert "TMPDIR" in refused.value.message("en")


def test_a_folder_that_another_run_takes_away_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = tempfile.mkdtemp, []

    def taken_at_first(**options: Any) -> str:
        made.append(make(**options))
        if len(made) == 1:
            put_back(tmp_path / "out")
        return made[-1]

    monkeypatch.setattr("tempfile.mkdtemp", taken_at_first)
    with beside(tmp_path / "out") as folder:
        assert str(folder) == made[1]
        assert os.listdir(tmp_path) == [folder.name]


def test_a_run_that_is_stopped_just_when_its_folder_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp

    def stopped(**options: Any) -> str:
        make(**options)
        raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.mkdtemp", stopped)
    with pytest.raises(KeyboardInterrupt), beside(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_is_held_until_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".out.12345678.part").mkdir()
    looked: list[Path] = []

    def look(folder: Path, **_options: Any) -> None:
        handle = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(handle)
        looked.append(folder)

    monkeypatch.setattr("shutil.rmtree", look)
    put_back(tmp_path / "out")
    assert looked == [tmp_path / ".out.12345678.part"]


def test_an_old_folder_that_stepped_aside_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dealready.batch.placing._exchanged", lambda _one, _other: False)
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(FileNotFoundError), beside(target) as folder:
        take_place(folder / "never made", target, folder)
    assert list(everything(tmp_path)) == ["out/old"]


@pytest.mark.parametrize(("options", "code"), [
    ({"since": "nowhere"}, "batch-spark"), ({"memory": "1GB"}, "batch-spark"), ({"format": "csv"}, "batch-spark"),
    ({"threads": 2}, "batch-spark"), ({"as_of": "soon"}, "batch-as-of"),
])
@pytest.mark.parametrize("target", ["table:default", "out"])
def test_spark_is_not_started_for_what_is_refused(
    target: str, options: dict[str, Any], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_quiet: bool) -> None:
        raise AssertionError("started")

    monkeypatch.setattr("dealready.batch.spark._session", start)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSource, match=code):
        score(base(), Job("in", target, engine="spark", **options))
    for file in ("out.xlsx", "postgresql://nowhere/crm"):
        with pytest.raises(BadSource, match="batch-spark"):
            score(base(), Job("in", file, engine="spark"))


def test_tables_of_a_catalogue_are_replaced_only_if_a_run_wrote_them() -> None:
    def session(**found: list[str]) -> Any:
        catalog = SimpleNamespace(databaseExists=lambda name: name == "crm", tableExists=lambda name: name[4:] in found)
        return SimpleNamespace(catalog=catalog, table=lambda name: SimpleNamespace(columns=found[name[4:]]))

    ours = ["deal_id", "scored", "step", "readiness_low", "criteria_met"]
    for name in OUTPUT_TABLES:
        with pytest.raises(BadSource, match="batch-exists"):
            _check_schema(session(**{name: ours}), "crm", False)
    for there in ({"deals": ["deal_id"]}, {"actions": ["x"]}):
        with pytest.raises(BadSource, match="batch-not-replaced"):
            _check_schema(session(**there), "crm", True)
    with pytest.raises(BadSource, match="batch-no-schema"):
        _check_schema(session(), "nowhere", True)
    for there in ({}, {"deals": ours, "actions": ["x"]}, {"stakeholders": ["x"]}):
        _check_schema(session(**there), "crm", True)
