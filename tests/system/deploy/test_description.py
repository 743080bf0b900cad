"""The server held to its own description by schemathesis: whatever fits the description is sent.

Bounded by a number of examples for each operation, and the same each time by its seed. A status or
a shape that isn't described, and any 5xx that isn't, is a failure.
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.support.pictures import drawing, encode
from tests.support.service import Service
from tests.support.tools import PYTHON, missing

SCHEMATHESIS = PYTHON.with_name("schemathesis")
EXAMPLES, SEED, PATIENCE_S = 10, 1, 300.0
HOOKS = """
import pathlib
import schemathesis
from hypothesis import strategies

photo = pathlib.Path({path!r}).read_bytes()
for kind in ("image/jpeg", "image/png", "image/webp", "image/heic"):
    schemathesis.openapi.media_type(kind, strategies.just(photo))
"""


@unittest.skipIf(missing(SCHEMATHESIS), missing(SCHEMATHESIS))
class DescriptionTest(unittest.TestCase):
    def test_nothing_happens_that_is_not_described(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Service(MAX_QUEUE=100_000) as service:
            photo, hooks = Path(folder) / "photo.jpg", Path(folder) / "hooks.py"
            photo.write_bytes(encode(drawing(), "JPEG"))
            hooks.write_text(HOOKS.format(path=str(photo)))
            url = f"http://127.0.0.1:{service.port}"
            # What a schema can't say: that bytes are a photo, and which keys were used before.
            options = ["--url", url, "--no-color", "--exclude-checks", "positive_data_acceptance"]
            limits = ["--max-examples", str(EXAMPLES), "--seed", str(SEED)]
            done = subprocess.run(
                [SCHEMATHESIS, "run", f"{url}/openapi.json", *options, *limits],
                cwd=folder,
                env=os.environ | {"SCHEMATHESIS_HOOKS": str(hooks)},
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertFalse(service.log_has("Traceback"))
