"""details: sizes from a file's header, the two routes."""

import json
import tempfile
import unittest
from datetime import datetime
from pathlib import Path
from typing import Any

from restore.api.details import Offered, details_json, models_json
from restore.contract.job import Job, JobSpec
from tests.support.functional_testcase import FunctionalTest, picture
from tests.support.service import Service, wait_until

ID = "0b6b5c2e-6a0f-4f4e-9a51-3f2d0f6f7c11"
NOTHING = "camera photo, noise 1.0/0.8, blur no, jpeg no, marks no, wear no, fade no; steps: none"
MUCH = (
    "print, noise 9.0/2.0, blur 1.20, jpeg q35, marks 0.42%, wear 1.00%, fade x1.80 one hue;"
    " steps: fill, denoise, enlarge x2, levels; faces: 2"
)
SPEC = JobSpec("any/model", 0.6, 2)


class BodyTest(unittest.TestCase):
    def told(self, job: Job, result: Path | None = None, keep_s: float = 60.0) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(details_json(job, None, result, keep_s))
        return said

    def test_times_are_utc(self) -> None:
        job = Job(ID, SPEC, "jpeg", 30, 20, 0.5).start(61.0).succeed(f"{ID}.png", 3600.0, NOTHING)
        said = self.told(job)
        times = [said[f"{name}_at"] for name in ("created", "started", "ended", "expires")]
        self.assertEqual("1970-01-01T00:00:00.500Z", times[0])
        self.assertEqual("1970-01-01T01:01:00.000Z", times[3])
        self.assertEqual(times, sorted(times))
        self.assertIsNone(self.told(job, keep_s=0.0)["expires_at"])

    def test_sizes_are_those_of_the_file(self) -> None:
        job = Job(ID, SPEC, "jpeg", 30, 20, 0.0).start().succeed("x", 1.0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result"
            for kind, options in (
                ("PNG", {}),
                ("JPEG", {}),
                ("JPEG", {"progressive": True, "icc_profile": bytes(200_000)}),
            ):
                path.write_bytes(content := picture(kind, (40, 60), **options))
                size = {"width": 40, "height": 60, "bytes": len(content)}
                self.assertEqual(size, self.told(job, path)["result"], (kind, options))
            for broken in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00" + bytes(99), b"\x89PNG"):
                path.write_bytes(broken)
                self.assertIsNone(self.told(job, path)["result"], broken)
            path.unlink()
            self.assertIsNone(self.told(job, path)["result"])

    def test_a_model_with_its_details(self) -> None:
        offered = (Offered("a/b", "Does it.", True, {"upscales": (1, 2), "licence": "MIT"}),)
        [model] = json.loads(models_json(offered))["models"]
        expected = {"id": "a/b", "about": "Does it.", "default": True, "licence": "MIT"}
        self.assertEqual({**expected, "upscales": [1, 2]}, model)


class RoutesTest(FunctionalTest):
    def details(self, job_id: str) -> dict[str, Any]:
        answer = self.service.request("GET", f"/v1/jobs/{job_id}/details")
        self.assertEqual((200, "no-store"), (answer.status, answer.headers["cache-control"]))
        said: dict[str, Any] = answer.json
        return said

    def test_a_job_that_ended(self) -> None:
        photo = picture("JPEG")
        job = self.service.ended(self.service.promise(photo, strength="0.8"))
        said = self.details(job["job_id"].upper())
        result = self.service.result(job).body
        self.assertEqual({"width": 96, "height": 64, "bytes": len(result)}, said["result"])
        source = {"kind": "jpeg", "width": 96, "height": 64, "bytes": len(photo)}
        self.assertEqual(source, said["source"])
        self.assertEqual(("succeeded", 0.8, 1), (said["status"], said["strength"], said["upscale"]))
        self.assertEqual((None, 1), (said["queue_position"], said["attempts"]))
        times = [datetime.fromisoformat(said[f"{name}_at"]) for name in ("created", "ended")]
        self.assertLessEqual(times[0], times[1])

    def test_no_job_no_details(self) -> None:
        for name in (ID, "x", f"{ID}/details"):
            code = "job_not_found" if "/" not in name else "not_found"
            self.assert_refused(self.service.request("GET", f"/v1/jobs/{name}/details"), code)
        self.assert_refused(
            self.service.request("DELETE", f"/v1/jobs/{ID}/details"), "method_not_allowed"
        )

    def test_models_without_the_alias(self) -> None:
        models = self.service.request("GET", "/v1/models").json["models"]
        self.assertEqual(["restoration/dummy"], [model["id"] for model in models])


class QueueTest(unittest.TestCase):
    def test_the_place_in_the_queue(self) -> None:
        with Service(WORKERS=1, DUMMY_DELAY_S=60) as service:
            ids = [service.promise(picture("JPEG")) for _ in range(3)]

            def places() -> list[int | None]:
                asked = (service.request("GET", f"/v1/jobs/{each}/details").json for each in ids)
                return [said["queue_position"] for said in asked]

            wait_until(lambda: places() == [None, 1, 2], "the first one's start")
            service.request("DELETE", f"/v1/jobs/{ids[1]}")
            said = service.request("GET", f"/v1/jobs/{ids[2]}/details").json
            self.assertEqual((1, None, None), (said["queue_position"], said["found"], said["done"]))


class TellingTest(unittest.TestCase):
    def test_the_default_provider_tells(self) -> None:
        with Service(PROVIDER="generic") as service:
            job = service.ended(service.promise(picture("JPEG"), upscale="2"))
            said = service.request("GET", f"/v1/jobs/{job['job_id']}/details").json
            self.assertIn("The photo was enlarged.", said["done"])
            self.assertIsInstance(said["found"], list)
            self.assertEqual((192, 128), (said["result"]["width"], said["result"]["height"]))
            models = service.request("GET", "/v1/models").json["models"]
            self.assertEqual([True], [model["default"] for model in models])


if __name__ == "__main__":
    unittest.main()
