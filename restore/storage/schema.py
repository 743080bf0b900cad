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
    # is given out again, so one that is left is distinguished from the next job's by the `id`.
    """
    CREATE TABLE uploads (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, image BLOB NOT NULL);
    """,
    # Uploads have moved to files of their own (database.prepare). What a person wants to know of a
    # job stands in its row; what is meant to be removed says so until it is; and what was promised
    # under a key is found again by it.
    """
    DROP TABLE uploads;
    CREATE TABLE new_jobs (
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
        error TEXT,
        ended_at REAL,
        started_at REAL,
        note TEXT NOT NULL DEFAULT '',
        upload_bytes INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO new_jobs SELECT seq, id, model_id, strength, upscale, source, width, height,
        created_at, status, attempt, vanished, working, progress, output, error, ended_at,
        NULL, '', 0 FROM jobs;
    DROP TABLE jobs;
    ALTER TABLE new_jobs RENAME TO jobs;
    CREATE INDEX jobs_queued ON jobs (seq) WHERE status = 'queued';
    CREATE INDEX jobs_running ON jobs (seq) WHERE status = 'running';
    CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
    CREATE TABLE removals (id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE keys (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        job_id TEXT NOT NULL,
        created_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX keys_created ON keys (created_at);
    """,
    "ALTER TABLE jobs ADD COLUMN request_id TEXT NOT NULL DEFAULT '';",
)
ROWS_WITH_UPLOADS = 2  # the version in which small uploads stood in the database
SELECT_UPLOADS = """
    SELECT uploads.id, image FROM uploads JOIN jobs USING (seq)
    WHERE jobs.id = uploads.id AND ended_at IS NULL
"""

_SPEC_COLUMNS = tuple(field.name for field in fields(JobSpec))
_JOB_COLUMNS = tuple(field.name for field in fields(Job) if field.name not in ("id", "spec"))
_COLUMNS = ("id", *_SPEC_COLUMNS, *_JOB_COLUMNS)
_NAMES = ", ".join(_COLUMNS)
_SELECT = f"SELECT {_NAMES} FROM jobs"  # noqa: S608  (names of this module's own)
SELECT_ONE = f"{_SELECT} WHERE id = ?"
SELECT_STATE = "SELECT status, progress, output, error FROM jobs WHERE id = ?"
SELECT_QUEUED = f"{_SELECT} WHERE status = 'queued' ORDER BY seq LIMIT ?"
SELECT_QUEUED_IDS = "SELECT id FROM jobs WHERE status = 'queued'"
SELECT_RUNNING = f"{_SELECT} WHERE status = 'running' ORDER BY seq"
SELECT_EXPIRED = f"{_SELECT} WHERE ended_at < ? ORDER BY ended_at LIMIT ?"
SELECT_MISDATED = f"{_SELECT} WHERE ended_at > ? AND seq <= ? ORDER BY seq LIMIT ?"
SELECT_NEWEST = "SELECT ifnull(max(seq), 0) FROM jobs"
COUNT = """
    SELECT (SELECT count(*) FROM jobs WHERE status = 'queued'),
        (SELECT count(*) FROM jobs WHERE status = 'running'),
        (SELECT count(*) FROM jobs WHERE ended_at IS NOT NULL)
"""  # from the indexes alone
COUNT_BEFORE = """
    SELECT count(*) FROM jobs WHERE status = 'queued' AND seq < (SELECT seq FROM jobs WHERE id = ?)
"""
INSERT = f"INSERT INTO jobs ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
UPDATE = (
    f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in _COLUMNS)}"  # noqa: S608
    " WHERE id = ? AND status = ?"
)
DELETE = "DELETE FROM jobs WHERE id = ?"
INSERT_REMOVAL = "INSERT OR IGNORE INTO removals (id) VALUES (?)"
SELECT_REMOVALS = "SELECT id FROM removals"
DELETE_REMOVAL = "DELETE FROM removals WHERE id = ?"
INSERT_KEY = "INSERT INTO keys (key, fingerprint, job_id, created_at) VALUES (?, ?, ?, ?)"
SELECT_KEY = "SELECT key, fingerprint, job_id, created_at FROM keys WHERE key = ?"
DELETE_KEYS = "DELETE FROM keys WHERE created_at < ?"


class Counts(NamedTuple):
    """What COUNT finds: jobs of each kind."""

    waiting: int
    running: int
    ended: int


class Key(NamedTuple):
    """What a client promised not to ask twice for.

    `key` is the client's key within its scope, by `fingerprint` another request under the same key
    is found out; `created_at` is in seconds since the epoch.
    """

    key: str
    fingerprint: str
    job_id: str
    created_at: float


def select_ids(count: int) -> str:
    """The statement for those of `count` ids that have a row."""
    return f"SELECT id FROM jobs WHERE id IN ({', '.join('?' * count)})"  # noqa: S608


def encode(job: Job) -> tuple[Any, ...]:
    """The job as a row, in the order of the columns."""
    spec = (getattr(job.spec, name) for name in _SPEC_COLUMNS)
    return (job.id, *spec, *(getattr(job, name) for name in _JOB_COLUMNS))


def decode(row: tuple[Any, ...]) -> Job:
    """The job that a row of a SELECT holds. Raises ValueError where it holds none."""
    # By position, which costs a third of what it costs by name.
    job_id, model_id, strength, upscale, *plain, status, attempt, vanished, working = row[:12]
    spec = JobSpec(model_id, strength, upscale)
    counted = (JobStatus(status), attempt, vanished, bool(working))
    values: list[Any] = [job_id, spec, *plain, *counted, *row[12:]]
    return Job(*values)


def decode_state(row: tuple[Any, ...]) -> JobState:
    """What a row of SELECT_STATE says. Raises ValueError where it is no job's."""
    status, progress, output, error = row
    return JobState(JobStatus(status), progress, output, error)
