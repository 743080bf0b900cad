"""The peer on Starlette and uvicorn: the form streamed to its file by python-multipart's parser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import uvicorn
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from bench.peers import jobs


class Form:
    """The callbacks of the parser: the image to `path`, the other parts to `fields`."""

    def __init__(self, boundary: bytes, path: Path) -> None:
        self.fields: dict[str, str] = {}
        self._path = path
        self._size = 0
        self._file: BinaryIO | None = None
        self._header = [b"", b""]
        self._name, self._text = "", bytearray()
        self.parser = MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
            },
        )

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            _, options = parse_options_header(self._header[1])
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._header = [b"", b""]

    def _on_headers_finished(self) -> None:
        self._text.clear()
        if self._name == "image":
            self._file = self._path.open("wb", buffering=0)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._text += data[start:end]
            return
        self._size += end - start
        if self._size > jobs.MAX_BYTES:
            raise jobs.Refused(413, "The image is too large.")
        self._file.write(memoryview(data)[start:end])

    def _on_part_end(self) -> None:
        if self._file is None:
            self.fields[self._name] = self._text.decode("utf-8", "replace")[:4096]
        self.close()
        self._file = None


async def create_job(request: Request) -> Response:
    job_id, path = jobs.Jobs.new()
    try:
        jobs.check_length(int(request.headers.get("content-length") or 0))
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise jobs.Refused(415, "A form is expected.")
        fields = await read_form(request, options[b"boundary"], path)
        if not path.exists():
            raise jobs.Refused(400, "The image is missing.")
        strength, upscale = jobs.parse_fields(fields)
        suffix = await run_in_threadpool(jobs.inspect, path)
    except jobs.Refused as refused:
        path.unlink(missing_ok=True)
        return JSONResponse({"error": refused.sentence}, refused.status)
    return JSONResponse(request.app.state.jobs.add(job_id, path, suffix, strength, upscale), 201)


async def read_form(request: Request, boundary: bytes, path: Path) -> dict[str, str]:
    form = Form(boundary, path)
    try:
        async for chunk in request.stream():
            form.parser.write(chunk)
        form.parser.finalize()
    finally:
        form.close()
    return form.fields


async def get_job(request: Request) -> Response:
    job = request.app.state.jobs.get(request.path_params["job_id"])
    if job is None:
        return JSONResponse({"error": "There is no such job."}, 404)
    return JSONResponse(job)


async def get_output(request: Request) -> Response:
    path = jobs.FOLDER / "outputs" / Path(request.path_params["name"]).name
    if not path.is_file():
        return JSONResponse({"error": "There is no such result."}, 404)
    return FileResponse(path)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.jobs = jobs.Jobs()
    yield
    await app.state.jobs.stop()


APP = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/v1/restore", create_job, methods=["POST"]),
        Route("/v1/jobs/{job_id}", get_job),
        Route("/outputs/{name}", get_output),
    ],
)

if __name__ == "__main__":
    uvicorn.run(APP, host=jobs.HOST, port=jobs.PORT, access_log=False, log_level="warning")
