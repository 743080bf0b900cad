"""The promise to the client, pure: what a job, a route, a refusal and a kind of file are.

It knows no socket, no file and no clock; everything else may know it.

    job      a job and its state machine, what a client asks for, what can go wrong
    http     routes, refusals with their sentences, the JSON shapes, the form's fields
    openapi  all of that as an OpenAPI 3.1 description
    kinds    the format of a file, by its first bytes
    notes    what was found and done, in sentences
    units    KIB, MIB
"""

from restore.contract.http import (
    IMAGE_FIELD,
    JOBS_PATH,
    METRICS_ROUTE,
    OUTPUTS_PATH,
    PAGE_PATH,
    PAGE_ROUTES,
    RESTORE_PATH,
    ROUTES,
    TEXT_FIELDS,
    Refusal,
    Route,
    created_json,
    error_json,
    job_json,
    parse_fields,
)
from restore.contract.job import (
    JOB_ERRORS,
    JOB_ID_PATTERN,
    MAX_ATTEMPTS,
    MAX_SIDE_PX,
    MAX_VANISHED,
    UPSCALES,
    Event,
    Job,
    JobSpec,
    JobState,
    JobStatus,
    is_job_id,
)
from restore.contract.kinds import (
    ACCEPTED,
    Box,
    Kind,
    boxes,
    coded_as,
    holds_hevc,
    refusal_sentence,
    sniff,
)
from restore.contract.notes import sentences
from restore.contract.openapi import OPEN_PATHS, description_json
from restore.contract.units import KIB, MIB

__all__ = [
    "ACCEPTED",
    "IMAGE_FIELD",
    "JOBS_PATH",
    "JOB_ERRORS",
    "JOB_ID_PATTERN",
    "KIB",
    "MAX_ATTEMPTS",
    "MAX_SIDE_PX",
    "MAX_VANISHED",
    "METRICS_ROUTE",
    "MIB",
    "OPEN_PATHS",
    "OUTPUTS_PATH",
    "PAGE_PATH",
    "PAGE_ROUTES",
    "RESTORE_PATH",
    "ROUTES",
    "TEXT_FIELDS",
    "UPSCALES",
    "Box",
    "Event",
    "Job",
    "JobSpec",
    "JobState",
    "JobStatus",
    "Kind",
    "Refusal",
    "Route",
    "boxes",
    "coded_as",
    "created_json",
    "description_json",
    "error_json",
    "holds_hevc",
    "is_job_id",
    "job_json",
    "parse_fields",
    "refusal_sentence",
    "sentences",
    "sniff",
]
