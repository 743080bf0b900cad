"""The contract as an OpenAPI 3.1 description, made from its tables so that it can't drift.

Routes, refusals, limits and defaults are those of `http` and `job`; only what these don't hold is
written here: which refusals an address may give, and what stands in an answer that isn't one.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from restore.contract.http import (
    HEALTH_PATH,
    IMAGE_FIELD,
    JOBS_PATH,
    PROBLEMS,
    READY_PATH,
    ROUTES,
    Route,
)
from restore.contract.job import (
    JOB_ERRORS,
    STRENGTH_DEFAULT,
    STRENGTH_MAX,
    STRENGTH_MIN,
    UPSCALE_DEFAULT,
    UPSCALES,
    JobStatus,
)

Tree = dict[str, Any]

_ID = "0b6b5c2e-6a0f-4f4e-9a51-3f2d0f6f7c11"
_FORMATS = ("image/jpeg", "image/png", "image/webp", "image/heic")

# What HTTP itself may refuse, wherever it is sent; and a server's own failure.
_ANYWHERE = (
    *("malformed_request", "host_not_allowed", "request_timeout", "uri_too_long"),
    *("expectation_failed", "headers_too_large", "not_implemented", "http_version_not_supported"),
    *("internal_error", "too_busy", "not_found", "method_not_allowed"),
)
_FORM = (
    *("malformed_form", "form_too_large", "image_missing", "image_repeated", "image_empty"),
    *("image_unreadable", "image_dimensions", "field_repeated", "strength_invalid"),
    *("upscale_invalid", "model_unknown", "payload_too_large", "unsupported_content_type"),
    "unsupported_image",
)
REFUSALS: Mapping[str, tuple[str, ...]] = {  # by the function that answers
    "create_job": (
        *("unauthorized", "cross_origin", *_FORM, "rate_limited", "disabled", "queue_full"),
        *("storage_unavailable", "starting", "key_invalid", "key_reused"),
    ),
    "get_job": ("unauthorized", "job_not_found", "storage_unavailable"),
    "cancel_job": ("unauthorized", "cross_origin", "job_not_found", "storage_unavailable"),
    "get_details": ("unauthorized", "job_not_found", "storage_unavailable"),
    "get_before": (
        *("unauthorized", "job_not_found", "before_not_found", "precondition_failed"),
        *("range_not_satisfiable", "storage_unavailable"),
    ),
    "get_output": (
        *("unauthorized", "result_not_found", "precondition_failed", "range_not_satisfiable"),
        "storage_unavailable",
    ),
    "get_health": (),
    "get_ready": ("not_ready",),
    "get_description": ("unauthorized",),
    "get_models": ("unauthorized", "starting"),
}
_HEADERS: Mapping[str, tuple[str, Tree, str]] = {  # that a request may have
    "create_job": (
        "Idempotency-Key",
        {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
        "Within a day the same form under the same key is answered by the same job.",
    ),
    "get_job": (
        "Prefer",
        {"type": "string", "examples": ["wait=30"]},
        "`wait=N` (RFC 7240): the answer waits for the job's end, N seconds at most.",
    ),
}
# Headers that an answer may have beside HTTP's own: which answers, by operation and status.
_ANSWER_HEADERS: Mapping[str, tuple[str, str]] = {
    "X-Request-Id": ("", "The request's own, or one of the server's; its log has it, too."),
    "Location": ("create_job 201", "The job's address, relative to this one."),
    "Retry-After": ("create_job 201|get_job 200|.* (429|503)", "In seconds."),
    "RateLimit": ("create_job (201|4|503)", "How many uploads are left now."),
    "RateLimit-Policy": ("create_job (201|4|503)", "How many uploads there are in how long."),
    "Restore-Error-Code": ("get_job 200", f"Why a failed job failed: {', '.join(JOB_ERRORS)}."),
    "Preference-Applied": ("get_job 200", "That the answer waited for the job's end."),
    "WWW-Authenticate": (".* 401", "That a bearer token is wanted."),
    "Allow": (".* 405", "The methods that are answered here."),
    "Content-Range": (".* (206|416)", "Which part of the file this is, and its size."),
    "ETag": ("get_(output|before) (2|304)", "Tells this state of the file."),
}
OPEN_PATHS = frozenset({HEALTH_PATH, READY_PATH})  # asked for without a token


@lru_cache(maxsize=2)
def description_json(version: str, models: tuple[str, ...]) -> bytes:
    """The whole description as JSON, built once."""
    return json.dumps(description(version, models), ensure_ascii=False).encode()


def description(version: str, models: Sequence[str]) -> Tree:
    """The whole description; `version` is the server's, `models` the ids that may be asked for."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "restore",
            "version": version,
            "description": "Gives an old or poor photo back better: upload it, poll the job,"
            " download the result.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "paths": {_template(route): _path_item(route, models) for route in ROUTES},
        "components": {
            "schemas": {
                "Created": _created(),
                "Job": _job(),
                "Details": _details(),
                "Models": _models(),
                "Refusal": _refusal(PROBLEMS),
            },
            "headers": {
                name: {"description": text, "schema": {"type": "string"}}
                for name, (_, text) in _ANSWER_HEADERS.items()
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _template(route: Route) -> str:
    name = f"{{{_name_of(route)}}}" if route.takes_name else ""
    return route.path + name + route.suffix


def _name_of(route: Route) -> str:
    return "job_id" if route.path == JOBS_PATH else "file"


def _path_item(route: Route, models: Sequence[str]) -> Tree:
    item: Tree = {
        method.lower(): _operation(route, method, handler, models)
        for method, handler in route.methods.items()
    }
    if route.takes_name:
        schema: Tree = {"type": "string"}
        if route.path == JOBS_PATH:
            schema["format"] = "uuid"
        name = _name_of(route)
        item["parameters"] = [{"name": name, "in": "path", "required": True, "schema": schema}]
    return item


def _operation(route: Route, method: str, handler: str, models: Sequence[str]) -> Tree:
    answers = _answers(handler) | _refusals(REFUSALS[handler])
    for status, answer in answers.items():
        answer["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name, (where, _) in _ANSWER_HEADERS.items()
            if re.match(where, f"{handler} {status}")
        }
    operation: Tree = {
        "operationId": handler,
        "responses": answers,
        # Asked for only where the server has API_TOKENS.
        "security": [] if route.path in OPEN_PATHS else [{}, {"token": []}],
    }
    if method == "POST":
        operation["requestBody"] = _form(models)
    if handler in _HEADERS:
        name, schema, text = _HEADERS[handler]
        operation["parameters"] = [
            {"name": name, "in": "header", "schema": schema, "description": text}
        ]
    return operation


def _answers(handler: str) -> Tree:
    """What is no refusal."""
    if handler == "cancel_job":
        return {"204": {"description": "There is no such job any more, or never was."}}
    if handler == "create_job":
        created = _json("The photo is on disk: its job will end.", _reference("Created"))
        return {"201": created | {"links": _links()}}
    if handler == "get_job":
        return {"200": _json("How the job stands.", _reference("Job"))}
    if handler in ("get_output", "get_before"):
        what = "The result." if handler == "get_output" else "The photo as it came, in small."
        image = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _FORMATS[:2]}
        return {
            "200": {"description": what, "content": image},
            "206": {"description": "The part of it that Range asks for.", "content": image},
            "304": {"description": "It is as the client has it."},
        }
    if handler == "get_details":
        return {"200": _json("What else is known of the job.", _reference("Details"))}
    if handler == "get_models":
        return {"200": _json("What may be asked for.", _reference("Models"))}
    return {"200": _json("As it says.", {"type": "object"})}


def _refusals(own: Collection[str]) -> Tree:
    """Each status with the codes that it may carry here."""
    by_status: dict[int, list[str]] = {}
    for code in (*own, *_ANYWHERE):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    answers = {}
    for status, codes in sorted(by_status.items()):
        sentences = " ".join(f"`{code}`: {PROBLEMS[code].sentence}" for code in codes)
        answers[str(status)] = _json(sentences, _refusal(codes))
    return answers


def _form(models: Sequence[str]) -> Tree:
    image: Tree = {"type": "string", "format": "binary"}
    strength = {"type": "number", "minimum": STRENGTH_MIN, "maximum": STRENGTH_MAX}
    fields = {
        IMAGE_FIELD: image,
        "strength": strength | {"default": STRENGTH_DEFAULT},
        "upscale": {"type": "integer", "enum": list(UPSCALES), "default": UPSCALE_DEFAULT},
        "model_id": {"type": "string", "enum": list(models)},
    }
    schema = {"type": "object", "required": [IMAGE_FIELD], "properties": fields}
    # Fields beyond these are ignored, but a name must be one that a form can say.
    schema["propertyNames"] = {"pattern": "^[A-Za-z0-9_.-]{1,64}$"}
    encoding = {IMAGE_FIELD: {"contentType": ", ".join(_FORMATS)}}
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": schema, "encoding": encoding}},
    }


def _links() -> Tree:
    """How one goes on with a new job."""
    parameters = {"job_id": "$response.body#/job_id"}
    return {
        name: {"operationId": name, "parameters": parameters} for name in ("get_job", "cancel_job")
    }


def _created() -> Tree:
    return _exactly(
        {
            "job_id": {"type": "string", "format": "uuid", "examples": [_ID]},
            "status": {"const": JobStatus.QUEUED.value},
        }
    )


def _job() -> Tree:
    return _exactly(
        {
            "job_id": {"type": "string", "format": "uuid", "examples": [_ID]},
            "status": {"enum": [status.value for status in JobStatus]},
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
            "result_url": {"type": ["string", "null"], "format": "uri"},
            "error": {"type": ["string", "null"]},
        }
    )


def _details() -> Tree:
    """More keys may come here."""
    time = {"type": "string", "format": "date-time"}
    time_or_not = {"type": ["string", "null"], "format": "date-time"}
    count = {"type": "integer", "minimum": 0}
    size = {"width": count, "height": count, "bytes": count}
    sentences = {"type": ["array", "null"], "items": {"type": "string"}}
    properties: Tree = {
        "job_id": {"type": "string", "format": "uuid", "examples": [_ID]},
        "status": {"enum": [status.value for status in JobStatus]},
        "created_at": time,
        "started_at": time_or_not,
        "ended_at": time_or_not,
        "expires_at": time_or_not,
        "queue_position": {"type": ["integer", "null"], "minimum": 1},
        "attempts": count,
        "model_id": {"type": "string"},
        "strength": {"type": "number", "minimum": STRENGTH_MIN, "maximum": STRENGTH_MAX},
        "upscale": {"enum": list(UPSCALES)},
        "source": {"type": "object", "properties": {"kind": {"type": "string"}} | size},
        "result": {"type": ["object", "null"], "properties": size},
        "found": sentences,
        "done": sentences,
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _models() -> Tree:
    """More keys may come here."""
    model: Tree = {
        "id": {"type": "string"},
        "about": {"type": "string"},
        "default": {"type": "boolean"},
        "licence": {"type": "string"},
        "upscales": {"type": "array", "items": {"enum": list(UPSCALES)}},
        "s_per_mp": {"type": ["number", "null"]},
        "memory_bytes": {"type": "integer"},
    }
    listed = {"type": "object", "required": ["id", "about", "default"], "properties": model}
    models = {"type": "array", "items": listed}
    return {"type": "object", "required": ["models"], "properties": {"models": models}}


def _refusal(codes: Collection[str]) -> Tree:
    return {
        "type": "object",
        "required": ["error", "code"],
        "properties": {"error": {"type": "string"}, "code": {"enum": list(codes)}},
    }


def _exactly(properties: Tree) -> Tree:
    """An object with these keys, all of them and no other, for ever."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _reference(name: str) -> Tree:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(text: str, schema: Tree) -> Tree:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
