"""machine: cores and memory, in folders made to look like the kernel's."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from restore.app import machine

MIB = 1024 * 1024
TOTAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MIB


class MachineTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("membership", "0::/\n")
        named = (("_CGROUP", "cgroup"), ("_MEMBERSHIP", "membership"), ("_VMSTAT", "vmstat"))
        for name, path in named:
            patch = mock.patch.object(machine, name, self.root / path)
            patch.start()
            self.addCleanup(patch.stop)
        self.cores(8)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def cores(self, count: int) -> None:
        patch = mock.patch.object(os, "sched_getaffinity", lambda _: set(range(count)), create=True)
        patch.start()
        self.addCleanup(patch.stop)

    def test_no_limits(self) -> None:
        self.assertEqual(machine.usable_cores(), 8)
        self.assertEqual(machine.memory_mib(), TOTAL)

    def test_kills_for_memory_are_counted_where_the_kernel_tells(self) -> None:
        self.assertEqual(machine.oom_kills(), 0)
        self.write("vmstat", "pgfault 17\noom_kill 3\nballoon_inflate 0\n")
        self.assertEqual(machine.oom_kills(), 3)
        self.write("cgroup/memory.events", "low 0\noom 9\noom_kill 2\noom_group_kill 7\n")
        self.assertEqual(machine.oom_kills(), 2)

    def test_unlimited_cgroup(self) -> None:
        self.write("cgroup/cpu.max", "max 100000\n")
        self.write("cgroup/memory.max", "max\n")
        self.test_no_limits()

    def test_quota_is_rounded_up(self) -> None:
        for text, cores in (
            ("150000 100000", 2),
            ("200000 100000", 2),
            ("1000 100000", 1),
            ("1600000 100000", 8),
            ("0 100000", 8),
            ("100000 0", 8),
            ("100000", 8),
            ("damaged damaged", 8),
        ):
            self.write("cgroup/cpu.max", text)
            with self.subTest(text):
                self.assertEqual(machine.usable_cores(), cores)

    def test_quota_of_version_1(self) -> None:
        self.write("cgroup/cpu/cpu.cfs_period_us", "100000\n")
        for text, cores in (("300000\n", 3), ("-1\n", 8)):
            self.write("cgroup/cpu/cpu.cfs_quota_us", text)
            with self.subTest(text):
                self.assertEqual(machine.usable_cores(), cores)

    def test_memory_of_both_versions(self) -> None:
        self.write("cgroup/memory/memory.limit_in_bytes", str(96 * MIB))
        self.assertEqual(machine.memory_mib(), 96)
        self.write("cgroup/memory.max", str(64 * MIB))
        self.assertEqual(machine.memory_mib(), 64)
        self.write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
        self.write("cgroup/memory.max", "9223372036854771712")
        self.assertEqual(machine.memory_mib(), TOTAL)

    def test_every_group_above_counts(self) -> None:
        self.write("membership", "12:cpu:/x\n0::/app.slice/restore.service\n")
        self.write("cgroup/app.slice/restore.service/memory.max", "max")
        self.write("cgroup/app.slice/restore.service/cpu.max", "400000 100000")
        self.write("cgroup/app.slice/memory.max", str(32 * MIB))
        self.write("cgroup/app.slice/cpu.max", "200000 100000")
        self.assertEqual(machine.memory_mib(), 32)
        self.assertEqual(machine.usable_cores(), 2)

    def test_a_group_that_cannot_be_seen_is_the_root(self) -> None:
        self.write("cgroup/memory.max", str(16 * MIB))
        for text in ("0::/elsewhere", "0::/../x", "1:cpu:/x", "", "\xff"):
            self.write("membership", text)
            with self.subTest(text):
                self.assertEqual(machine.memory_mib(), 16)
        (self.root / "membership").unlink()
        self.assertEqual(machine.memory_mib(), 16)

    def test_a_system_without_affinity(self) -> None:
        with mock.patch.object(os, "cpu_count", return_value=None):
            del os.sched_getaffinity  # put back by the patch of setUp
            self.assertEqual(machine.usable_cores(), 1)

    def test_this_machine(self) -> None:
        mock.patch.stopall()
        self.assertGreaterEqual(machine.usable_cores(), 1)
        self.assertGreater(machine.memory_mib(), 0)
