"""waiting: what a Prefer header asks for, who is woken when, and both over a real server."""

import asyncio
import json
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

from restore.api.waiting import LONGEST_WAIT_S, Waiting, wait_asked_for
from tests.support.functional_testcase import picture
from tests.support.service import Answer, Service, wait_until


class AskedTest(unittest.TestCase):
    def test_what_is_understood(self) -> None:
        for text, seconds in (
            *(("wait=5", 5), ("Wait = 5", 5), ('wait="7"', 7), ("respond-async, wait=10", 10)),
            *(("wait=3;x=y", 3), ("wait=1, wait=2", 1), ("wait=999999", LONGEST_WAIT_S)),
            *(("wait=0", 0), ("wait", 0), ("wait=-1", 0), ("wait=1.5", 0), ("await=5", 0)),
            *(("", 0), ("wait=9999999999", LONGEST_WAIT_S), ("wait=" + "0" * 5000 + "4", 4)),
            *(("return=minimal", 0), ('foo="a, wait=1"', 0), (r'foo="\", wait=1", wait=2', 2)),
        ):
            self.assertEqual(seconds, wait_asked_for(text), text)


class WaitingTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.looks: list[str] = []
        self.waiting = Waiting(self.look)

    def look(self, job_id: str) -> str:
        self.looks.append(job_id)
        return f"{job_id} ended"

    async def begin(self, count: int, seconds: float = 30.0) -> list[asyncio.Task[str]]:
        wait = self.waiting.until_ended
        polls = [asyncio.create_task(wait("a", seconds)) for _ in range(count)]
        await asyncio.sleep(0)
        return polls

    async def test_all_of_a_job_are_woken_and_no_others(self) -> None:
        polls = await self.begin(1000)
        other = asyncio.create_task(self.waiting.until_ended("b", 30.0))
        await asyncio.sleep(0)
        self.waiting.wake("a")
        told = await asyncio.wait_for(asyncio.gather(*polls), 5.0)
        self.assertEqual((["a ended"] * 1000, ["a"]), (told, self.looks))
        self.assertEqual((False, 1), (other.done(), len(self.waiting)))
        self.waiting.close()
        await asyncio.wait_for(other, 5.0)
        self.assertEqual(0, len(self.waiting))

    async def test_a_wait_ends_by_itself_or_with_its_client(self) -> None:
        [late] = await self.begin(1, 0.01)
        await asyncio.wait_for(late, 5.0)
        polls = await self.begin(2)
        polls[0].cancel()
        await asyncio.wait({polls[0]})
        self.assertEqual(1, len(self.waiting))
        self.waiting.wake("a")
        self.waiting.wake("a")
        await asyncio.wait_for(polls[1], 5.0)

    async def test_nobody_waits_for_a_server_that_stops(self) -> None:
        self.waiting.close()
        await asyncio.wait_for(self.waiting.until_ended("a", 30.0), 5.0)


class ServedTest(unittest.TestCase):
    def ask(self, service: Service, job_id: str, seconds: int) -> Answer:
        headers = {"Prefer": f"wait={seconds}"}
        return service.request("GET", f"/v1/jobs/{job_id}", headers=headers)

    def test_the_answer_comes_with_the_end(self) -> None:
        with Service(DUMMY_DELAY_S=1) as service:
            job_id = service.promise(picture("JPEG"))
            began = time.monotonic()
            with ThreadPoolExecutor(50) as threads:
                answers = list(threads.map(lambda _: self.ask(service, job_id, 30), range(50)))
            self.assertLess(time.monotonic() - began, 20.0)
            for answer in answers:
                self.assertEqual((200, "succeeded"), (answer.status, answer.json["status"]))
                self.assertEqual("wait=30", answer.headers["preference-applied"])
                keys = ["job_id", "status", "progress", "result_url", "error"]
                self.assertEqual(keys, list(answer.json))
                self.assertNotIn("retry-after", answer.headers)
            self.assertEqual("wait=60", self.ask(service, job_id, 90).headers["preference-applied"])
            plain = service.request("GET", f"/v1/jobs/{job_id}")
            self.assertNotIn("preference-applied", plain.headers)

    def test_no_end_in_time_a_cancel_and_a_stop(self) -> None:
        with Service(DUMMY_DELAY_S=60, WORKERS=1) as service, ThreadPoolExecutor(1) as thread:
            created = service.upload(picture("JPEG"))
            self.assertEqual("2", created.headers["retry-after"])
            running, queued = created.json["job_id"], service.promise(picture("PNG"))
            answer = self.ask(service, running, 1)
            self.assertIn(answer.json["status"], ("queued", "running"))
            said = answer.headers["preference-applied"], answer.headers["retry-after"]
            self.assertEqual(("wait=1", "2"), said)
            wait_until(lambda: service.poll(running)["status"] == "running", "its start")
            waiting = thread.submit(self.ask, service, queued, 60)
            service.request("DELETE", f"/v1/jobs/{queued}")
            self.assertEqual(404, waiting.result(20.0).status)
            with closing(HTTPConnection("127.0.0.1", service.port, timeout=20.0)) as held:
                held.request("GET", f"/v1/jobs/{running}", headers={"Prefer": "wait=60"})
                self.assertEqual("running", service.poll(running)["status"])
                service.stop()
                self.assertEqual("running", json.load(held.getresponse())["status"])


if __name__ == "__main__":
    unittest.main()
