"""idempotency: one key, one job; over a real server, twenty at once, and after a restart."""

import asyncio
import gc
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from restore.api.idempotency import KeysUnderWay, is_key, scoped_key
from tests.support.functional_testcase import FunctionalTest, picture
from tests.support.service import Answer, Service, form

KEY = {"Idempotency-Key": "0123456789abcdef0123456789abcdef"}


class KeyTest(unittest.TestCase):
    def test_what_a_key_may_be(self) -> None:
        for key in ("", "x" * 256, "a\tb", "k\xe4se"):
            self.assertFalse(is_key(key), key)
        self.assertFalse(is_key("a", "b"))
        for key in ("x", "y" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'):
            self.assertTrue(is_key(key), key)

    def test_clients_do_not_meet(self) -> None:
        self.assertNotEqual(scoped_key("a", "10.0.0.1"), scoped_key("a", "10.0.0.2"))
        self.assertNotIn("10.0.0.1", scoped_key("a", "10.0.0.1"))


class TurnTest(unittest.IsolatedAsyncioTestCase):
    async def test_one_at_a_time_under_a_key_and_nothing_is_left(self) -> None:
        keys, inside, most = KeysUnderWay(), 0, 0

        async def enter(key: str) -> None:
            nonlocal inside, most
            async with keys.turn(key):
                inside, most = inside + 1, max(most, inside + 1)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*[enter("a") for _ in range(5)])
        self.assertEqual((1, 0), (most, len(keys)))
        await asyncio.gather(enter("a"), enter("b"))
        self.assertEqual((2, 0), (most, len(keys)))

    async def test_who_leaves_while_waiting_holds_up_nobody(self) -> None:
        keys = KeysUnderWay()

        async def enter() -> None:
            async with keys.turn("a"):
                pass

        async with keys.turn("a"):
            waiting, other = asyncio.create_task(enter()), asyncio.create_task(enter())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await other
        del waiting, other  # a task's exception holds what it was raised in
        gc.collect()
        self.assertEqual(0, len(keys))


class SameKeyTest(FunctionalTest):
    def keyed(self, key: str, image: bytes, **fields: str) -> Answer:
        return self.service.upload(image, fields, {"Idempotency-Key": key})

    def test_the_same_again_is_the_same_job(self) -> None:
        photo = picture("PNG")
        first = self.keyed("again", photo, strength="0.8", upscale="2")
        again = self.keyed("again", photo, upscale="2", strength="0.8")  # another boundary, order
        self.assertEqual((201, 201), (first.status, again.status))
        self.assertEqual(first.body, again.body)
        self.assertEqual(first.headers["location"], again.headers["location"])
        self.service.ended(first.json["job_id"])
        self.assertEqual(first.body, self.keyed("again", photo, strength="0.8", upscale="2").body)
        other = self.keyed("another", photo, strength="0.8", upscale="2")
        self.assertNotEqual(first.json["job_id"], other.json["job_id"])

    def test_another_form_under_the_key_is_refused(self) -> None:
        photo = picture("PNG")
        self.assertEqual(201, self.keyed("taken", photo, strength="0.8").status)
        for image, fields in ((photo, {"strength": "0.7"}), (picture("JPEG"), {"strength": "0.8"})):
            self.assert_refused(self.keyed("taken", image, **fields), "key_reused")

    def test_a_key_that_is_none(self) -> None:
        self.assert_refused(self.keyed("", picture("PNG")), "key_invalid")
        self.assert_refused(self.keyed("x" * 256, picture("PNG")), "key_invalid")
        two = dict.fromkeys(("Idempotency-Key", "idempotency-key"), "twice")
        self.assert_refused(self.service.upload(picture("PNG"), headers=two), "key_invalid")

    def test_a_refused_upload_leaves_its_key_free(self) -> None:
        self.assert_refused(self.keyed("free", b"no photo at all"), "unsupported_image")
        self.assertEqual(201, self.keyed("free", picture("PNG")).status)

    def test_twenty_at_once_are_one_job(self) -> None:
        body, content_type = form(picture("JPEG", (1000, 800)))
        headers = {"Content-Type": content_type, "Idempotency-Key": "twenty"}

        def post(_: int) -> Answer:
            return self.service.request("POST", "/v1/restore", body, headers)

        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(post, range(20)))
        self.assertEqual({201}, {answer.status for answer in answers})
        [job_id] = {answer.json["job_id"] for answer in answers}
        self.service.ended(job_id)
        events = self.service.events("restore.requested")
        self.assertEqual(1, sum(job_id == event["job_id"] for event in events))


class LastingTest(unittest.TestCase):
    def test_a_replay_costs_no_token_and_outlives_the_server(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        photo, storage = picture("PNG"), Path(folder.name) / "data"
        with Service(storage, RATE_LIMIT_PER_MIN=1) as service:
            first = service.upload(photo, headers=KEY)
            self.assertEqual(201, first.status)
            self.assertEqual('"uploads";q=1;w=60', first.headers["ratelimit-policy"])
            self.assertRegex(first.headers["ratelimit"], '^"uploads";r=0;t=([1-5]?[0-9]|60)$')
            for _ in range(3):
                self.assertEqual(first.body, service.upload(photo, headers=KEY).body)
            refused = service.upload(photo)
            self.assertEqual(429, refused.status)
            self.assertRegex(refused.headers["ratelimit"], '^"uploads";r=0;t=([1-5]?[0-9]|60)$')
        with Service(storage, RESTORE_ENABLED="false") as service:
            for image in (photo, picture("JPEG")):
                answer = service.upload(image, headers=KEY)
                self.assertEqual((503, "disabled"), (answer.status, answer.json["code"]))
        with Service(storage, RATE_LIMIT_PER_MIN=3) as service:
            self.assertEqual(first.body, service.upload(photo, headers=KEY).body)
            for headers, status, code in (
                *((KEY, 422, "key_reused"), (KEY, 422, "key_reused")),
                *(({"Idempotency-Key": ""}, 400, "key_invalid"), (KEY, 429, "rate_limited")),
            ):
                answer = service.upload(picture("JPEG"), headers=headers)
                self.assertEqual((status, code), (answer.status, answer.json["code"]))
            self.assertEqual(first.body, service.upload(photo, headers=KEY).body)


if __name__ == "__main__":
    unittest.main()
