"""conditional: validators, conditions and ranges, and the headers of a result."""

import os
import time
import unittest
from collections.abc import Mapping

from restore.contract.http import Refusal
from restore.http.conditional import (
    Validators,
    file_headers,
    not_modified,
    precondition_failed,
    select_range,
)

MODIFIED = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
SAME_DATE = (DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994")
NO_DATE = ("", "x", "-1", "0", "Sun", "99 Foo 99999999 99:99:99 GMT", "9" * 500, "\ud800")
STATE = Validators('"tag"', MODIFIED)


class FileHeadersTest(unittest.TestCase):
    def test_headers_of_a_result(self) -> None:
        self.assertEqual(
            dict(file_headers("image/png", "restored-1.png", STATE)),
            {
                "Content-Type": "image/png",
                "Cache-Control": "public, max-age=31536000, immutable",
                "X-Content-Type-Options": "nosniff",
                "Content-Disposition": 'inline; filename="restored-1.png"',
                "Accept-Ranges": "bytes",
                "ETag": '"tag"',
                "Last-Modified": DATE,
            },
        )


class ConditionsTest(unittest.TestCase):
    def holds(self, headers: Mapping[str, str]) -> bool:
        return not_modified(headers.get, STATE)

    def test_no_condition(self) -> None:
        self.assertFalse(self.holds({}))

    def test_entity_tags(self) -> None:
        for tags, holds in (
            ('"tag"', True),
            (' "tag" ', True),
            ('W/"tag"', True),
            ('"a", W/"tag","b"', True),
            ("*", True),
            (" * ", True),
            ('"Tag"', False),
            ("tag", False),
            ('"a", "b"', False),
            ('"a,tag"', False),
            ("", False),
            ('"tag', False),
        ):
            with self.subTest(tags):
                self.assertIs(self.holds({"if-none-match": tags}), holds)

    def test_dates(self) -> None:
        for date in (*SAME_DATE, "Sun, 06 Nov 1994 08:49:38 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"):
            with self.subTest(date):
                self.assertTrue(self.holds({"if-modified-since": date}))
        for date in ("Sun, 06 Nov 1994 08:49:36 GMT", *NO_DATE):
            with self.subTest(date):
                self.assertFalse(self.holds({"if-modified-since": date}))

    def test_a_state_that_is_wanted(self) -> None:
        for name, value, fails in (
            ("if-match", '"tag"', False),
            ("if-match", '"a", "tag"', False),
            ("if-match", " * ", False),
            ("if-match", 'W/"tag"', True),
            ("if-match", '"other"', True),
            ("if-match", "tag", True),
            ("if-match", "", True),
            ("if-unmodified-since", DATE, False),
            ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:38 GMT", False),
            ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT", True),
            *(("if-unmodified-since", date, False) for date in NO_DATE),
        ):
            with self.subTest(name, value=value):
                self.assertIs(precondition_failed({name: value}.get, STATE), fails)
        both = {"if-match": '"tag"', "if-unmodified-since": "Sun, 06 Nov 1994 08:49:36 GMT"}
        self.assertFalse(precondition_failed(both.get, STATE))

    def test_tags_go_before_dates(self) -> None:
        """RFC 9110, 13.1.3: If-Modified-Since is ignored where there is If-None-Match."""
        self.assertFalse(self.holds({"if-none-match": '"other"', "if-modified-since": DATE}))

    def test_dates_are_utc_wherever_the_server_stands(self) -> None:
        zone = os.environ.get("TZ")
        self.addCleanup(time.tzset)
        self.addCleanup(os.environ.pop, "TZ", None)
        if zone is not None:
            self.addCleanup(os.environ.__setitem__, "TZ", zone)
        for zone in ("America/New_York", "Asia/Tokyo"):
            os.environ["TZ"] = zone
            time.tzset()
            for date in SAME_DATE:
                with self.subTest(date, zone=zone):
                    self.assertEqual(
                        select_range({"range": "bytes=0-0", "if-range": date}.get, STATE, 9),
                        (0, 1),
                    )

    def test_a_hostile_list_of_tags_takes_no_time(self) -> None:
        began = time.process_time()
        for tags in ('"' * 32000, 'W/"' * 10000, "W/" * 16000):
            self.assertFalse(self.holds({"if-none-match": tags}))
        self.assertLess(time.process_time() - began, 1.0)


class RangesTest(unittest.TestCase):
    SIZE = 1000

    def select(self, value: str | None, condition: str | None = None) -> tuple[int, int] | None:
        headers = {"range": value, "if-range": condition}
        return select_range(headers.get, STATE, self.SIZE)

    def test_one_range(self) -> None:
        for value, part in (
            ("bytes=0-0", (0, 1)),
            ("bytes=0-999", (0, 1000)),
            ("bytes=0-1000", (0, 1000)),
            ("bytes=10-19", (10, 10)),
            ("bytes=999-999", (999, 1)),
            ("bytes=500-", (500, 500)),
            ("bytes=0-", (0, 1000)),
            ("bytes=-1", (999, 1)),
            ("bytes=-1000", (0, 1000)),
            ("bytes=-5000", (0, 1000)),
            ("bytes=0-9999999999999999999", (0, 1000)),
            ("bytes=0-" + "9" * 4000, (0, 1000)),
            ("bytes=-" + "9" * 4000, (0, 1000)),
            ("Bytes=1-2", (1, 2)),
            ("bytes= 1-2 ", (1, 2)),
        ):
            with self.subTest(value):
                self.assertEqual(self.select(value), part)

    def test_what_gets_the_whole_file(self) -> None:
        for value in (
            None,
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=2000-1999",
            "bytes=0-1,5-6",
            "bytes=a-b",
            "bytes=1-2-3",
            "bytes=--1",
            "bytes=+1-2",
            "bytes=1 - 2",
            "bytes=\u0661-",
            "bytes 0-1",
            "lines=0-1",
            "bytes=0-" + "9" * 5000,
        ):
            with self.subTest(value):
                self.assertIsNone(self.select(value))

    def test_outside_of_the_file(self) -> None:
        far = ("bytes=9999999999999999999-", "bytes=99999999999999999999999-")
        for value in ("bytes=1000-", "bytes=1000-2000", "bytes=-0", *far):
            with self.subTest(value), self.assertRaises(Refusal) as caught:
                self.select(value)
            self.assertEqual(caught.exception.status, 416)
            self.assertEqual(caught.exception.headers, (("Content-Range", "bytes */1000"),))

    def test_an_empty_file_has_no_range(self) -> None:
        for value in ("bytes=0-", "bytes=-1"):
            with self.subTest(value), self.assertRaises(Refusal):
                select_range({"range": value}.get, STATE, 0)

    def test_only_of_the_same_state(self) -> None:
        for condition in ('"tag"', ' "tag" ', *SAME_DATE):
            with self.subTest(condition):
                self.assertEqual(self.select("bytes=0-0", condition), (0, 1))
        later = "Sun, 06 Nov 1994 08:49:38 GMT"
        for condition in ('W/"tag"', '"other"', '"tag', "tag", "*", later, *NO_DATE):
            with self.subTest(condition):
                self.assertIsNone(self.select("bytes=0-0", condition))

    def test_a_range_of_another_state_is_not_outside(self) -> None:
        self.assertIsNone(self.select("bytes=1000-", '"other"'))
