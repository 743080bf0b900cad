"""The pool inside real server processes: how they are started, and how they end."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

from tests.support import pools

PROJECT = Path(__file__).resolve().parents[2]

# A server that puts a child into every state there is, then says which processes there are.
BUSY = """
    import asyncio, json, multiprocessing, os, sys, tempfile
    from pathlib import Path

    sys.path.insert(0, {project!r})
    from restore.worker.setup import ChildSettings
    from restore.pool.local import LocalPool
    from tests.support import bad_providers
    from tests.support import pools
    from multiprocessing.resource_tracker import _resource_tracker as tracker


    async def main():
        multiprocessing.current_process()._config["semprefix"] = f"/restore-{{os.getpid()}}"
        folder = tempfile.mkdtemp(dir=sys.argv[1])
        pool = LocalPool(4, ChildSettings(nice=0))
        await pool.start()
        others = pools.NOTHING[1:]
        calls, files = [], []
        for slot, function in zip(
            pool.slots,
            (
                bad_providers.hangs_holding_the_gil,
                bad_providers.forks_and_hangs,
                bad_providers.prints_without_end,
            ),
        ):
            files.append(Path(folder, function.__name__))
            calls.append(asyncio.ensure_future(
                slot.run(function, str(files[-1]), *others, stall_s=None)
            ))
        pids = [await pool.slots[3].run(os.getpid, stall_s=None), pools.fork_server(), tracker._pid]
        await pools.until(lambda: all(pools.said(file) for file in files))
        for file in files:
            pids += pools.said(file)
        print(json.dumps(pids), flush=True)
        await asyncio.sleep(3600)


    if __name__ == "__main__":
        asyncio.run(asyncio.wait_for(main(), 30))
"""

# A server that does a little of everything and ends as it should.
WELL_BEHAVED = """
    import asyncio, json, os, sys

    sys.path.insert(0, {project!r})
    from restore.worker.setup import ChildSettings
    from restore.pool import ChildDied, ChildStalled, LocalPool
    from tests.support import bad_providers
    from tests.support import pools
    from tests.support.children import loaded


    async def main():
        pool = LocalPool(2, ChildSettings(nice=0), output=lambda *line: None)
        await pool.start()
        found = await pool.inspector.run(loaded, stall_s=None)
        for slot in pool.slots:
            await slot.run(os.getpid, stall_s=None)
        for function in (bad_providers.exits, bad_providers.hangs, bad_providers.raises):
            try:
                await pool.slots[0].run(function, *pools.NOTHING, stall_s=0.2)
            except (ChildDied, ChildStalled):
                pass
        hanging = asyncio.ensure_future(
            pool.slots[0].run(bad_providers.hangs, *pools.NOTHING, stall_s=None)
        )
        await pools.until(lambda: pool.slots[0].progress)
        hanging.cancel()
        await asyncio.wait({{hanging}})
        await pool.close()
        print(json.dumps({{"loaded": found, "PIL": "PIL" in sys.modules, "pid": os.getpid()}}))


    if __name__ == "__main__":
        asyncio.run(asyncio.wait_for(main(), 30))
"""


class Lives(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def start(self, script: str, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        path = self.folder / "a_server.py"
        text = textwrap.dedent(script).format(project=str(PROJECT))
        path.write_text(text, encoding="utf-8")
        environment = {**os.environ, **options.pop("env", {})}
        environment.pop("PYTHONPATH", None)
        process = subprocess.Popen(
            [sys.executable, *(arguments or (str(path),)), str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
            **options,
        )
        self.addCleanup(self.stop, process)
        return process

    def stop(self, process: "subprocess.Popen[str]") -> None:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Ends(Lives):
    """However the server ends, five seconds later none of its processes is left."""

    def assert_all_gone_after(self, end: Any) -> None:
        server = self.start(BUSY)
        assert server.stdout is not None
        pids = json.loads(server.stdout.readline())
        self.assertEqual(len(pids), 3 + 1 + 3 + 1)
        self.assertEqual(len(pools.living(pids, 0.0)), len(pids), "all of them run before it")
        shared = Path("/dev/shm")
        if shared.exists():  # Linux: named semaphores are files there
            self.assertTrue(list(shared.glob(f"sem.restore-{server.pid}-*")))
        end(server.pid)
        server.wait(5)
        self.assertEqual(pools.living(pids, 5.0), [])
        self.assertEqual(list(shared.glob(f"sem.restore-{server.pid}-*")), [])
        self.assertEqual(server.communicate(timeout=5), ("", ""), "nothing to say about it")

    def test_killed(self) -> None:
        self.assert_all_gone_after(lambda pid: os.kill(pid, signal.SIGKILL))

    def test_killed_with_its_whole_group(self) -> None:
        self.assert_all_gone_after(lambda pid: os.killpg(pid, signal.SIGKILL))

    def test_ended_by_a_signal_that_it_does_not_handle(self) -> None:
        self.assert_all_gone_after(lambda pid: os.kill(pid, signal.SIGTERM))


class Starts(Lives):
    def assert_well(self, *arguments: str, **options: Any) -> None:
        server = self.start(WELL_BEHAVED, *arguments, **options)
        told, complaints = server.communicate(timeout=30)
        self.assertEqual((server.returncode, complaints), (0, ""))
        found = json.loads(told)
        self.assertTrue(all(found["loaded"].values()), found["loaded"])
        self.assertFalse(found["PIL"], "the server itself never loads a codec")
        self.assertEqual(pools.children_of(found["pid"]), [])

    def test_as_a_script_with_every_warning_on(self) -> None:
        self.assert_well("-W", "error", str(self.folder / "a_server.py"))

    def test_as_a_module(self) -> None:
        self.assert_well("-m", "a_server")

    def test_where_the_folder_for_temporary_files_has_a_long_path(self) -> None:
        deep = self.folder / ("x" * 90)
        deep.mkdir()
        self.assert_well(env={"TMPDIR": str(deep)})

    def test_where_there_is_no_such_folder(self) -> None:
        self.assert_well(env={"TMPDIR": str(self.folder / "missing")})
