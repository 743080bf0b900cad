"""restore: one small HTTP service that gives an old or poor photo back better.

The way of one request, room by room:

     socket ─ server ─ connection ─ http11 ──► Request
       handlers.create_job    Origin, Host ─► flag 503 ─► rate 429 ─► queue, disk 503
                              ─► content type 415, declared length 413
                              (all before 100 Continue and the first byte of the body)
       intake ─ formparser    multipart events ─► storage: temp file (up to 64 KiB: memory),
                              bytes counted 413, first bytes sniffed 415
       pool.inspector         child: worker.inspect ─► width, height                    400
       contract.parse_fields  strength, upscale, model_id ─► JobSpec                    400
       storage + jobstore     upload and row synced to disk ─► 201     [the promise is made]
     ── dispatcher: woken by an event, never polling ──
       jobstore               queued ─► running                            restore.started
       pool.slots             child: worker.run_job:
                              images.normalize ─► provider.run ─► images.finish ─► Outcome
       storage.promote        fsync, rename ─► outputs/<job_id>.<png|jpg>
       jobstore               running ─► succeeded | failed  restore.succeeded, restore.failed
       storage.discard        upload and work folder
     ── the client polls ──
       handlers.get_job       row + live progress of the slot ─► JSON
       handlers.get_output    outputs/<file> ─► sendfile

Files and row have one owner at each step: the intake until the 201, the dispatcher after it. Arrows
run only down the floors (tests/test_layout.py holds that): contract and limits; the pure rooms; the
rooms with one outside power each; formparser and worker; intake, dispatcher and handlers;
connection and server; app.
"""

__version__ = "0.1.0"
