"""What to score and where to put it, and whether that can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..engine.outputs import CONDITIONS, OUTPUTS
from ..facts.tables import AS_OF, DEALS, tables
from ..facts.texts import Language
from ..facts.vocabulary import Vocabulary
from .cells import meanings_of
from .changes import check_comparable
from .contradictions import CONTRADICTIONS
from .postgres import database_of, is_address
from .refusal import BadSource
from .targets import check_target, is_folder, place_of

CATALOGUE = "table:"  # begins an input or output that is a schema of Spark's catalogue
TABLES = (*OUTPUTS, CONTRADICTIONS)  # that can be asked for
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Job:
    """What to score and where to put it.

    ``memory`` is DuckDB's limit, such as ``4GB``; ``as_of`` stands in for rows of deals that have none;
    ``since`` is an earlier output to compare with; ``tables`` are the output tables that are wanted
    beside those that tell of the run itself; ``quiet`` keeps an engine from printing warnings of its own.
    """

    source: str
    target: str
    language: Language = "en"
    explain: bool = False
    format: str = ""
    memory: str = ""
    threads: int = 0
    as_of: str = ""
    strict: bool = False
    force: bool = False
    since: str = ""
    engine: str = "duckdb"
    quiet: bool = False
    tables: tuple[str, ...] = TABLES


class Stopped(Exception):
    """A strict run met a bad row; carries what is wrong with it."""


def wanted_tables(job: Job) -> tuple[str, ...]:
    """Return the tables that a job asks the rules for; comparing takes the rules that fired."""
    wanted = {"deals", *job.tables, *(["fired"] if job.since else []), *([CONDITIONS] if job.explain else [])}
    return tuple(name for name in (*OUTPUTS, CONDITIONS) if name in wanted)


def written_tables(job: Job, made: Iterable[str]) -> list[str]:
    """Return those of the tables that a run has made which it writes: not what only comparing takes."""
    return [name for name in made if name != "fired" or name in job.tables]


def checked(job: Job, vocabulary: Vocabulary) -> Job:
    """Return a job as it is carried out: with its day as SQL writes one.

    Raises :class:`BadSource` for anything that can be told to be wrong before it begins.
    """
    _check_options(job)
    if job.since:
        if _place(job.since) == _place(job.target):
            raise BadSource("batch-same", target=job.target)
        check_comparable(job.since)
    if not _is_in_catalogue(job):  # which only Spark knows
        check_target(job.source, job.target, job.force)
    return replace(job, as_of=_day(job.as_of, vocabulary))


def _check_options(job: Job) -> None:
    """Raise :class:`BadSource` for options that do not go together."""
    in_folder = is_folder(job.target)
    if job.engine == "spark":
        if job.since or job.format or job.memory or job.threads or not (in_folder or _is_in_catalogue(job)):
            raise BadSource("batch-spark")
    elif job.format and not in_folder:
        raise BadSource("batch-format", target=job.target)


def _is_in_catalogue(job: Job) -> bool:
    return job.engine == "spark" and job.target.startswith(CATALOGUE)


def _place(output: str) -> object:
    """Return what is the same for all spellings of the place of an output."""
    return database_of(output) if is_address(output) else place_of(output)


def _day(written: str, vocabulary: Vocabulary) -> str:
    """Return a day that is written as it may be in a cell."""
    if not written:
        return ""
    meanings, _ = meanings_of(tables(vocabulary)[DEALS].columns[AS_OF], [written])
    if written not in meanings:
        raise BadSource("batch-as-of", found=written)
    return str(meanings[written])
