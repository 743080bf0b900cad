"""results: the photo as it came, from its job's start until its result goes."""

import io
import unittest

from PIL import Image

from tests.support.functional_testcase import FunctionalTest, picture
from tests.support.service import Service, wait_until


class BeforeTest(FunctionalTest):
    def test_each_kind_has_one_that_browsers_show(self) -> None:
        for kind in ("JPEG", "PNG", "WEBP", "HEIF"):
            with self.subTest(kind):
                job = self.service.ended(self.service.promise(picture(kind)))
                answer = self.service.request("GET", f"/v1/jobs/{job['job_id'].upper()}/before")
                self.assertEqual(
                    (200, "image/jpeg"), (answer.status, answer.headers["content-type"])
                )
                with Image.open(io.BytesIO(answer.body)) as shown:
                    self.assertEqual(("JPEG", (96, 64)), (shown.format, shown.size))

    def test_it_goes_with_its_job(self) -> None:
        job_id = self.service.ended(self.service.promise(picture("PNG")))["job_id"]
        self.assertEqual(204, self.service.request("DELETE", f"/v1/jobs/{job_id}").status)
        self.assert_refused(
            self.service.request("GET", f"/v1/jobs/{job_id}/before"), "job_not_found"
        )
        left = [path for path in self.service.storage.rglob("*") if job_id in path.name]
        self.assertEqual([], left)

    def test_it_is_no_result_of_the_job(self) -> None:
        job_id = self.service.ended(self.service.promise(picture("PNG")))["job_id"]
        answer = self.service.request("GET", f"/outputs/{job_id}.before.jpg")
        self.assert_refused(answer, "result_not_found")


class MeanwhileTest(unittest.TestCase):
    def test_it_is_there_while_the_job_runs_and_not_while_it_waits(self) -> None:
        with Service(WORKERS=1, DUMMY_DELAY_S=60) as service:
            first, second = (service.promise(picture("JPEG")) for _ in range(2))

            def asked(job_id: str) -> int:
                return service.request("GET", f"/v1/jobs/{job_id}/before").status

            wait_until(lambda: asked(first) == 200, "the first one's start")
            answer = service.request("GET", f"/v1/jobs/{second}/before")
            self.assertEqual((404, "before_not_found"), (answer.status, answer.json["code"]))


if __name__ == "__main__":
    unittest.main()
