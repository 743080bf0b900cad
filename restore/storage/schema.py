"""The jobs' table as SQL and rows: its schema, its statements, a Job to a row and back.

Text and tuples only; running the statements is jobstore's. The columns are the fields of Job and
JobSpec under the same names, and a test holds that.
"""

from dataclasses import fields
from typing import Any, NamedTuple

from restore.contract import Job, JobSpec, JobState, JobStatus

# One entry a version of the schema; PRAGMA user_version counts those applied. `seq` is the order of
# arrival. The partial indexes hold only what is waiting, running or ended, so that finding the next
# job costs the same beside 100,000 ended ones.
SCHEMA = (
    """
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        model_id TEXT NOT NULL,
        strength REAL NOT NULL,
        upscale INTEGER NOT NULL,
        source TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        created_at REAL NOT NULL,
        status TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        vanished INTEGER NOT NULL,
        working INTEGER NOT NULL,
        progress REAL NOT NULL,
        output TEXT,
        output_bytes INTEGER NOT NULL,
        error TEXT,
        ended_at REAL
    );
    CREATE INDEX jobs_queued ON jobs (seq) WHERE status = 'queued';
    CREATE INDEX jobs_running ON jobs (seq) WHERE status = 'running';
    CREATE INDEX jobs_ended ON jobs (ended_at, output_bytes) WHERE ended_at IS NOT NULL;
    """,
    # Small uploads, under the `seq` of their jobs, for as long as these may need them. No trigger
    # deletes them: where one of their pages has gone bad, jobs must be able to end without. A `seq`
    # is given out again, so one that is left is told from the next job's by the `id`.
    """
    CREATE TABLE uploads (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, image BLOB NOT NULL);
    """,
)

_SPEC_COLUMNS = tuple(field.name for field in fields(JobSpec))
_JOB_COLUMNS = tuple(field.name for field in fields(Job) if field.name not in ("id", "spec"))
_COLUMNS = ("id", *_SPEC_COLUMNS, *_JOB_COLUMNS)
_NAMES = ", ".join(_COLUMNS)
_SELECT = f"SELECT {_NAMES} FROM jobs"  # noqa: S608  (names of this module's own)
SELECT_ONE = f"{_SELECT} WHERE id = ?"
SELECT_STATE = "SELECT status, progress, output, error FROM jobs WHERE id = ?"
SELECT_QUEUED = f"{_SELECT} WHERE status = 'queued' ORDER BY seq LIMIT ?"
SELECT_RUNNING = f"{_SELECT} WHERE status = 'running' ORDER BY seq"
SELECT_EXPIRED = f"{_SELECT} WHERE ended_at < ? ORDER BY ended_at LIMIT ?"
COUNT = """
    SELECT (SELECT count(*) FROM jobs WHERE status = 'queued'),
        (SELECT count(*) FROM jobs WHERE status = 'running'),
        count(*), count(nullif(output_bytes, 0)), ifnull(sum(output_bytes), 0)
    FROM jobs WHERE ended_at IS NOT NULL
"""  # from the indexes alone: 12 ms beside 100,000 ended jobs
INSERT = f"INSERT INTO jobs ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
INSERT_UPLOAD = "INSERT OR REPLACE INTO uploads (seq, id, image) VALUES (last_insert_rowid(), ?, ?)"
SELECT_UPLOAD = """
    SELECT image FROM uploads WHERE seq = (SELECT seq FROM jobs WHERE id = ?1) AND id = ?1
"""
SWEEP_UPLOADS = """
    DELETE FROM uploads WHERE NOT EXISTS
        (SELECT 1 FROM jobs WHERE seq = uploads.seq AND id = uploads.id AND ended_at IS NULL)
"""
DELETE_UPLOAD = "DELETE FROM uploads WHERE seq = (SELECT seq FROM jobs WHERE id = ?)"
UPDATE = (
    f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in _COLUMNS)}"  # noqa: S608
    " WHERE id = ? AND status = ?"
)
DELETE = "DELETE FROM jobs WHERE id = ?"
BOUND_ENDS = "UPDATE jobs SET ended_at = ? WHERE ended_at > ?"


class Counts(NamedTuple):
    """What COUNT finds: jobs of each kind, results and their bytes."""

    waiting: int
    running: int
    ended: int
    results: int
    result_bytes: int


def select_ids(count: int) -> str:
    """The statement for those of `count` ids that have a row."""
    return f"SELECT id FROM jobs WHERE id IN ({', '.join('?' * count)})"  # noqa: S608


def encode(job: Job) -> tuple[Any, ...]:
    """The job as a row, in the order of the columns."""
    spec = (getattr(job.spec, name) for name in _SPEC_COLUMNS)
    return (job.id, *spec, *(getattr(job, name) for name in _JOB_COLUMNS))


def decode(row: tuple[Any, ...]) -> Job:
    """The job that a row of a SELECT holds. Raises ValueError where it holds none."""
    # By position: by name it costs 20 us instead of 6 (Python 3.11, 2026-11-22).
    job_id, model_id, strength, upscale, *plain, status, attempt, vanished, working = row[:12]
    spec = JobSpec(model_id, strength, upscale)
    counted = (JobStatus(status), attempt, vanished, bool(working))
    values: list[Any] = [job_id, spec, *plain, *counted, *row[12:]]
    return Job(*values)


def decode_state(row: tuple[Any, ...]) -> JobState:
    """What a row of SELECT_STATE says. Raises ValueError where it is no job's."""
    status, progress, output, error = row
    return JobState(JobStatus(status), progress, output, error)


def decode_upload(row: tuple[Any, ...]) -> bytes:
    """The image that a row of SELECT_UPLOAD holds."""
    image: bytes = row[0]
    return image
