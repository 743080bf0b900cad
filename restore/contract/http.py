"""The promise to the client: routes, form fields, statuses, sentences, JSON shapes, events.

Paths, parameter names, status codes and the two JSON shapes are immutable: strict clients throw on
one key more. What is added to them travels in headers or under paths of its own. This module holds
words and tables only; it opens nothing and decides nothing that needs a clock, a file or a socket.
"""

import json
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _json
from typing import NamedTuple

from restore.contract.job import (
    MAX_SIDE_PX,
    STRENGTH_DEFAULT,
    STRENGTH_MAX,
    STRENGTH_MIN,
    UPSCALE_DEFAULT,
    UPSCALES,
    JobSpec,
)

RESTORE_PATH = "/v1/restore"
JOBS_PATH = "/v1/jobs/"
OUTPUTS_PATH = "/outputs/"
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"
OPENAPI_PATH = "/openapi.json"
MODELS_PATH = "/v1/models"
PAGE_PATH = "/"
PAGE_FILES_PATH = "/web/"


class Route(NamedTuple):
    """One address: `methods` maps each method to the name of its operation.

    With `takes_name` the address is `path`, one more segment, which the function gets, and
    `suffix`. HEAD goes wherever GET does; OPTIONS is answered for all alike.
    """

    path: str
    methods: Mapping[str, str]
    takes_name: bool = False
    suffix: str = ""


ROUTES = (
    Route(JOBS_PATH, {"GET": "get_job", "DELETE": "cancel_job"}, takes_name=True),
    Route(RESTORE_PATH, {"POST": "create_job"}),
    Route(JOBS_PATH, {"GET": "get_details"}, takes_name=True, suffix="/details"),
    Route(JOBS_PATH, {"GET": "get_before"}, takes_name=True, suffix="/before"),
    Route(OUTPUTS_PATH, {"GET": "get_output"}, takes_name=True),
    Route(HEALTH_PATH, {"GET": "get_health"}),
    Route(READY_PATH, {"GET": "get_ready"}),
    Route(OPENAPI_PATH, {"GET": "get_description"}),
    Route(MODELS_PATH, {"GET": "get_models"}),
)

# The web page and its files: for people, and no part of what is promised to programs.
PAGE_ROUTES = (
    Route(PAGE_PATH, {"GET": "get_page"}),
    Route(PAGE_FILES_PATH, {"GET": "get_page"}, takes_name=True),
)

# For who operates the server (METRICS=true), and no part of the promise either.
METRICS_ROUTE = Route("/metrics", {"GET": "get_metrics"})

IMAGE_FIELD = "image"
TEXT_FIELDS = ("model_id", "strength", "upscale")

POLL_INTERVAL_S = 1.5


class Problem(NamedTuple):
    """One way a request is refused. `again` says whether the same request may be sent again."""

    code: str
    status: int
    sentence: str
    again: str = "no"


_LATER = "after Retry-After"

PROBLEMS: Mapping[str, Problem] = {
    problem.code: problem
    for problem in (
        Problem("malformed_request", 400, "The request is not valid HTTP."),
        Problem("malformed_form", 400, "The form data is damaged or incomplete."),
        Problem("form_too_large", 400, "The form has too many or too long fields."),
        Problem("image_missing", 400, "The form has no file in the field 'image'."),
        Problem("image_repeated", 400, "The form has more than one file in the field 'image'."),
        Problem("image_empty", 400, "The file in the field 'image' is empty."),
        Problem("image_unreadable", 400, "The image is damaged or incomplete and can't be read."),
        Problem(
            "image_dimensions",
            400,
            f"The image is larger than {MAX_SIDE_PX} x {MAX_SIDE_PX} pixels.",
        ),
        Problem("field_repeated", 400, "A field is given more than once."),
        Problem(
            "strength_invalid",
            400,
            f"strength must be a number from {STRENGTH_MIN} to {STRENGTH_MAX}, such as 0.6.",
        ),
        Problem("upscale_invalid", 400, "upscale must be 1, 2 or 4."),
        Problem("model_unknown", 400, "This model_id is not offered."),
        Problem("key_invalid", 400, "Idempotency-Key must be 1 to 255 printable ASCII characters."),
        Problem("unauthorized", 401, "This server wants a token, and this is none of its tokens."),
        Problem("cross_origin", 403, "Requests from other web sites are not accepted."),
        Problem("job_not_found", 404, "There is no job with this id."),
        Problem("result_not_found", 404, "There is no result with this name."),
        Problem("before_not_found", 404, "There is no picture of this job's photo."),
        Problem("not_found", 404, "There is nothing at this address."),
        Problem("method_not_allowed", 405, "This address doesn't answer this method."),
        Problem("request_timeout", 408, "The request took too long to arrive.", "yes"),
        Problem("precondition_failed", 412, "The file is not in the state that was asked for."),
        Problem("payload_too_large", 413, "The image is too large."),
        Problem("uri_too_long", 414, "The address is too long."),
        Problem(
            "unsupported_content_type",
            415,
            "Send the image as multipart/form-data, in the field 'image'.",
        ),
        Problem("unsupported_image", 415, "The file is not a JPEG, PNG, WEBP or HEIC image."),
        Problem("range_not_satisfiable", 416, "The requested range is outside of the file."),
        Problem("expectation_failed", 417, "This expectation can't be met."),
        Problem("host_not_allowed", 421, "This server doesn't answer under this host name."),
        Problem("key_reused", 422, "Another photo was sent under this Idempotency-Key before."),
        Problem("rate_limited", 429, "Too many requests. Please wait a moment.", _LATER),
        Problem("headers_too_large", 431, "The request's header is too large."),
        Problem("internal_error", 500, "Something went wrong on our side.", "yes"),
        Problem("not_implemented", 501, "This way of sending a request is not supported."),
        Problem("disabled", 503, "Restoring photos is switched off at the moment.", _LATER),
        Problem("queue_full", 503, "Too many photos are waiting. Please try later.", _LATER),
        Problem(
            "storage_unavailable",
            503,
            "The photo can't be kept at the moment. Please try later.",
            _LATER,
        ),
        Problem("too_busy", 503, "Too many connections. Please try later.", _LATER),
        Problem("not_ready", 503, "The server can't take photos at the moment.", _LATER),
        Problem("starting", 503, "The server is still starting. Please try again.", _LATER),
        Problem("http_version_not_supported", 505, "This version of HTTP is not supported."),
    )
}


class Refusal(Exception):  # noqa: N818  (it is an answer to a client, not a fault of the program)
    """A request that is answered with an error.

    `code` is one of PROBLEMS; `sentence` replaces the table's where the case has more to say;
    `headers` are added to the answer; `detail` goes to the log only.
    """

    def __init__(
        self,
        code: str,
        sentence: str | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        detail: str = "",
    ) -> None:
        problem = PROBLEMS[code]
        super().__init__(code)
        self.code = code
        self.status = problem.status
        self.sentence = sentence or problem.sentence
        self.headers = headers
        self.detail = detail


_DECIMAL = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)


def parse_fields(fields: Mapping[str, str], model_default: str, models: Collection[str]) -> JobSpec:
    """Turn the form's texts into a JobSpec; an empty or absent field takes its default.

    `models` are the ids that may be asked for. Raises Refusal (400).
    """
    return JobSpec(
        model_id=_parse_model(fields.get("model_id", ""), model_default, models),
        strength=_parse_strength(fields.get("strength", "")),
        upscale=_parse_upscale(fields.get("upscale", "")),
    )


def _parse_model(text: str, default: str, models: Collection[str]) -> str:
    model_id = text.strip(" ") or default
    if model_id not in models:
        offered = ", ".join(sorted(models))
        raise Refusal("model_unknown", f"This model_id is not offered. Offered are: {offered}.")
    return model_id


def _parse_strength(text: str) -> float:
    number = text.strip(" ")
    if not number:
        return STRENGTH_DEFAULT
    if not _DECIMAL.fullmatch(number):
        raise Refusal("strength_invalid")
    strength = float(number)
    if not STRENGTH_MIN <= strength <= STRENGTH_MAX:
        raise Refusal("strength_invalid")
    return strength


def _parse_upscale(text: str) -> int:
    number = text.strip(" ")
    if not number:
        return UPSCALE_DEFAULT
    if number not in {str(upscale) for upscale in UPSCALES}:
        raise Refusal("upscale_invalid")
    return int(number)


def created_json(job_id: str) -> bytes:
    """The body of the 201."""
    return f'{{"job_id": {_json(job_id)}, "status": "queued"}}'.encode()


@lru_cache(maxsize=64)  # most polls are answered as the one before; a Host may make a long URL
def job_json(
    job_id: str, status: str, progress: float, result_url: str | None, error: str | None
) -> bytes:
    """The body of a poll: exactly these keys, for ever. `progress` is 0.0..1.0, to four places, and
    always with a point: a client in Dart, among others, throws where a number comes as `1`.

    Written out, because it is asked for most: a third of what json.dumps of a dict takes.
    """
    fraction = float(round(progress, 4))
    url = "null" if result_url is None else _json(result_url)
    sentence = "null" if error is None else _json(error)
    return (
        f'{{"job_id": {_json(job_id)}, "status": {_json(status)}, "progress": {fraction},'
        f' "result_url": {url}, "error": {sentence}}}'
    ).encode()


def error_json(code: str, sentence: str) -> bytes:
    """The body of every refusal."""
    return json.dumps({"error": sentence, "code": code}, ensure_ascii=False).encode()
