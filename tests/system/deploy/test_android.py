"""The sample for Android in examples/android: compiled by Kotlin's own compiler, and run.

It runs on a JVM, with OkHttp 4 and with OkHttp 5, against a real server. The classes of Android
itself are stand-ins (android/standins) with the signatures that the sample uses; what a device does
is not tested here. The tools come by `.ci/install`; without them the tests are skipped.
"""

import os
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

from tests.support.front import Front
from tests.support.pictures import drawing, encode
from tests.support.service import ROOT, Service
from tests.support.tools import NODE, missing

KOTLIN = NODE / "kotlin-compiler"
ORG_JSON = Path("/usr/share/java/com.android.json.jar")
OKHTTP = {version: NODE / f"okhttp{version}" for version in (4, 5)}
COMPILE_S, SCENE_S = 400.0, 90.0  # 23 s of CPU, and the machine may be shared
SOURCES = (
    "examples/android",
    "tests/system/deploy/android",
    "tests/system/deploy/android/standins",
)


def _missing() -> str:
    """What the tests lack, in words; empty where nothing is."""
    if shutil.which("java") is None:
        return "no Java here"
    return missing(KOTLIN, ORG_JSON, *OKHTTP.values())


def _class_path(version: int) -> str:
    jars = sorted(OKHTTP[version].glob("dist/plugins/jira-plugin/lib/ok*.jar"))
    own = [KOTLIN / "lib/kotlinx-coroutines-core-jvm.jar", KOTLIN / "lib/kotlin-stdlib.jar"]
    return os.pathsep.join(map(str, [*jars, *own, ORG_JSON]))


@unittest.skipIf(_missing(), _missing())
class AndroidSample(unittest.TestCase):
    """Compiled once, against OkHttp 4; version 5 keeps its binary interface."""

    folder: Path
    photo: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="restore-android-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        sources = [str(file) for place in SOURCES for file in sorted((ROOT / place).glob("*.kt"))]
        jar, compiler = (
            KOTLIN / "lib/kotlin-compiler.jar",
            "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        )
        options: list[str | Path] = ["-kotlin-home", KOTLIN, "-cp", _class_path(4), "-Werror"]
        options += ["-d", cls.folder / "classes"]
        done = subprocess.run(
            [
                "java",
                "-Xmx700m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                jar,
                compiler,
                *options,
                *sources,
            ],
            capture_output=True,
            text=True,
            timeout=COMPILE_S,
        )
        if done.returncode:
            raise AssertionError(f"the sample doesn't compile:\n{done.stderr}")
        cls.photo = cls.folder / "photo.jpg"
        cls.photo.write_bytes(encode(drawing(), "JPEG"))

    def play(self, scene: str, url: str, version: int = 5, photo: Path | None = None) -> list[str]:
        """Play a scene of Driver.kt; what it printed."""
        files = [str(photo or self.photo), str(self.folder)]
        command: Sequence[str] = ("java", "-XX:TieredStopAtLevel=1", "-cp")
        classes = f"{self.folder / 'classes'}{os.pathsep}{_class_path(version)}"
        done = subprocess.run(
            [*command, classes, "restore.DriverKt", scene, url, *files],
            capture_output=True,
            text=True,
            timeout=SCENE_S,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_restores_a_photo_with_each_okhttp(self) -> None:
        for version in OKHTTP:
            with self.subTest(okhttp=version), Service(DUMMY_DELAY_S="0.5") as service:
                lines = self.play("restore", f"http://127.0.0.1:{service.port}", version)
                kinds = [line.partition("(")[0] for line in lines]
                self.assertEqual(kinds[0], "Queued")
                self.assertIn("Running", kinds)
                self.assertEqual(kinds[-1], "Succeeded")
                job_id = lines[0].partition("jobId=")[2].rstrip(")")
                result = service.result(service.poll(job_id))
                self.assertEqual((self.folder / "result").read_bytes(), result.body)
                self.assertFalse((self.folder / "result.part").exists())

    def test_tells_a_refusal_in_the_servers_words_and_asks_once(self) -> None:
        with Service() as service, Front(service.port) as front:
            lines = self.play("refused", front.url)
        sentence = "strength must be a number from 0.1 to 1.0, such as 0.6."
        self.assertEqual(lines, [f"400 strength_invalid again=false {sentence}"])
        self.assertEqual(len(front.uploads), 1)

    def test_cancels_a_job(self) -> None:
        with Service(DUMMY_DELAY_S="60") as service:
            lines = self.play("cancel", f"http://127.0.0.1:{service.port}")
            self.assertEqual(lines, ["404 job_not_found"])

    def test_leaving_ends_the_watching_not_the_job(self) -> None:
        with Service(DUMMY_DELAY_S="60", SHUTDOWN_GRACE_S=0) as service:
            [state] = self.play("leave", f"http://127.0.0.1:{service.port}")
            self.assertIn(state, ("Queued", "Running"))

    def test_waits_as_long_as_the_server_wishes(self) -> None:
        with Service() as service, Front(service.port) as front:
            front.refuse(503, {"Retry-After": "1"})
            front.refuse(429, {"Retry-After": "2"})
            lines = self.play("restore", front.url)
        self.assertTrue(lines[-1].startswith("Succeeded"), lines)
        first, second, third = front.uploads
        self.assertGreaterEqual(second.at - first.at, 1.0)
        self.assertGreaterEqual(third.at - second.at, 2.0)

    def test_sends_an_upload_again_under_one_key_where_the_answer_was_lost(self) -> None:
        with Service() as service, Front(service.port) as front:
            front.lose_answer()
            lines = self.play("restore", front.url)
            requested = service.events("restore.requested")
            described = service.request("GET", "/openapi.json").body
        self.assertTrue(lines[-1].startswith("Succeeded"), lines)
        self.assertEqual(len(front.uploads), 2)
        first, second = (upload.headers["idempotency-key"] for upload in front.uploads)
        self.assertEqual(first, second)
        if b"Idempotency-Key" in described:  # a server that says so makes one job of both
            self.assertEqual(len(requested), 1, "one photo made two jobs")

    def test_streams_a_content_address_of_known_and_of_unknown_size(self) -> None:
        with Service() as service:
            lines = self.play("uri", f"http://127.0.0.1:{service.port}")
            for line in lines:
                job_id, opened = line.split()
                job = service.ended(job_id)
                self.assertEqual(service.result(job).body, self.photo.read_bytes())
                self.assertEqual(opened, "opened=1")
        self.assertEqual(len(lines), 2)

    def test_opens_a_content_address_anew_for_each_writing(self) -> None:
        with Service() as service, Front(service.port) as front:
            front.lose_answer()
            line = self.play("uri", front.url)[0]
            self.assertIn("opened=2", line)
            job = service.ended(line.split()[0])
            self.assertEqual(service.result(job).body, self.photo.read_bytes())

    def test_a_worker_takes_its_job_up_again_after_the_apps_death(self) -> None:
        with Service(DUMMY_DELAY_S="1") as service:
            lines = self.play("worker", f"http://127.0.0.1:{service.port}")
            self.assertEqual(len(service.events("restore.requested")), 1)
        self.assertEqual(lines[1], "uploads=1 kept=null")
        file = Path(lines[0].removeprefix("success "))
        self.assertEqual(file.read_bytes(), self.photo.read_bytes())

    def test_a_worker_tells_a_refusal_in_the_servers_words(self) -> None:
        text = self.folder / "text.txt"
        text.write_text("This is no photo.")
        with Service() as service:
            lines = self.play("damaged", f"http://127.0.0.1:{service.port}", photo=text)
        sentence = "The file is text, not a photo. Please send a JPEG, PNG, WEBP or HEIC image."
        self.assertEqual(lines, [f"unsupported_image {sentence}"])
