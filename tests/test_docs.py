"""What the documents say is what the code does."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import restore
from restore import config
from restore.api.metrics import NAMES
from restore.contract.http import OUTPUTS_PATH, POLL_INTERVAL_S, PROBLEMS, ROUTES
from restore.contract.job import JOB_ERRORS, Event

ROOT = Path(restore.__file__).parent.parent
CELL = re.compile(r"`([^`]*)`")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


class SettingsTest(unittest.TestCase):
    def test_config_env_holds_every_setting_with_its_default(self) -> None:
        """In whatever order; each line is read as the server reads it."""
        found = config.read_file(ROOT / "config.env", required=True)
        self.assertEqual(found, dict(config.KEYS))

    def test_every_setting_of_config_env_has_its_line_of_meaning(self) -> None:
        lines = read("config.env").splitlines()
        for number, line in enumerate(lines):
            if not line.startswith("#") and "=" in line and not line.startswith("PORT="):
                with self.subTest(line):
                    self.assertRegex(lines[number - 1], r"^# \w")

    def test_readme_has_every_setting_with_its_default(self) -> None:
        documented: dict[str, str] = {}
        for row in rows(read("README.md")):
            names = CELL.findall(row[0])
            if names and all(name in config.KEYS for name in names):
                defaults = CELL.findall(row[1]) or [""] * len(names)
                self.assertEqual(len(names), len(defaults), row)
                documented |= dict(zip(names, defaults, strict=True))
                self.assertTrue(row[2], f"{names}: no meaning")
        self.assertEqual(documented, dict(config.KEYS))
        self.assertIn("`CONFIG_FILE`", read("README.md"))


class MetricsTest(unittest.TestCase):
    def test_every_metric_is_documented_and_no_other(self) -> None:
        listed = re.findall(r"`(restore_[a-z_]+)`(?=.*\|)", read("docs/OPERATING.md"))
        self.assertEqual(sorted(listed), sorted(NAMES))


class ErrorsTest(unittest.TestCase):
    def test_every_refusal_is_listed_with_status_sentence_and_again(self) -> None:
        listed = {
            code: (int(row[1]), row[2], row[3])
            for row in rows(read("docs/ERRORS.md"))
            if len(row) == 4 and (code := row[0].strip("`")) in PROBLEMS
        }
        expected = {
            code: (problem.status, problem.sentence, problem.again)
            for code, problem in PROBLEMS.items()
        }
        self.assertEqual(listed, expected)

    def test_nothing_is_listed_that_is_not_there(self) -> None:
        listed = {row[0].strip("`") for row in rows(read("docs/ERRORS.md")) if "`" in row[0]}
        self.assertEqual(listed, {*PROBLEMS, *JOB_ERRORS})

    def test_every_way_a_job_fails_is_listed_with_its_sentence(self) -> None:
        listed = {
            code: row[1]
            for row in rows(read("docs/ERRORS.md"))
            if len(row) == 2 and (code := row[0].strip("`")) in JOB_ERRORS
        }
        self.assertEqual(listed, dict(JOB_ERRORS))

    def test_readme_leads_there_and_names_what_a_failed_job_says(self) -> None:
        readme = read("README.md")
        self.assertIn("(docs/ERRORS.md)", readme)
        for code in JOB_ERRORS:
            self.assertIn(f"`{code}`", readme)


class ReadmeTest(unittest.TestCase):
    def setUp(self) -> None:
        self.readme = read("README.md")

    def test_routes_methods_and_events(self) -> None:
        requests = [CELL.findall(row[0])[0] for row in rows(self.readme) if "`" in row[0]]
        for route in ROUTES:
            for method in route.methods:
                with self.subTest(route.path, method=method):
                    said = f"{method} {route.path}"
                    self.assertTrue(any(each.startswith(said) for each in requests), said)
        for event in Event:
            self.assertIn(f"`{event}`", self.readme)
        self.assertIn(OUTPUTS_PATH, self.readme)
        self.assertIn(f"{POLL_INTERVAL_S} s", self.readme)

    def test_the_first_screen_holds_the_two_commands(self) -> None:
        """The second is what .ci/run calls: one line with `unittest` in it."""
        first_screen = self.readme.splitlines()[:40]
        commands = [line.strip() for line in first_screen if line.startswith("    ")]
        run, test = commands[:2]
        self.assertTrue(run.endswith("restore_server.py") and "RESULT_BASE_URL= " in run, run)
        self.assertIn("unittest", test)
        for command in (run, test):
            self.assertIn("venv", command)
            self.assertIn("install", command)

    def test_the_run_command_installs_once(self) -> None:
        """Typed again it asks no network: where there is no pip and no python3 the server runs."""
        run = next(line for line in self.readme.splitlines() if line.endswith("restore_server.py"))
        with tempfile.TemporaryDirectory() as folder:
            programs = Path(folder) / ".venv/bin"
            programs.mkdir(parents=True)
            for name in ("restore-server", "python"):
                (programs / name).write_text('#!/bin/sh\necho "$0 $1"\n')
                (programs / name).chmod(0o700)
            command = ["/bin/sh", "-c", run.strip()]
            found = subprocess.run(
                command, cwd=folder, env={"PATH": ""}, capture_output=True, text=True, check=False
            )
            expected = (0, ".venv/bin/python restore_server.py\n", "")
            self.assertEqual(expected, (found.returncode, found.stdout, found.stderr))
            (programs / "restore-server").unlink()
            again = subprocess.run(
                command, cwd=folder, env={"PATH": ""}, capture_output=True, text=True, check=False
            )
            self.assertIn("python3", again.stderr)
            self.assertEqual("", again.stdout)

    def test_links_lead_somewhere(self) -> None:
        for document in (
            *("README.md", "examples/android/README.md"),
            *map(str, (ROOT / "docs").glob("*.md")),
        ):
            folder = (ROOT / document).parent
            for target in re.findall(r"\]\(([^)#:\s]+)\)", read(document)):
                with self.subTest(document, target=target):
                    self.assertTrue((folder / target).exists())

    def test_commands_name_files_that_are_there(self) -> None:
        for path in re.findall(r"=@(\S+)", self.readme):
            self.assertTrue((ROOT / path).exists(), path)


class TravelTest(unittest.TestCase):
    def test_the_inline_requirements_are_those_of_the_project(self) -> None:
        needed = re.search(r"^dependencies = (\[.*\])$", read("pyproject.toml"), re.MULTILINE)
        inline = re.search(r"^# dependencies = (\[.*\])$", read("restore_server.py"), re.MULTILINE)
        assert needed is not None and inline is not None
        self.assertEqual(inline[1], needed[1])

    def test_versions_of_python(self) -> None:
        for path, pattern in (
            ("pyproject.toml", r'requires-python = ">=(3\.\d+)"'),
            ("restore_server.py", r'requires-python = ">=(3\.\d+)"'),
            ("README.md", r"Python ≥ (3\.\d+)"),
        ):
            self.assertEqual(re.findall(pattern, read(path))[0], "3.11", path)


class PagesTest(unittest.TestCase):
    """docs/API.md and docs/OPERATING.md."""

    def test_api_has_every_route_and_method(self) -> None:
        requests = [CELL.findall(row[0])[0] for row in rows(read("docs/API.md")) if "`" in row[0]]
        said = {(method, re.sub("{.*}", "", path)) for method, path in map(str.split, requests)}
        routes = {(method, each.path + each.suffix) for each in ROUTES for method in each.methods}
        self.assertEqual(said, routes)

    def test_settings_that_are_named_are_there(self) -> None:
        """What looks like a setting is one, of the server or of what runs it."""
        foreign = {"PEX_ROOT", "SIGTERM", "HEAD", "OPTIONS", "GET", "POST", "DELETE", "CONFIG_FILE"}
        for document in ("docs/API.md", "docs/OPERATING.md"):
            named = re.findall(r"`([A-Z][A-Z_]{3,})(?:=[^`]*)?`", read(document))
            with self.subTest(document):
                self.assertEqual(set(named) - foreign - set(config.KEYS), set())

    def test_operating_speaks_of_what_an_operator_sets_for_others(self) -> None:
        page = read("docs/OPERATING.md")
        for key in ("API_TOKENS", "ALLOWED_HOSTS", "CORS_ORIGINS", "TRUSTED_PROXIES", "LOG_LEVEL"):
            self.assertIn(f"`{key}", page)
        for path in ("contrib/restore.service", "contrib/nginx.conf", "contrib/Caddyfile"):
            self.assertIn(f"(../{path})", page)
