"""The client, and the command through it, against the real server; also while that restarts."""

import os
import signal
import socket
import tempfile
import threading
import unittest
from pathlib import Path

from restore.client import Job, JobFailed, NotFound, Refused, RestoreClient
from tests.support.front import Front
from tests.support.photo_command import PATIENCE_S, CommandCase
from tests.support.pictures import drawing, encode
from tests.support.scripted import Scripted
from tests.support.service import Service, wait_until

JPEG = encode(drawing(), "JPEG")
LARGE = encode(drawing(size=(2000, 2000)), "PNG")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.photo = self.folder / "old.jpg"
        self.photo.write_bytes(JPEG)

    def test_the_whole_way_and_back(self) -> None:
        """The result is found whatever address the server gives for it."""
        told: list[tuple[str, float]] = []
        for base in ("", "http://10.0.2.2:8000", "https://cdn.example.com/photos"):
            with self.subTest(base), Service(RESULT_BASE_URL=base) as service:
                client = RestoreClient(f"http://127.0.0.1:{service.port}")
                told.clear()
                saved = client.restore(
                    self.photo,
                    self.folder / "new.jpg",
                    on_progress=lambda status, fraction: told.append((status, fraction)),
                )
                self.assertEqual(saved.read_bytes(), JPEG)
                self.assertEqual((told[0], told[-1]), (("uploading", 1.0), ("succeeded", 1.0)))
                self.assertEqual(client.restore(self.photo), JPEG)
                self.assertNotIn("old.jpg", service.log)

    def test_refusals_and_failures_in_the_servers_words(self) -> None:
        with Scripted(MAX_IMAGE_MB=1, RATE_LIMIT_PER_MIN=0) as service:
            client = RestoreClient(f"http://127.0.0.1:{service.port}")
            large = self.folder / "large.jpg"
            with large.open("wb") as file:
                file.truncate(64 << 20)
            text = self.folder / "text.jpg"
            text.write_text("hello")
            for photo, wishes, code in (
                (large, {}, "payload_too_large"),
                (text, {}, "unsupported_image"),
                (self.photo, {"strength": 7.0}, "strength_invalid"),
                (self.photo, {"model_id": 'x"\r\n'}, "model_unknown"),
            ):
                with self.subTest(code), self.assertRaises(Refused) as caught:
                    client.submit(photo, **wishes)
                self.assertEqual(caught.exception.code, code)
            with self.assertRaises(JobFailed) as failed:
                client.restore(self.photo, model_id="bad/raises")
            self.assertEqual(failed.exception.code, "provider_error")
            self.assertEqual(str(failed.exception), "The photo couldn't be restored.")
            job = client.submit(self.photo, model_id="gate/hold")
            service.wait_for_arrival(job.job_id)
            client.cancel(job)
            client.cancel(job)
            with self.assertRaises(NotFound):
                client.wait(job)

    def test_a_server_that_wants_a_token(self) -> None:
        token = "0123456789abcdef" * 3
        with Service(API_TOKENS=f"me:{token}") as service:
            url = f"http://127.0.0.1:{service.port}"
            self.assertEqual(RestoreClient(url, token=token).restore(self.photo), JPEG)
            with self.assertRaises(Refused) as caught:
                RestoreClient(url).restore(self.photo)
            self.assertEqual((caught.exception.status, caught.exception.again), (401, False))

    def test_an_answer_that_is_lost_makes_no_second_job(self) -> None:
        with Service() as service, Front(service.port) as front:
            front.lose_answer()
            self.assertEqual(RestoreClient(front.url).restore(self.photo), JPEG)
            self.assertEqual(len(front.uploads), 2)
            self.assertEqual(len(service.events("restore.requested")), 1)

    def test_a_server_that_restarts_in_mid_job(self) -> None:
        storage, port = self.folder / "data", free_port()
        with Scripted(storage, PORT=port) as service:
            client = RestoreClient(f"http://127.0.0.1:{port}")
            job = client.submit(self.photo, model_id="gate/hold")
            service.wait_for_arrival(job.job_id)
            ended: list[Job] = []
            waiting = threading.Thread(target=lambda: ended.append(client.wait(job)))
            waiting.start()
            service.vanish()
            service.start()
            service.wait_for_arrival(job.job_id, attempts=2)
            service.open_gate(job.job_id)
            waiting.join(PATIENCE_S)
            self.assertEqual([each.status for each in ended], ["succeeded"])
            self.assertEqual(client.download(ended[0]), JPEG)


class CommandTest(CommandCase):
    def test_a_server_does_the_work(self) -> None:
        photos = [self.put("a.jpg", JPEG), self.put("b.png", LARGE), self.put("c.jpg", b"text")]
        with Service() as service:
            url = f"http://127.0.0.1:{service.port}"
            _, err = self.run_it("--server", url, "-j", "2", *photos, status=1)
            self.assertEqual((self.folder / "a-restored.jpg").read_bytes(), JPEG)
            self.assertEqual((self.folder / "b-restored.png").read_bytes(), LARGE)
            self.assertIn("The file is text, not a photo.", err)
            self.assertEqual(len(service.events("restore.succeeded")), 2)
        _, err = self.run_it("--server", url, "--overwrite", photos[0], status=1)
        self.assertIn(f"The server at {url} doesn't answer", err)

    def test_ctrl_c_takes_the_job_back(self) -> None:
        photo = self.put("old.jpg", JPEG)
        with Scripted() as service:
            url = f"http://127.0.0.1:{service.port}"
            with self.start("--server", url, "--model", "gate/hold", photo) as process:
                wait_until(lambda: list(service.gate.iterdir()), "the job's start")
                os.killpg(process.pid, signal.SIGINT)
                _, err = process.communicate(timeout=PATIENCE_S)
            self.assertEqual((process.returncode, b"Traceback" in err), (130, False))
            wait_until(lambda: service.log_has("was cancelled"), "the cancel")
        self.assertEqual(self.names(), ["old.jpg"])
        self.assertEqual(list(self.scratch.iterdir()), [])
