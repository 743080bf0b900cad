"""What can't be started is told in one sentence: here, clusters that nobody would lock."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from restore import config
from restore.app import start
from restore.config import Config, ConfigError
from restore.pool import Tls


def settings(**environ: str) -> Config:
    return config.load(Path("/nonexistent"), environ, cores=1, memory_mib=1000)[0]


class SchedulerTest(unittest.TestCase):
    def test_private_addresses_need_no_tls(self) -> None:
        for host in ("127.0.0.1", "[::1]", "10.1.2.3", "192.168.1.5", "localhost", "[fd00::5]"):
            with self.subTest(host):
                address = f"tcp://{host}:8786"
                self.assertEqual((address, None), start.scheduler_of(settings(WORKERS_AT=address)))

    def test_others_are_refused_unless_told(self) -> None:
        for host in ("8.8.8.8", "[2606:4700::1111]", "no.such.host.invalid"):
            address = f"tcp://{host}:8786"
            with self.subTest(host):
                with self.assertRaisesRegex(ConfigError, "private.*WORKERS_PLAINTEXT=true"):
                    start.scheduler_of(settings(WORKERS_AT=address))
                told = settings(WORKERS_AT=address, WORKERS_PLAINTEXT="true")
                self.assertEqual((address, None), start.scheduler_of(told))

    def test_a_name_with_one_public_address_is_public(self) -> None:
        found = [(0, 0, 0, "", (each, 0)) for each in ("10.0.0.1", "8.8.8.8")]
        with (
            mock.patch("socket.getaddrinfo", return_value=found),
            self.assertRaisesRegex(ConfigError, "private"),
        ):
            start.scheduler_of(settings(WORKERS_AT="tcp://front:8786"))

    def test_tls(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [str(Path(folder, name)) for name in ("ca.pem", "cert.pem", "key.pem")]
            names = ("WORKERS_TLS_CA", "WORKERS_TLS_CERT", "WORKERS_TLS_KEY")
            named = dict(zip(names, files, strict=True))
            found = settings(WORKERS_AT="tcp://8.8.8.8:8786", **named)
            with self.assertRaisesRegex(ConfigError, "ca.pem.* is no file"):
                start.scheduler_of(found)
            for file in files:
                Path(file).touch()
            self.assertEqual(("tls://8.8.8.8:8786", Tls(*files)), start.scheduler_of(found))

    def test_half_of_tls_is_none(self) -> None:
        with self.assertRaisesRegex(ConfigError, "go together"):
            start.scheduler_of(settings(WORKERS_AT="tcp://10.0.0.1:1", WORKERS_TLS_KEY="/key"))
        with self.assertRaisesRegex(ConfigError, "needs WORKERS_TLS_CA"):
            start.scheduler_of(settings(WORKERS_AT="tls://10.0.0.1:1"))
