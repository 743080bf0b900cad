"""The client against a server that drops, resets, refuses, dawdles and talks nonsense."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from email.utils import formatdate
from pathlib import Path
from unittest import mock

import restore.client
from restore.client import (
    AnswerLost,
    ConnectionFailed,
    Job,
    JobFailed,
    NotFound,
    RateLimited,
    Refused,
    RestoreClient,
    RestoreError,
    Timeout,
)
from tests.support.service import wait_until
from tests.support.wire_server import (
    JOB_ID,
    Step,
    WireServer,
    answer,
    created,
    done,
    drop,
    image_of,
    job,
    raw,
    refuse_early,
    reset,
)

PHOTO = bytes(range(256)) * 4096  # 1 MiB: more than a socket's buffers take at once
RESULT = b"result" * 10_000
POLLS, UPLOADS = ("GET", f"/v1/jobs/{JOB_ID}"), ("POST", "/v1/restore")
QUEUED = Job(JOB_ID, "queued")
BUSY = {"error": "Too many requests. Please wait a moment.", "code": "rate_limited"}


def quick(**seconds: object) -> mock._patch_dict:
    """Pauses that a test has time for."""
    times = {"POLL_PAUSES_S": (0.01,), "RETRY_PAUSES_S": (0.01,), **seconds}
    return mock.patch.dict(vars(restore.client), times)


class ClientCase(unittest.TestCase):
    def setUp(self) -> None:
        self.enterContext(quick())
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.photo = self.folder / "old.jpg"
        self.photo.write_bytes(PHOTO)

    def large(self, mib: int) -> Path:
        """A file that is all zeros and takes no room on the disk."""
        path = self.folder / "large.jpg"
        with path.open("wb") as file:
            file.truncate(mib << 20)
        return path

    def serve(self, *steps: Step) -> WireServer:
        return self.enterContext(WireServer(*steps))

    def client(self, *steps: Step, timeout: float = 10, patience: float = 10) -> RestoreClient:
        self.server = self.serve(*steps)
        return RestoreClient(self.server.url, timeout=timeout, patience=patience)


class WholeWayTest(ClientCase):
    def test_photo_goes_up_and_result_comes_down(self) -> None:
        told: list[tuple[str, float]] = []
        client = self.client(created(), job("running", 0.5), done(), answer(200, RESULT))
        saved = client.restore(
            self.photo,
            self.folder / "new.jpg",
            strength=0.8,
            upscale=2,
            model_id="m/n",
            on_progress=lambda status, fraction: told.append((status, fraction)),
        )
        self.assertEqual((saved, saved.read_bytes()), (self.folder / "new.jpg", RESULT))
        upload = self.server.asked[0]
        self.assertEqual(image_of(upload), PHOTO)
        for name, value in (("strength", "0.8"), ("upscale", "2"), ("model_id", "m/n")):
            self.assertIn(f'name="{name}"\r\n\r\n{value}\r\n'.encode(), upload.body)
        self.assertNotIn(b"old.jpg", upload.body, "a photo's name is nobody's business")
        self.assertEqual(sorted(told[:16]), told[:16])
        self.assertEqual(told[15:], [("uploading", 1.0), ("running", 0.5), ("succeeded", 1.0)])

    def test_without_a_place_to_go_the_bytes_come_back(self) -> None:
        client = self.client(created(), done(), answer(200, RESULT))
        self.assertEqual(client.restore(str(self.photo)), RESULT)
        self.assertEqual(self.server.asked[-1].path, f"/outputs/{JOB_ID}.jpg")
        self.assertNotIn(b'name="strength"', self.server.asked[0].body)

    def test_an_open_file_is_read_from_where_it_stands_and_stays_open(self) -> None:
        client = self.client(created())
        file = io.BytesIO(b"skipped" + PHOTO)
        file.seek(7)
        self.assertEqual(client.submit(file), QUEUED)
        self.assertEqual(image_of(self.server.asked[0]), PHOTO)
        self.assertFalse(file.closed)

    def test_a_folder_gets_the_servers_name(self) -> None:
        client = self.client(done(), answer(200, RESULT))
        self.assertEqual(client.download(JOB_ID, self.folder).name, f"{JOB_ID}.jpg")

    def test_address_token_and_sub_path(self) -> None:
        server = self.serve(done(), answer(200, RESULT))
        with mock.patch.dict(os.environ, RESTORE_URL=f"{server.url}/photos/"):
            RestoreClient(token="secret").download(JOB_ID)
        self.assertEqual(
            [each.path for each in server.asked],
            [f"/photos/v1/jobs/{JOB_ID}", f"/photos/outputs/{JOB_ID}.jpg"],
        )
        self.assertEqual(
            {each.headers["authorization"] for each in server.asked}, {"Bearer secret"}
        )

    def test_an_address_that_is_none(self) -> None:
        for url in ("localhost:8000", "ftp://x", "http://", "http://me:pw@x", "http://x/?a"):
            with self.subTest(url), self.assertRaises(ValueError):
                RestoreClient(url)

    def test_copied_alone_it_works(self) -> None:
        shutil.copy(restore.client.__file__, self.folder / "lone.py")
        server = self.serve(created(), done(), answer(200, RESULT))
        code = f"import lone; lone.RestoreClient({server.url!r}).restore('old.jpg', 'new.jpg')"
        subprocess.run(
            [sys.executable, "-I", "-c", f"import sys; sys.path[:0]=['.']; {code}"],
            cwd=self.folder,
            check=True,
            timeout=30,
        )
        self.assertEqual((self.folder / "new.jpg").read_bytes(), RESULT)


class UploadTest(ClientCase):
    def test_cut_before_its_end_it_is_sent_again_under_the_same_key(self) -> None:
        """Not a whole form can have arrived, so there is no job of it."""
        large = self.large(32)  # MiB, more than both ends' buffers take
        client = self.client(reset, reset, created())
        self.assertEqual(client.submit(large), QUEUED)
        self.assertEqual(len(image_of(self.server.asked[-1])), 32 << 20)

    def test_answer_lost_and_keys_heeded(self) -> None:
        described = answer(200, {"parameters": [{"name": "Idempotency-Key"}]})
        client = self.client(drop, described, created())
        self.assertEqual(client.submit(self.photo), QUEUED)
        first, again = self.server.asked_for(*UPLOADS)
        self.assertEqual(first.headers["idempotency-key"], again.headers["idempotency-key"])
        self.assertEqual(image_of(again), PHOTO)

    def test_answer_lost_and_no_keys_heeded(self) -> None:
        for lost in (drop, raw(b"HTTP/1.1 201 Cre"), raw(b"nonsense\r\n\r\n"), answer(502, b"")):
            with self.subTest(lost):
                client = self.client(lost, answer(404, {"error": "Nothing.", "code": "not_found"}))
                with self.assertRaises(AnswerLost) as caught:
                    client.submit(self.photo)
                self.assertFalse(caught.exception.again)
                self.assertEqual(len(self.server.asked_for(*UPLOADS)), 1)

    def test_each_upload_has_a_key_of_its_own(self) -> None:
        client = self.client(created())
        client.submit(self.photo)
        client.submit(self.photo)
        self.assertEqual(len({each.headers["idempotency-key"] for each in self.server.asked}), 2)

    def test_refused_early_it_is_not_sent_to_its_end(self) -> None:
        large = self.large(64)
        refusal = {"error": "The image is too large.", "code": "payload_too_large"}
        client = self.client(refuse_early(413, refusal))
        with self.assertRaises(Refused) as caught:
            client.submit(large)
        error = caught.exception
        self.assertEqual((error.code, error.status, error.again), ("payload_too_large", 413, False))
        self.assertEqual(str(error), "The image is too large.")
        asked = self.server.asked
        wait_until(lambda: "received" in asked[-1].headers, "the server to have read what came")
        received = int(asked[-1].headers["received"])
        self.assertLess(received, 32 * 1024 * 1024)

    def test_a_limit_is_waited_for(self) -> None:
        """In seconds, and as a date; both are bounded by patience."""
        for as_date in (False, True):
            with self.subTest(as_date=as_date):
                told = formatdate(time.time() + 1.9, usegmt=True) if as_date else "1"
                client = self.client(answer(429, BUSY, Retry_After=told), created())
                began = time.monotonic()
                self.assertEqual(client.submit(self.photo), QUEUED)
                self.assertGreater(time.monotonic() - began, 0.8)

    def test_a_limit_beyond_patience_is_told_at_once(self) -> None:
        client = self.client(answer(429, BUSY, Retry_After="3600"))
        with self.assertRaises(RateLimited) as caught:
            client.submit(self.photo)
        self.assertEqual(caught.exception.retry_after, 3600)
        self.assertTrue(caught.exception.again)

    def test_a_503_is_tried_again_while_patience_lasts(self) -> None:
        full = answer(503, {"error": "Full.", "code": "queue_full"})
        client = self.client(full, full, created())
        self.assertEqual(client.submit(self.photo), QUEUED)
        client = self.client(full, patience=0.1)
        with self.assertRaises(Refused) as caught:
            client.submit(self.photo)
        self.assertEqual(caught.exception.code, "queue_full")

    def test_what_is_no_photo_for_reading(self) -> None:
        client = self.client(created())
        with self.assertRaises(FileNotFoundError):
            client.submit(self.folder / "none.jpg")
        with self.assertRaises(OSError):
            client.submit(self.folder)
        self.assertEqual(self.server.asked, [])

    def test_what_goes_wrong_on_this_side_is_no_fault_of_the_server(self) -> None:
        class Torn(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell():
                    raise OSError("the stick was pulled")
                return super().read(size)

        def break_off(status: str, fraction: float) -> None:
            raise BrokenPipeError("nobody watches")

        client = self.client(*[drop] * 2)
        with self.assertRaisesRegex(OSError, "the stick was pulled"):
            client.submit(Torn(PHOTO))
        with self.assertRaisesRegex(BrokenPipeError, "nobody watches"):
            client.submit(self.photo, on_progress=break_off)

    def test_nobody_there(self) -> None:
        with WireServer(created()) as server:
            pass
        began = time.monotonic()
        with quick(CONTACT_S=0.2), self.assertRaises(ConnectionFailed) as caught:
            RestoreClient(server.url).submit(self.photo)
        self.assertLess(time.monotonic() - began, 2)
        self.assertIn("refused", str(caught.exception))
        self.assertTrue(caught.exception.again)

    def test_another_service_at_that_port(self) -> None:
        other: tuple[Step, ...] = (
            answer(200, b"<html>"),
            answer(201, [1]),
            answer(201, b"[" * 9999),
        )
        for step in (*other, answer(201, {"job_id": 5, "status": "queued"}), answer(301, b"")):
            with self.subTest(step), self.assertRaises(RestoreError):
                self.client(step).submit(self.photo)
                self.assertEqual(len(self.server.asked_for(*UPLOADS)), 1)


class WaitTest(ClientCase):
    def test_over_dropped_connections_resets_nonsense_and_restarts(self) -> None:
        starting = answer(503, {"error": "Starting.", "code": "starting"}, Retry_After="0")
        client = self.client(
            job("queued"), drop, reset, raw(b"\xff\xfe"), starting, answer(502, b"<html>"),
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), job("running", 0.3), done()
        )  # fmt: skip
        self.assertEqual(client.wait(JOB_ID).status, "succeeded")

    def test_a_server_that_stays_away(self) -> None:
        client = self.client(job("queued"), drop, patience=0.1)
        with self.assertRaises(ConnectionFailed):
            client.wait(QUEUED)

    def test_failed(self) -> None:
        sentence = "The file is damaged or incomplete."
        failed = job("failed", 0.05, error=sentence, Restore_Error_Code="decode_failed")
        with self.assertRaises(JobFailed) as caught:
            self.client(failed).wait(QUEUED)
        error = caught.exception
        self.assertEqual((str(error), error.code, error.again), (sentence, "decode_failed", False))

    def test_gone(self) -> None:
        gone = answer(404, {"error": "There is no job with this id.", "code": "job_not_found"})
        with self.assertRaises(NotFound) as caught:
            self.client(gone).wait(QUEUED)
        self.assertEqual(caught.exception.code, "job_not_found")

    def test_time_is_up_and_the_job_can_be_taken_up_again(self) -> None:
        client = self.client(job("running", 0.2))
        with self.assertRaises(Timeout) as caught:
            client.wait(QUEUED, timeout=0.1)
        assert caught.exception.job is not None
        self.assertEqual(caught.exception.job.progress, 0.2)

    def test_a_server_that_hangs(self) -> None:
        release = threading.Event()
        self.addCleanup(release.set)

        def hang(server: WireServer, sock: object) -> None:
            release.wait(5)

        client = self.client(hang, timeout=0.1, patience=0)
        with self.assertRaises(ConnectionFailed):
            client.wait(QUEUED, timeout=0.5)

    def test_polls_are_held_where_the_server_offers_it(self) -> None:
        def held(server: WireServer, sock: object) -> None:
            time.sleep(0.25)  # the server's waiting is what is played here
            job("running", 0.1, Preference_Applied="wait=20")(server, sock)  # type: ignore[arg-type]

        with quick(POLL_PAUSES_S=(0.2, 60.0)):
            client = self.client(held, held, held, done())
            self.assertEqual(client.wait(QUEUED).status, "succeeded")
        self.assertEqual({each.headers["prefer"] for each in self.server.asked}, {"wait=20"})

    def test_a_server_that_only_says_so_is_not_asked_without_end(self) -> None:
        with quick(POLL_PAUSES_S=(0.2,)):
            client = self.client(job("running", Preference_Applied="wait=1"))
            with self.assertRaises(Timeout):
                client.wait(QUEUED, timeout=0.5)
        self.assertLessEqual(len(self.server.asked), 5)

    def test_polls_grow_apart(self) -> None:
        with quick(POLL_PAUSES_S=(0.02, 0.04, 0.3)):
            client = self.client(job("running"))
            with self.assertRaises(Timeout):
                client.wait(QUEUED, timeout=0.5)
        self.assertLessEqual(len(self.server.asked), 5)


class DownloadTest(ClientCase):
    def test_cut_and_taken_up_again_no_half_file_is_left(self) -> None:
        short = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + RESULT[:100])
        client = self.client(done(), short, short, answer(200, RESULT))
        saved = client.download(JOB_ID, self.folder / "new.jpg")
        self.assertEqual(saved.read_bytes(), RESULT)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["new.jpg", "old.jpg"])
        client = self.client(done(), short, patience=0.1)
        with self.assertRaises(ConnectionFailed):
            client.download(JOB_ID, self.folder / "other.jpg")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["new.jpg", "old.jpg"])

    def test_chunked(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        client = self.client(
            done(), raw(head + b"3\r\nabc\r\n"), raw(head + b"3\r\nabc\r\n0\r\n\r\n")
        )
        self.assertEqual(client.download(JOB_ID), b"abc")

    def test_no_place_to_write(self) -> None:
        client = self.client(done(), answer(200, RESULT))
        with self.assertRaises(OSError):
            client.download(JOB_ID, self.folder / "none" / "new.jpg")

    def test_a_full_disk_is_not_taken_for_the_network(self) -> None:
        full = mock.Mock(side_effect=OSError(28, "No space left on device"))
        client = self.client(done(), answer(200, RESULT))
        file = mock.Mock(truncate=mock.Mock(return_value=0), writelines=full)
        with self.assertRaises(OSError) as caught:
            client._ask("GET", "/outputs/x", into=file)
        self.assertEqual(caught.exception.errno, 28)

    def test_names_that_would_lead_elsewhere(self) -> None:
        for url in ("http://x/outputs/../etc", "http://x/outputs/.hidden", "http://x/y", "", "a/b"):
            with self.subTest(url), self.assertRaises(ConnectionFailed):
                self.client(job("succeeded", 1.0, result_url=url)).download(JOB_ID, self.folder)

    def test_expired(self) -> None:
        gone = answer(
            404, {"error": "There is no result with this name.", "code": "result_not_found"}
        )
        with self.assertRaises(NotFound):
            self.client(done(), gone).download(JOB_ID)


class CancelTest(ClientCase):
    def test_ctrl_c_takes_the_job_back(self) -> None:
        def interrupt(status: str, fraction: float) -> None:
            if status == "running":
                raise KeyboardInterrupt

        client = self.client(created(), job("running", 0.1), answer(204, b""))
        with self.assertRaises(KeyboardInterrupt):
            client.restore(self.photo, on_progress=interrupt)
        self.assertEqual(len(self.server.asked_for("DELETE", POLLS[1])), 1)

    def test_an_error_of_the_watchers_own_takes_the_job_back(self) -> None:
        def break_off(status: str, fraction: float) -> None:
            if status == "running":
                raise BrokenPipeError("nobody watches")

        client = self.client(created(), job("running", 0.1), answer(204, b""))
        with self.assertRaisesRegex(BrokenPipeError, "nobody watches"):
            client.restore(self.photo, on_progress=break_off)
        self.assertEqual(len(self.server.asked_for("DELETE", POLLS[1])), 1)

    def test_ctrl_c_is_not_held_up_by_a_server_that_is_away(self) -> None:
        def interrupt(status: str, fraction: float) -> None:
            if status == "running":
                raise KeyboardInterrupt

        client = self.client(created(), job("running", 0.1), drop)
        began = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            client.restore(self.photo, on_progress=interrupt)
        self.assertLess(time.monotonic() - began, 2)

    def test_one_that_is_gone_already(self) -> None:
        gone = answer(404, {"error": "There is no job with this id.", "code": "job_not_found"})
        self.client(gone).cancel(QUEUED)
        self.client(answer(204, b"")).cancel(JOB_ID)
