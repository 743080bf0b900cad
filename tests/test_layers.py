"""The law of the house, read from the imports: floors, doors, sizes.

An arrow runs only down the floors or stays on one, and never in a circle. Each outside power has
one door. A new module is given its floor in FLOORS; a new door is a line of DOORS.
"""

import ast
import subprocess
import sys
import unittest
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import restore

PACKAGE = Path(restore.__file__).parent
FILE_LINES, FUNCTION_LINES = 350, 60

# Rooms from the ground up: modules and packages directly under restore/.
FLOORS = [
    rooms.split()
    for rooms in (
        # 0: the promise
        "contract limits",
        # 1: pure: no socket, file or Pillow, no clock of its own
        """access childlog config futures http11 jobrows jobs lingering memory multipart progress
        ratelimit responses sniff telemetry""",
        # 2: one outside power each
        """child childpipe childprocess database directchild disk filethreads forkserver images
        jobstore logs machine pool providers storage""",
        # 3: what runs in a child; one upload
        "formparser worker",
        # 4: what a request and a job go through
        "dispatcher handlers inspector intake jobrun recovery requestbody retention",
        # 5: sockets
        "connection delivery failures hub outbox server",
        # 6: the one that knows everyone
        "app",
        # 7: the command
        "__main__",
    )
]

# Who may import an outside power, told by the name before the first dot.
DOORS = {
    "sqlite3": {"database", "jobstore"},
    "PIL": {"images", "providers"},
    "pillow_heif": {"images"},
    "multiprocessing": {"child", "childpipe", "childprocess", "directchild", "forkserver", "pool"},
    "concurrent": {"childprocess", "directchild", "filethreads", "pool"},
    "subprocess": set[str](),
    "ctypes": {"child", "childprocess", "pool"},
    "socket": {"delivery", "server"},
    "socketserver": set[str](),
    "ssl": set[str](),
    "selectors": set[str](),
    "select": {"child", "directchild", "logs"},
    "signal": {"app", "child", "childprocess", "forkserver"},
    "fcntl": {"child", "disk", "server"},
    "resource": {"child", "server"},
}
# Who may speak of these: settings come in through app alone, forkserver keeps what it changes.
NAMES = {
    "os.environ": {"app", "forkserver"},
    "os.getenv": set[str](),
    "asyncio.Transport": {"connection", "delivery", "outbox", "requestbody"},
    "asyncio.start_server": set[str](),
    "asyncio.open_connection": set[str](),
}
# Who may be imported by whom, and only inside a function: the server process never loads Pillow.
IN_CHILDREN_ONLY = {"images": {"worker"}, "providers": {"worker"}}


@dataclass(frozen=True, slots=True)
class Import:
    """`target` is a module of ours by its whole name, or an outside one as written."""

    target: str
    line: int
    in_function: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its whole name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def room_of(name: str) -> str:
    """The module or package directly under restore/ that `name` is or belongs to."""
    return name.split(".")[1] if "." in name else ""


@cache
def imports_of(name: str) -> list[Import]:
    return list(_imports_in(tree_of(name), in_function=False))


def _imports_in(node: ast.AST, *, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for target in _targets(child):
                yield Import(target, child.lineno, in_function)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports_in(child, in_function=in_function or inside)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """`from restore.a import b` is restore.a.b where that is a module, else restore.a."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.name
        else:
            assert node.module is not None and not node.level, "relative imports hide the room"
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in modules() else node.module


def our_imports(name: str) -> list[Import]:
    return [each for each in imports_of(name) if each.target.split(".")[0] == "restore"]


class FloorsTest(unittest.TestCase):
    def test_every_room_has_its_floor(self) -> None:
        rooms = {room_of(name) for name in modules()} - {""}
        known = [room for floor in FLOORS for room in floor]
        self.assertEqual(sorted(known), sorted(set(known)), "a room on two floors")
        unknown, gone = sorted(rooms - set(known)), sorted(set(known) - rooms)
        self.assertFalse(unknown, f"give {unknown} a floor in FLOORS of tests/test_layers.py")
        self.assertFalse(gone, f"take {gone}, of which there is no file, out of FLOORS")

    def test_arrows_run_only_down(self) -> None:
        floor_of = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
        up = [
            f"{name}, line {each.line}: {each.target} is above"
            for name in modules()
            for each in our_imports(name)
            if floor_of.get(room_of(each.target), 0) > floor_of.get(room_of(name), 0)
        ]
        self.assertEqual(up, [])

    def test_no_circles(self) -> None:
        graph = {name: {each.target for each in our_imports(name)} for name in modules()}
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            self.fail(" -> ".join(error.args[1]))
        self.assertEqual(set(order) - {"restore"}, set(modules()) - {"restore"})

    def test_the_promise_knows_nobody(self) -> None:
        for name in FLOORS[0]:
            self.assertEqual(our_imports(f"restore.{name}"), [])


class DoorsTest(unittest.TestCase):
    def test_each_outside_power_has_its_doors(self) -> None:
        used: dict[str, set[str]] = {power: set() for power in DOORS}
        for name in modules():
            for each in imports_of(name):
                power = each.target.split(".")[0]
                if power in DOORS:
                    used[power].add(room_of(name))
        self.assertEqual(used, DOORS)

    def test_names_that_only_some_may_speak(self) -> None:
        used: dict[str, set[str]] = {spoken: set() for spoken in NAMES}
        for name in modules():
            for node in ast.walk(tree_of(name)):
                if isinstance(node, ast.Attribute) and (spoken := ast.unparse(node)) in NAMES:
                    used[spoken].add(room_of(name))
        self.assertEqual(used, NAMES)

    def test_what_only_children_load(self) -> None:
        for name in modules():
            for each in our_imports(name):
                importers = IN_CHILDREN_ONLY.get(room_of(each.target))
                if importers is None or room_of(name) == room_of(each.target):
                    continue
                with self.subTest(name, target=each.target):
                    self.assertIn(room_of(name), importers)
                    self.assertTrue(each.in_function, f"line {each.line}: not in a function")

    def test_only_the_standard_library_and_pillow(self) -> None:
        foreign = {
            each.target.split(".")[0] for name in modules() for each in imports_of(name)
        } - set(sys.stdlib_module_names)
        self.assertEqual(foreign, {"restore", "PIL", "pillow_heif"})

    def test_the_server_process_does_not_load_pillow(self) -> None:
        code = (
            "import restore.app, sys;"
            "print([name for name in sys.modules if name.split('.')[0] in ('PIL', 'pillow_heif')"
            " or name.startswith(('restore.images', 'restore.providers'))])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=PACKAGE.parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.stdout.strip(), done.stderr), ("[]", ""))


class SizesTest(unittest.TestCase):
    def test_every_module_says_what_it_is(self) -> None:
        for name in modules():
            with self.subTest(name):
                self.assertTrue(ast.get_docstring(tree_of(name)), "no docstring")

    def test_no_long_files(self) -> None:
        for name, path in modules().items():
            with self.subTest(name):
                lines = len(path.read_text(encoding="utf-8").splitlines())
                self.assertLessEqual(lines, FILE_LINES)

    def test_no_long_functions(self) -> None:
        for name in modules():
            for node in ast.walk(tree_of(name)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    with self.subTest(name, function=node.name):
                        lines = (node.end_lineno or node.lineno) - node.lineno + 1
                        self.assertLessEqual(lines, FUNCTION_LINES)

    def test_no_room_for_odds_and_ends(self) -> None:
        for name in modules():
            odd = {"utils", "util", "helpers", "helper", "common", "base", "constants", "misc"}
            self.assertFalse(odd & set(name.split(".")), name)

    def test_no_state_of_a_module(self) -> None:
        """What is bound at the top is bound once: nothing says `global`."""
        for name in modules():
            lines = [n.lineno for n in ast.walk(tree_of(name)) if isinstance(n, ast.Global)]
            self.assertEqual(lines, [], name)
