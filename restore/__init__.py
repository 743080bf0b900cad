"""restore: one small HTTP service that gives an old or poor photo back better.

The packages, from the ground up; an arrow runs to an earlier one or stays inside its own, and from
outside only a package's `__init__`, its interface, is imported (tests/test_layout.py holds that):

    contract   the promise to the client: jobs, routes, refusals, kinds of files
    progress   for providers: how far, and what was found
    http       HTTP over asyncio; a library of its own
    storage    what lasts: files and database
    images     what a file is, in and out; a library of its own, in children only
    providers  what changes the picture; a library of its own, in children only
    config     the settings
    worker     what runs in a child process
    pool       the children, seen from the server
    jobs       a job's life
    api        the routes
    client     for those who call the server, in one file
    app        start and stop, and the command

The way of one request:

    socket - http.server - http.connection - http11 ---> Request
      api.handlers           Origin, Host -> flag 503 -> rate 429 -> queue, disk 503
                             -> content type 415, declared length 413
                             (all before 100 Continue and the first byte of the body)
      api.uploads, api.form  multipart events -> a file in tmp/; bytes counted 413, sniffed 415
      pool.inspector         child: worker.inspect -> width, height                    400
      contract.parse_fields  strength, upscale, model_id -> JobSpec                    400
      storage                upload and row durable -> 201            [the promise is made]
    -- jobs.dispatcher: woken by events, never polling --
      storage                queued -> running                            restore.started
      pool                   child: worker.run_job:
                             images.normalize -> provider.run -> images.finish -> Outcome
      storage                fsync, rename -> outputs/<job_id>.<png|jpg>
      storage                running -> succeeded | failed   restore.succeeded, restore.failed
      storage                upload and work folder removed
    -- the client polls --
      api.handlers           row, and live progress of the slot -> JSON; outputs/<file> -> sendfile

Files and row have one owner at each step: api.uploads until the 201, the dispatcher after it. The
service (all but http, images and providers) is about 7,500 lines: an evening in the order contract,
api, jobs, storage, pool, worker; each of the three libraries is another one or two. Why it is so
stands in docs/ARCHITECTURE.md.
"""

__version__ = "0.2.0"
