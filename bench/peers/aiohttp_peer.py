"""The peer on aiohttp, with uvloop where that is installed: a form streamed to its file."""

import asyncio
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from bench.peers import jobs

JOBS = web.AppKey("jobs", jobs.Jobs)
CHUNK_BYTES = 256 * 1024


async def create_job(request: web.Request) -> web.Response:
    job_id, path = jobs.Jobs.new()
    try:
        jobs.check_length(request.content_length)
        if request.content_type != "multipart/form-data":
            raise jobs.Refused(415, "A form is expected.")
        fields = await read_form(request, path)
        if not path.exists():
            raise jobs.Refused(400, "The image is missing.")
        strength, upscale = jobs.parse_fields(fields)
        suffix = await asyncio.to_thread(jobs.inspect, path)
    except jobs.Refused as refused:
        path.unlink(missing_ok=True)
        return web.json_response({"error": refused.sentence}, status=refused.status)
    added = request.app[JOBS].add(job_id, path, suffix, strength, upscale)
    return web.json_response(added, status=201)


async def read_form(request: web.Request, path: Path) -> dict[str, str]:
    fields: dict[str, str] = {}
    size = 0
    async for part in await request.multipart():
        if part.name != "image":
            fields[part.name] = (await part.read()).decode("utf-8", "replace")[:4096]
            continue
        with path.open("wb", buffering=0) as file:
            while chunk := await part.read_chunk(CHUNK_BYTES):
                size += len(chunk)
                if size > jobs.MAX_BYTES:
                    raise jobs.Refused(413, "The image is too large.")
                file.write(chunk)
    return fields


async def get_job(request: web.Request) -> web.Response:
    job = request.app[JOBS].get(request.match_info["job_id"])
    if job is None:
        return web.json_response({"error": "There is no such job."}, status=404)
    return web.json_response(job)


async def get_output(request: web.Request) -> web.StreamResponse:
    path = jobs.FOLDER / "outputs" / Path(request.match_info["name"]).name
    if not path.is_file():
        return web.json_response({"error": "There is no such result."}, status=404)
    return web.FileResponse(path)


async def start(app: web.Application) -> None:
    app[JOBS] = jobs.Jobs()


async def stop(app: web.Application) -> None:
    await app[JOBS].stop()


def main() -> None:
    app = web.Application(client_max_size=jobs.MAX_BYTES + 65536)
    app.router.add_post("/v1/restore", create_job)
    app.router.add_get("/v1/jobs/{job_id}", get_job)
    app.router.add_get("/outputs/{name}", get_output)
    app.on_startup.append(start)
    app.on_cleanup.append(stop)
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(app, host=jobs.HOST, port=jobs.PORT, access_log=None, print=None)


if __name__ == "__main__":
    main()
