"""config: defaults, file and environment, and a sentence for each mistake."""

import math
import tempfile
import unittest
from ipaddress import ip_network
from pathlib import Path
from unittest import mock

from restore import config
from restore.config import Config, ConfigError


class ConfigTestCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.base = Path(folder.name)
        self.file = self.base / "config.env"

    def load(self, text: str | None = None, **environ: str) -> Config:
        return self.load_both(text, **environ)[0]

    def load_both(self, text: str | None = None, **environ: str) -> tuple[Config, Path]:
        if text is not None:
            self.file.write_text(text, encoding="utf-8")
        return config.load(self.base, environ, cores=4, memory_mib=8001)

    def sentence(self, text: str | None = None, **environ: str) -> str:
        with self.assertRaises(ConfigError) as caught:
            self.load(text, **environ)
        return str(caught.exception)


class DefaultsTest(ConfigTestCase):
    def test_defaults(self) -> None:
        loaded, folder = self.load_both()
        self.assertEqual(
            loaded,
            Config(
                restore_enabled=True,
                page=True,
                max_image_mb=15,
                result_base_url="http://10.0.2.2:8000",
                storage_dir="data",
                provider="generic",
                model_default="restoration/gfpgans-1.4",
                models_dir="",
                rate_limit_per_min=10,
                host="127.0.0.1",
                allowed_hosts=frozenset(),
                api_tokens=(),
                cors_origins=frozenset(),
                log_level="info",
                log_format="text",
                metrics=False,
                port=8000,
                workers=3,
                dummy_delay_s=(1.0, 2.0),
                max_queue=200,
                job_timeout_s=300.0,
                shutdown_grace_s=5.0,
                memory_budget_mb=4000,
                min_free_disk_mb=1024,
                retention_hours=0.0,
                trusted_proxies=(),
                workers_at="",
                shared_dir="",
                workers_plaintext=False,
                workers_tls_ca="",
                workers_tls_cert="",
                workers_tls_key="",
            ),
        )
        self.assertEqual(folder, self.base.absolute() / "data")

    def test_keys_name_every_setting_once(self) -> None:
        self.assertEqual(len(config.KEYS), 32)
        self.assertEqual(
            [key.lower() for key in config.KEYS],
            list(Config.__dataclass_fields__),
        )

    def test_auto_fits_every_machine(self) -> None:
        for cores, memory_mib, workers, budget in ((1, 1, 1, 1), (2, 9, 1, 4), (999, 64, 256, 32)):
            with self.subTest(cores):
                loaded, _ = config.load(self.base, {}, cores=cores, memory_mib=memory_mib)
                self.assertEqual((loaded.workers, loaded.memory_budget_mb), (workers, budget))

    def test_derived_values(self) -> None:
        loaded = self.load(MAX_IMAGE_MB="2", RESULT_BASE_URL="https://Photos.example/x")
        self.assertEqual(loaded.max_image_bytes, 2 * 1024 * 1024)
        self.assertEqual(loaded.base_url_host, "photos.example")
        self.assertIsNone(self.load(RESULT_BASE_URL="").base_url_host)

    def test_host_in_a_url(self) -> None:
        for host, expected in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")):
            self.assertEqual(self.load(HOST=host).url_host, expected)

    def test_loopback(self) -> None:
        for host, loopback in (
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("localhost", True),
            ("::1", True),
            ("0.0.0.0", False),
            ("::", False),
            ("192.168.1.7", False),
        ):
            with self.subTest(host):
                self.assertIs(self.load(HOST=host).listens_on_loopback, loopback)

    def test_port_of(self) -> None:
        for url, port in (("http://a", 80), ("https://a/x", 443), ("http://[::1]:8000", 8000)):
            self.assertEqual(config.port_of(url), port)


class PrecedenceTest(ConfigTestCase):
    def test_the_environment_wins_over_the_file(self) -> None:
        loaded = self.load("PORT=1\nMAX_QUEUE=2\n", PORT="3")
        self.assertEqual((loaded.port, loaded.max_queue), (3, 2))

    def test_empty_means_not_set(self) -> None:
        loaded = self.load("PORT=9\nMAX_QUEUE=\nWORKERS=''\n", PORT=" ")
        self.assertEqual((loaded.port, loaded.max_queue, loaded.workers), (9, 200, 3))

    def test_empty_where_it_has_a_meaning(self) -> None:
        self.assertEqual(self.load("RESULT_BASE_URL=").result_base_url, "")
        loaded = self.load(
            "RESULT_BASE_URL=http://a\nTRUSTED_PROXIES=10.0.0.0/8",
            RESULT_BASE_URL="",
            TRUSTED_PROXIES="",
        )
        self.assertEqual((loaded.result_base_url, loaded.trusted_proxies), ("", ()))

    def test_another_file(self) -> None:
        (self.base / "other.env").write_text("PORT=5\n")
        self.assertEqual(self.load("PORT=4", CONFIG_FILE="other.env").port, 5)
        self.assertEqual(self.load("PORT=4", CONFIG_FILE=str(self.base / "other.env")).port, 5)
        self.assertEqual(self.load("PORT=4", CONFIG_FILE=" ").port, 4)

    def test_other_variables_are_nobodys_business(self) -> None:
        self.assertEqual(self.load(PATH="/bin", port="1").port, 8000)


class FileTest(ConfigTestCase):
    def test_lines(self) -> None:
        loaded = self.load(
            "\ufeff# a comment\n\n  PORT = 1 \r\nMAX_QUEUE='2'\nMODEL_DEFAULT=\"a/b\"\n"
            "RESULT_BASE_URL=http://a/?=".rstrip("?=")
            + "\n   # another\nPROVIDER=dummy"
        )
        self.assertEqual(
            (loaded.port, loaded.max_queue, loaded.model_default, loaded.provider),
            (1, 2, "a/b", "dummy"),
        )

    def test_a_value_keeps_its_equals_signs_and_lone_quotes(self) -> None:
        _, folder = self.load_both("STORAGE_DIR=a=b'")
        self.assertEqual(folder.name, "a=b'")

    def test_faults_name_key_and_line(self) -> None:
        for text, sentence in (
            ("PORT=1\nPROT=2", "PROT (line 2 of config.env) is not a setting."),
            ("CONFIG_FILE=x", "CONFIG_FILE (line 1 of config.env) is not a setting."),
            ("port=1", "port (line 1 of config.env) is not a setting."),
            ("\nPORT", "Line 2 of config.env is not KEY=VALUE."),
            ("PORT=1\nPORT=1", "PORT is set twice in config.env (again in line 2)."),
            (
                "PORT=x",
                "PORT (in config.env) must be a whole number from 0 to 65535; it is 'x'.",
            ),
        ):
            with self.subTest(text):
                self.assertEqual(self.sentence(text), sentence)

    def test_a_fault_in_the_environment_says_so(self) -> None:
        self.assertEqual(
            self.sentence(HOST="x86_64-conda-linux-gnu"),
            "HOST (in the environment) must be an IP address or localhost; "
            "it is 'x86_64-conda-linux-gnu'.",
        )

    def test_a_comment_begins_behind_a_blank(self) -> None:
        for text, name in (
            ("STORAGE_DIR=/srv/photos # where the photos go", "photos"),
            ("STORAGE_DIR=/srv/photos\t#where", "photos"),
            ("STORAGE_DIR=/srv/a#b", "a#b"),
            ("STORAGE_DIR=#a", "data"),
            ("STORAGE_DIR= # the default", "data"),
            ("STORAGE_DIR='/srv/a # b'", "a # b"),
            ("STORAGE_DIR='/srv/a # b' # 'c'", "a # b"),
            ('STORAGE_DIR="/srv/it\'s" # its', "it's"),
        ):
            with self.subTest(text):
                self.assertEqual(self.load_both(text)[1].name, name)
                value = text.partition("=")[2]
                self.assertEqual(self.load_both("", STORAGE_DIR=value)[1].name, name)

    def test_quotes_are_taken_off_in_the_environment_too(self) -> None:
        (self.base / "other.env").write_text("PORT=5\n")
        loaded = self.load(CONFIG_FILE="'other.env'", MAX_QUEUE='"7"', WORKERS="''")
        self.assertEqual((loaded.port, loaded.max_queue, loaded.workers), (5, 7, 3))

    def test_a_variable_is_refused(self) -> None:
        for value in ("$HOME/photos", "${HOME}/photos", '"/srv/$NAME"'):
            for place, found in (
                ("config.env", {"text": f"STORAGE_DIR={value}"}),
                ("the environment", {"text": "", "STORAGE_DIR": value}),
            ):
                with self.subTest(value, place=place):
                    self.assertEqual(
                        self.sentence(**found),
                        f"STORAGE_DIR (in {place}) refers to a variable by $, which is not looked"
                        " up here: please write its value.",
                    )
        self.assertEqual(self.load_both("STORAGE_DIR=/srv/5$")[1].name, "5$")

    def test_export_is_named(self) -> None:
        self.assertEqual(
            self.sentence("\nexport PORT=1"),
            "Line 2 of config.env begins with export: please write KEY=VALUE alone.",
        )

    def test_other_encodings_are_named(self) -> None:
        for encoding, name in (
            ("utf-16", "UTF-16"),
            ("utf-16-le", "UTF-16"),
            ("utf-16-be", "UTF-16"),
            ("latin-1", "Latin-1"),
        ):
            with self.subTest(encoding):
                self.file.write_bytes("STORAGE_DIR=/srv/Fotos für uns".encode(encoding))
                self.assertIn(f"can't be read: it is {name}", self.sentence())

    def test_a_file_that_cannot_be_read(self) -> None:
        self.assertIn("missing.env can't be read", self.sentence(CONFIG_FILE="missing.env"))
        self.file.write_bytes(b"PORT=\xff")
        self.assertIn("config.env can't be read", self.sentence())
        self.file.unlink()
        self.file.mkdir()
        self.assertIn("config.env can't be read", self.sentence())


class ValuesTest(ConfigTestCase):
    def assert_values(self, key: str, *pairs: tuple[str, object]) -> None:
        for text, value in pairs:
            with self.subTest(key, text=text):
                self.assertEqual(getattr(self.load(**{key: text}), key.lower()), value)

    def assert_refused(self, key: str, *texts: str) -> None:
        for text in texts:
            with self.subTest(key, text=text):
                self.assertRegex(
                    self.sentence(**{key: text}), rf"^{key} \(in the environment\) must be .*\.$"
                )

    def test_flag(self) -> None:
        self.assert_values("RESTORE_ENABLED", ("true", True), ("ON", True), ("1", True))
        self.assert_values("RESTORE_ENABLED", ("False", False), ("no", False), ("0", False))
        self.assert_values("PAGE", ("true", True), ("off", False))
        self.assert_refused("RESTORE_ENABLED", "maybe", "2", "truee")

    def test_whole_numbers(self) -> None:
        self.assert_values("PORT", ("0", 0), ("65535", 65535), (" 80 ", 80), ("080", 80))
        self.assert_refused("PORT", "65536", "-1", "+1", "1.0", "1_0", "٣", "9" * 5000, "auto")
        self.assert_values("MAX_IMAGE_MB", ("1", 1), ("1024", 1024))
        self.assert_refused("MAX_IMAGE_MB", "0", "1025")
        self.assert_values("RATE_LIMIT_PER_MIN", ("0", 0))
        self.assert_values("WORKERS", ("256", 256), ("auto", 3))
        self.assert_refused("WORKERS", "0", "257", "Auto")

    def test_numbers(self) -> None:
        self.assert_values("JOB_TIMEOUT_S", ("0.1", 0.1), ("1e2", 100.0), ("86400", 86400.0))
        self.assert_refused("JOB_TIMEOUT_S", "0", "-1", "nan", "inf", "1_0", "x", "86401")
        self.assert_values("SHUTDOWN_GRACE_S", ("0", 0.0))
        self.assert_values("RETENTION_HOURS", ("0.5", 0.5))

    def test_models_dir_may_be_left_empty(self) -> None:
        self.assertEqual("", self.load("MODELS_DIR=").models_dir)
        found = self.load("MODELS_DIR=./models").models_dir
        self.assertEqual(str(self.base.absolute() / "models"), found)

    def test_delay(self) -> None:
        self.assert_values(
            "DUMMY_DELAY_S",
            ("0", (0, 0)),
            ("1.5", (1.5, 1.5)),
            ("0.5 - 2", (0.5, 2)),
            ("1-1", (1, 1)),
        )
        self.assert_refused("DUMMY_DELAY_S", "2-1", "-1", "1-", "x", "1-x", "nan", "1-2-3", "1e9")

    def test_host(self) -> None:
        self.assert_values(
            "HOST", ("localhost", "localhost"), ("::1", "::1"), ("0.0.0.0", "0.0.0.0")
        )
        self.assert_refused("HOST", "example.com", "[::1]", "127.0.0.1:80", "*", "LOCALHOST.")

    def test_base_url(self) -> None:
        self.assert_values(
            "RESULT_BASE_URL",
            ("http://a", "http://a"),
            ("https://a:8443/x/", "https://a:8443/x"),
            ("http://[::1]:8000//", "http://[::1]:8000"),
        )
        self.assert_refused(
            "RESULT_BASE_URL",
            "a",
            "//a",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:0",
            "http://a:65536",
            "http://a:x",
            "http://a?",
            "http://a/#",
            "http://user@a",
            "http://a b",
            "http://a\tb",
            "http://ä",
            "http://[::1",
        )

    def test_folder(self) -> None:
        with mock.patch.dict("os.environ", HOME="/home/of-mine"):
            _, folder = self.load_both(STORAGE_DIR="~/photos")
        self.assertEqual(folder, Path("/home/of-mine/photos"))
        _, folder = self.load_both(STORAGE_DIR="/var/photos")
        self.assertEqual(folder, Path("/var/photos"))
        self.assert_refused("STORAGE_DIR", "~nobody-of-this-name/x", "a\0b")

    def test_provider(self) -> None:
        self.assert_values(
            "PROVIDER", ("dummy", "dummy"), ("a.b_c:run", "a.b_c:run"), ("a:B.run", "a:B.run")
        )
        self.assert_refused(
            "PROVIDER", "gfpgan", "a.b", "a:b:c", ":run", "a:", "a/b:run", "a b:run"
        )

    def test_model(self) -> None:
        self.assert_values(
            "MODEL_DEFAULT", ("a", "a"), ("restoration/x-1.4_b", "restoration/x-1.4_b")
        )
        self.assert_refused("MODEL_DEFAULT", "/a", "a b", "a" * 101, "ä", "a,b")

    def test_networks(self) -> None:
        self.assert_values(
            "TRUSTED_PROXIES",
            ("127.0.0.1", (ip_network("127.0.0.1/32"),)),
            ("10.0.0.0/8, ::1 ,", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
        )
        self.assert_refused("TRUSTED_PROXIES", "localhost", "10.0.0.1/8", "10.0.0.0/33", "*")

    def test_no_value_is_quietly_odd(self) -> None:
        loaded = self.load()
        numbers = [getattr(loaded, name) for name in Config.__dataclass_fields__]
        self.assertTrue(all(math.isfinite(n) for n in numbers if isinstance(n, int | float)))


class DoorsTest(ConfigTestCase):
    def test_hosts_are_names_without_case(self) -> None:
        loaded, _ = self.load_both(ALLOWED_HOSTS=" Photos.example , box ")
        self.assertEqual(loaded.allowed_hosts, {"photos.example", "box"})
        for wrong in ("http://a.example", "a.example:80", "a b", "*"):
            with self.subTest(wrong), self.assertRaises(ConfigError):
                self.load_both(ALLOWED_HOSTS=wrong)

    def test_tokens_have_names_and_are_never_shown(self) -> None:
        loaded, _ = self.load_both(API_TOKENS="phone:0123456789abcdef, desk:fedcba9876543210")
        self.assertEqual(loaded.api_tokens[0], ("phone", "0123456789abcdef"))
        for wrong in ("short:secret", "nameless-0123456789abcdef", ":0123456789abcdef"):
            with self.subTest(wrong), self.assertRaises(ConfigError) as caught:
                self.load_both(API_TOKENS=wrong)
            self.assertNotIn(wrong, str(caught.exception))
            self.assertIn("API_TOKENS", str(caught.exception))

    def test_origins_are_whole_origins(self) -> None:
        loaded, _ = self.load_both(CORS_ORIGINS="https://App.example, http://localhost:5173")
        self.assertEqual(loaded.cors_origins, {"https://app.example", "http://localhost:5173"})
        for wrong in ("*", "app.example", "https://app.example/", "null"):
            with self.subTest(wrong), self.assertRaises(ConfigError):
                self.load_both(CORS_ORIGINS=wrong)

    def test_log_settings_are_words(self) -> None:
        loaded, _ = self.load_both(LOG_LEVEL="WARNING", LOG_FORMAT="Json")
        self.assertEqual((loaded.log_level, loaded.log_format), ("warning", "json"))
        with self.assertRaises(ConfigError):
            self.load_both(LOG_FORMAT="xml")
