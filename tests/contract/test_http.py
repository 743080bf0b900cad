"""contract: fields to a JobSpec, the JSON shapes, and tables that fit each other."""

import ast
import json
import math
import unittest
from pathlib import Path

import restore
from restore.contract import http, job
from restore.contract.http import PAGE_ROUTES, PROBLEMS, ROUTES, Refusal, parse_fields
from restore.contract.job import JOB_ERRORS, Event, JobSpec
from restore.http.http11 import REASONS

DEFAULT = "restoration/gfpgans-1.4"
MODELS = (DEFAULT, "restoration/classic")
SOURCES = sorted(Path(restore.__file__).parent.rglob("*.py"))


class FieldsTest(unittest.TestCase):
    def parse(self, **fields: str) -> JobSpec:
        return parse_fields(fields, DEFAULT, MODELS)

    def assert_refused(self, code: str, **fields: str) -> str:
        with self.assertRaises(Refusal) as caught:
            self.parse(**fields)
        self.assertEqual((caught.exception.code, caught.exception.status), (code, 400))
        return caught.exception.sentence

    def test_defaults(self) -> None:
        default = JobSpec(DEFAULT, 0.6, 1)
        self.assertEqual(self.parse(), default)
        self.assertEqual(self.parse(model_id="", strength="", upscale=""), default)
        self.assertEqual(self.parse(model_id=" ", strength="  ", upscale=" "), default)

    def test_all_given(self) -> None:
        spec = self.parse(model_id="restoration/classic", strength="0.25", upscale="4")
        self.assertEqual(spec, JobSpec("restoration/classic", 0.25, 4))

    def test_strength(self) -> None:
        for text, strength in (
            ("0.1", 0.1),
            ("1", 1.0),
            ("1.0", 1.0),
            (".5", 0.5),
            ("00.6", 0.6),
            (" 0.6 ", 0.6),
            ("0.1" + "0" * 4000, 0.1),
        ):
            with self.subTest(text):
                self.assertEqual(self.parse(strength=text).strength, strength)

    def test_strength_that_is_none(self) -> None:
        for text in (
            *("0", "0.0999", "1.0001", "2", "-0.5", "+0.5", "0,5", "1e-1", "5e-1", "0x1", "0.5f"),
            *(
                "nan",
                "inf",
                "Infinity",
                "0_1",
                "0.5 5",
                ".",
                "\u0660.\u0665",
                "0.5\n",
                "\t0.5",
                "0.5\0",
                "x",
            ),
            *("1" * 4000, "0.6.0", "0.6%", "½", "null", "true", "\ud800"),
        ):
            with self.subTest(text):
                sentence = self.assert_refused("strength_invalid", strength=text)
                self.assertIn("0.1 to 1.0", sentence)

    def test_upscale(self) -> None:
        for text, upscale in (("1", 1), ("2", 2), ("4", 4), (" 2 ", 2)):
            with self.subTest(text):
                self.assertEqual(self.parse(upscale=text).upscale, upscale)
        for text in (
            "0",
            "3",
            "8",
            "-1",
            "+1",
            "01",
            "1.0",
            "2.0",
            "1e0",
            "\u0662",
            "\u00b2",
            "2\n",
            "two",
        ):
            with self.subTest(text):
                self.assert_refused("upscale_invalid", upscale=text)

    def test_model_that_is_not_offered(self) -> None:
        for text in ("x", "restoration", DEFAULT.upper(), f"{DEFAULT}\n", "../x", "<b>", "\ud800"):
            with self.subTest(text):
                sentence = self.assert_refused("model_unknown", model_id=text)
                self.assertTrue(sentence.endswith("restoration/classic, restoration/gfpgans-1.4."))
                self.assertNotIn(f" {text}.", sentence)

    def test_the_model_is_looked_at_first(self) -> None:
        self.assert_refused("model_unknown", model_id="x", strength="x", upscale="x")
        self.assert_refused("strength_invalid", strength="x", upscale="x")

    def test_other_fields_say_nothing(self) -> None:
        self.assertEqual(self.parse(colour="blue").strength, 0.6)


class ShapesTest(unittest.TestCase):
    def test_created(self) -> None:
        self.assertEqual(json.loads(http.created_json("j")), {"job_id": "j", "status": "queued"})

    def test_job(self) -> None:
        body = http.job_json("j", "succeeded", 1.0, "http://a/outputs/j.png", None)
        self.assertEqual(
            body,
            b'{"job_id": "j", "status": "succeeded", "progress": 1.0, '
            b'"result_url": "http://a/outputs/j.png", "error": null}',
        )
        queued = json.loads(http.job_json("j", "queued", 0.0, None, None))
        self.assertEqual(
            queued,
            {"job_id": "j", "status": "queued", "progress": 0.0, "result_url": None, "error": None},
        )

    def test_progress_is_always_a_float(self) -> None:
        for progress, text in (
            (0, b"0.0"),
            (1, b"1.0"),
            (0.25, b"0.25"),
            (1 / 3, b"0.3333"),
            (1e-5, b"0.0"),
            (0.0001, b"0.0001"),
        ):
            with self.subTest(progress):
                body = http.job_json("j", "running", progress, None, None)
                self.assertIn(b'"progress": ' + text + b",", body)

    def test_texts_are_escaped(self) -> None:
        text = '"\\ \n<ü>'
        answer = json.loads(http.job_json(text, "failed", 0.0, text, text))
        self.assertEqual((answer["job_id"], answer["result_url"], answer["error"]), (text,) * 3)

    def test_error(self) -> None:
        body = http.error_json("malformed_form", 'Größer "als" \n erlaubt.')
        self.assertEqual(
            json.loads(body.decode()),
            {"error": 'Größer "als" \n erlaubt.', "code": "malformed_form"},
        )

    def test_refusal(self) -> None:
        plain = Refusal("rate_limited")
        self.assertEqual((plain.status, plain.headers, plain.detail), (429, (), ""))
        self.assertEqual(plain.sentence, PROBLEMS["rate_limited"].sentence)
        own = Refusal("queue_full", "Later.", headers=(("Retry-After", "5"),), detail="200 wait")
        self.assertEqual((own.status, own.sentence, own.detail), (503, "Later.", "200 wait"))
        with self.assertRaises(KeyError):
            Refusal("no_such_code")


class TablesTest(unittest.TestCase):
    def test_statuses_of_the_contract_are_there(self) -> None:
        statuses = {problem.status for problem in PROBLEMS.values()}
        self.assertLessEqual({400, 413, 415, 429, 500, 503}, statuses)
        self.assertLessEqual(statuses, set(REASONS))

    def test_codes_and_sentences_are_fit_to_be_seen(self) -> None:
        for code, problem in PROBLEMS.items():
            with self.subTest(code):
                self.assertRegex(code, r"^[a-z]+(_[a-z]+)*$")
                self.assertEqual(problem.code, code)
                self.assertRegex(problem.sentence, r"^[\w'].*\.$")
                self.assertIn(problem.again, ("no", "yes", "after Retry-After"))
                if problem.status in (429, 503):
                    self.assertEqual(problem.again, "after Retry-After")

    def test_sentences_of_failed_jobs_tell_nothing_of_the_inside(self) -> None:
        self.assertEqual(
            set(JOB_ERRORS),
            {
                "decode_failed",
                "provider_error",
                "bad_output",
                "timeout",
                "worker_died",
                "server_died",
                "storage",
            },
        )
        for sentence in JOB_ERRORS.values():
            self.assertRegex(sentence, r"^[A-Z][A-Za-z' ]+\.$")

    def test_every_code_is_answered_somewhere(self) -> None:
        used: set[str] = set()
        for source in SOURCES:
            if source.parent.name != "contract":
                tree = ast.parse(source.read_text(encoding="utf-8"))
                used |= {
                    node.value
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                }
        used |= {
            "strength_invalid",
            "upscale_invalid",
            "model_unknown",
        }  # by contract
        self.assertEqual({*PROBLEMS, *JOB_ERRORS} - used, set())

    def test_every_code_that_is_raised_is_listed(self) -> None:
        raised = set()
        for source in SOURCES:
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
                    first = node.args[0]
                    if isinstance(first, ast.Constant):
                        raised.add(first.value)
        self.assertGreater(len(raised), 20)
        self.assertLessEqual(raised, set(PROBLEMS))

    def test_routes(self) -> None:
        methods = {route.path + route.suffix: set(route.methods) for route in ROUTES}
        self.assertEqual(
            methods,
            {
                "/v1/restore": {"POST"},
                "/v1/jobs/": {"GET", "DELETE"},
                "/outputs/": {"GET"},
                "/healthz": {"GET"},
                "/readyz": {"GET"},
                "/openapi.json": {"GET"},
                "/v1/jobs//details": {"GET"},
                "/v1/jobs//before": {"GET"},
                "/v1/models": {"GET"},
            },
        )
        self.assertEqual(["/", "/web/"], [route.path for route in PAGE_ROUTES])
        for route in ROUTES + PAGE_ROUTES:
            self.assertEqual(route.takes_name, route.path.endswith("/") and route.path != "/")

    def test_events(self) -> None:
        self.assertEqual(
            {str(event) for event in Event},
            {"restore.requested", "restore.started", "restore.succeeded", "restore.failed"},
        )

    def test_numbers_of_the_contract(self) -> None:
        strengths = (job.STRENGTH_MIN, job.STRENGTH_DEFAULT, job.STRENGTH_MAX)
        self.assertEqual(strengths, (0.1, 0.6, 1.0))
        self.assertEqual((job.UPSCALES, job.UPSCALE_DEFAULT), ((1, 2, 4), 1))
        self.assertEqual((job.MAX_SIDE_PX, http.POLL_INTERVAL_S), (4096, 1.5))
        self.assertTrue(math.isfinite(job.STRENGTH_DEFAULT))
