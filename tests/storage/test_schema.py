"""jobrows: every field of a job has its column, and comes back as it went."""

import sqlite3
import unittest
from dataclasses import fields, replace

from restore.contract.job import Job, JobSpec, JobStatus
from restore.storage.schema import SCHEMA, decode, decode_state, encode

JOB = Job("id", JobSpec("model", 0.55, 4), "heic", 4000, 3000, created_at=1.25)


class RowTests(unittest.TestCase):
    def test_every_field_has_a_column_of_its_name(self) -> None:
        names = {field.name for kind in (Job, JobSpec) for field in fields(kind)} - {"spec"}
        database = sqlite3.connect(":memory:")
        self.addCleanup(database.close)
        database.executescript("".join(SCHEMA))
        columns = {row[1] for row in database.execute("PRAGMA table_info(jobs)")}
        self.assertEqual(columns, names | {"seq"})

    def test_there_and_back(self) -> None:
        running = JOB.start()
        full = replace(running, vanished=2, progress=0.5, request_id="abc")
        for job in (JOB, running, full, full.succeed("id.png", 2.5), full.fail("storage", 3.5)):
            back = decode(encode(job))
            self.assertEqual(back, job)
            self.assertIs(type(back.status), JobStatus)
            self.assertIs(type(back.working), bool)

    def test_an_unknown_status_is_an_error(self) -> None:
        row = [("nonsense" if value == "queued" else value) for value in encode(JOB)]
        with self.assertRaises(ValueError):
            decode(tuple(row))
        with self.assertRaises(ValueError):
            decode_state(("nonsense", 0.0, None, None))


if __name__ == "__main__":
    unittest.main()
