"""The web page in a real browser when things go wrong: refusals, waits, a server that is away."""

import io
from collections.abc import Mapping
from typing import ClassVar

from PIL import Image

from restore.contract.http import PROBLEMS
from restore.contract.job import JOB_ERRORS
from tests.support.browser import TENTHS, PageTest
from tests.support.frontdoor import FrontDoor
from tests.support.functional_testcase import MIB, picture
from tests.support.service import Answer, wait_until


class RefusedTest(PageTest):
    """What the server, or something before it, does not take."""

    settings: ClassVar[dict[str, str | int | float]] = {"MAX_IMAGE_MB": 1}

    def test_no_photo_is_refused_in_the_servers_own_sentence(self) -> None:
        self.refusals = {415}
        self.open()
        self.choose(self.file("letter.txt", b"Dear Anna, " * 20))
        self.await_stages("refused")
        said = self.service.upload(b"Dear Anna, " * 20).json["error"]
        self.assertEqual(said, self.text(".card .sentence"))
        self.assertIn(f"letter.txt: {said.rstrip('.')}", self.spoken())
        self.assertEqual(["Remove"], self.buttons())
        self.press("Remove")
        wait_until(lambda: not self.stages(), "the card's end", TENTHS)

    def test_damaged_and_empty_photos(self) -> None:
        self.refusals = {400}
        self.open()
        self.choose(
            self.file("half.jpg", picture("JPEG", (900, 600))[:100]), self.file("nothing.jpg", b"")
        )
        self.await_stages("refused", "refused")
        for sentence in (PROBLEMS["image_unreadable"].sentence, PROBLEMS["image_empty"].sentence):
            self.assertIn(sentence, self.text(".card .sentence"))

    def test_too_large_is_said_without_an_upload(self) -> None:
        self.open()
        self.await_text("#limits", "up to 1 MB")
        self.choose(
            self.file("heavy.jpg", picture("JPEG") + b"\0" * MIB),
            self.file("wide.png", _flat((4097, 8))),
        )
        self.await_stages("refused", "refused")
        self.assertEqual(
            "This file has 1.1 MB; at most 1 MB can be restored. | "
            "This photo has 4097 x 8 pixels; at most 4096 x 4096 can be restored.",
            self.text(".card .sentence").replace("\N{MULTIPLICATION SIGN}", "x"),
        )
        self.assertEqual([], [url for url in self.browser.requested() if url.endswith("/restore")])

    def test_one_that_is_refused_stops_no_other(self) -> None:
        self.refusals = {415}
        self.open()
        self.choose(self.file("a.txt", b"text" * 9), self.file("b.jpg", picture("JPEG")))
        self.await_stages("refused", "done")

    def test_a_proxy_that_takes_less(self) -> None:
        self.refusals = {413}

        def too_large(method: str, _: str, __: Mapping[str, str]) -> Answer | None:
            page = Answer(413, {"Content-Type": "text/html"}, b"<h1>Too large</h1>")
            return page if method == "POST" else None

        with FrontDoor(self.service) as door:
            door.rule = too_large
            self.base = door.url
            self.open()
            self.choose(self.file("a.jpg", picture("JPEG")))
            self.await_stages("refused")
            self.assertIn("server on the way accepts no file of this size", self.text(".sentence"))

    def test_an_upload_that_always_breaks_off_ends(self) -> None:
        """Such as by a proxy that closes on what is too large for it, without a word."""
        self.refusals = {0}
        keys = set()

        def hang_up(method: str, _: str, headers: Mapping[str, str]) -> Answer | None:
            if method == "POST":
                keys.add(headers["Idempotency-Key"])
                raise ConnectionResetError
            return None

        with FrontDoor(self.service) as door:
            door.rule = hang_up
            self.base = door.url
            self.open()
            self.choose(self.file("a.jpg", picture("JPEG")))
            for _ in range(3):
                self.await_text("#connection", "can't be reached")
                self.press("Try now")
            self.await_stages("refused")
            self.assertIn("broke off several times", self.text(".sentence"))
            self.assertEqual(1, len(keys), "one photo, one job, however often it was sent")
            self.assertEqual(["Try again", "Remove"], self.buttons())

    def test_a_job_that_somebody_else_deleted(self) -> None:
        self.refusals = {404}
        job_id = self.service.promise(picture("JPEG"))
        self.service.ended(job_id)
        self.open()
        self.browser.run("sessionStorage.setItem('restore.jobs', arguments[0])", job_id)
        self.service.request("DELETE", f"/v1/jobs/{job_id}")
        self.browser.driver.refresh()
        self.await_stages("gone")
        self.assertEqual(PROBLEMS["job_not_found"].sentence, self.text(".card .sentence"))
        self.assertEqual("", self.browser.run("return sessionStorage['restore.jobs'] ?? ''"))


class FailedTest(PageTest):
    """A provider that fails."""

    settings: ClassVar[dict[str, str | int | float]] = {
        "PROVIDER": "tests.support.bad_providers:raises"
    }

    def test_the_jobs_own_sentence_and_another_try(self) -> None:
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_stages("failed")
        self.assertEqual(JOB_ERRORS["provider_error"], self.text(".card .sentence"))
        before = len(self.service.events("restore.requested"))
        self.press("Try again")
        wait_until(lambda: len(self.service.events("restore.requested")) > before, "a new try")
        self.await_stages("failed")


class RateTest(PageTest):
    """A server that takes thirty photos a minute: one each two seconds, once a burst is over."""

    settings: ClassVar[dict[str, str | int | float]] = {"RATE_LIMIT_PER_MIN": 30}

    def test_the_wait_is_counted_down_and_the_upload_goes_by_itself(self) -> None:
        self.refusals = {429}
        for _ in range(30):
            self.service.upload(b"")
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")), self.file("b.jpg", picture("JPEG")))
        self.await_text(".card .state", r"Goes again by itself in \d seconds?\.")
        self.assertIn(PROBLEMS["rate_limited"].sentence, self.text(".card .sentence"))
        self.await_stages("done", "done")
        self.assertEqual(2, len(self.service.events("restore.succeeded")))


class DisabledTest(PageTest):
    """RESTORE_ENABLED=false."""

    settings: ClassVar[dict[str, str | int | float]] = {"RESTORE_ENABLED": "false"}

    def test_the_sentence_the_countdown_and_a_way_out(self) -> None:
        self.refusals = {503}
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_text(".card .state", r"in (60|59|58) seconds")
        self.assertEqual(PROBLEMS["disabled"].sentence, self.text(".card .sentence"))
        self.press("Try now")
        self.await_stages("paused")
        self.press("Cancel")
        wait_until(lambda: not self.stages(), "the card's end", TENTHS)


class AwayTest(PageTest):
    """A server that stops and comes back at the same address."""

    settings: ClassVar[dict[str, str | int | float]] = {"DUMMY_DELAY_S": 3, "WORKERS": 1}

    def test_it_is_said_and_tried_again_until_all_is_done(self) -> None:
        self.refusals = {0}
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_stages("running")
        self.service.settings["PORT"] = str(self.service.port)
        self.service.stop()
        self.await_text("#connection", r"can't be reached\. The next try is in \d")
        self.choose(self.file("b.jpg", picture("JPEG")))
        self.await_text(".card .state", "Waits for")
        self.service.start()
        self.await_stages("done", "done")
        self.assertEqual("", self.text("#connection"))
        self.assertIn("The server is back.", self.spoken())


class TokenTest(PageTest):
    """A server that asks for a token."""

    token: ClassVar[str] = "open-sesame-0123456789"
    settings: ClassVar[dict[str, str | int | float]] = {"API_TOKENS": f"family:{token}"}

    def test_it_is_asked_for_kept_for_the_tab_and_sent_with_everything(self) -> None:
        self.refusals = {401}
        sentence = PROBLEMS["unauthorized"].sentence
        self.open()
        self.choose(self.file("a.jpg", picture("JPEG")))
        self.await_text("#token", sentence)
        self.answer("a wrong one")
        self.await_text("#token", sentence)
        self.answer(self.token)
        self.await_slider()
        self.assertEqual("", self.text("#token"))
        self.press("Download")
        self.downloaded("a-restored.jpg")
        self.assertEqual(self.token, self.browser.run("return sessionStorage['restore.token']"))
        self.browser.driver.refresh()
        self.await_stages("done")

    def answer(self, token: str) -> None:
        self.one("#token-value").send_keys(token)
        self.press("Continue")


class SlowUploadTest(PageTest):
    """An upload that takes its time."""

    settings: ClassVar[dict[str, str | int | float]] = {"DUMMY_DELAY_S": 2}

    def test_its_progress_is_shown_and_it_can_be_cancelled(self) -> None:
        self.open()
        self.browser.command("Network.enable")
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1}
        self.browser.command("Network.emulateNetworkConditions", **slow, uploadThroughput=400_000)
        noise = Image.effect_noise((1100, 1100), 90)
        file = io.BytesIO()
        noise.save(file, "PNG")
        self.choose(self.file("a.png", file.getvalue()))
        self.await_text(".card .state", r"Uploading, [1-9]\d? %")
        self.press("Cancel")
        wait_until(lambda: not self.stages(), "the card's end", TENTHS)
        self.browser.command("Network.emulateNetworkConditions", **slow, uploadThroughput=-1)
        self.choose(self.file("b.png", picture("PNG")))
        self.await_stages("done")
        self.assertEqual(1, len(self.service.events("restore.requested")))


def _flat(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, 128).save(file, "PNG")
    return file.getvalue()
