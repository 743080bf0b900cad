"""The law of the layout, read from the imports: layers, interfaces, outside powers, mirror, sizes.

An arrow runs to a lower package or stays inside its own, and never in a circle. From outside only a
package's interface, `__init__`, is imported. A new package is given its place in LAYERS, a new use
of an outside power its line in POWERS.
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
TESTS = Path(__file__).parent
FILE_LINES, FUNCTION_LINES, FOLDER_FILES = 350, 60, 12
CROWDED = {"providers/generic": 17}  # files of the folders with more, and no more than these
LONGEST_CHAIN = 9  # imports from the command down to the ground
# Of the service without its libraries and the extra `dask`, of that one, and of everything.
SERVICE_LINES, CLUSTER_LINES, ALL_LINES = 9115, 880, 22230
CLUSTER = ("restore.pool.cluster", "restore.app.worker")
LIBRARIES = ("http", "images", "providers", "client")

# Packages and files directly under restore/, from the ground up.
LAYERS = (
    *("contract", "progress", "http", "storage", "images", "providers", "config"),
    *("worker", "pool", "jobs", "api", "client", "app", "__main__"),
)

# Which package may use an outside power, known by the name before the first dot.
POWERS = {
    "sqlite3": {"storage"},
    "PIL": {"images", "providers"},
    "pillow_heif": {"images"},
    "numpy": {"providers"},
    "ncnn": {"providers"},
    "onnxruntime": {"providers"},
    "prometheus_client": {"api"},
    "dask": {"pool"},
    "distributed": {"pool"},
    "multiprocessing": {"pool", "worker"},
    "concurrent": {"pool", "storage"},
    "subprocess": set[str](),
    "ctypes": {"pool", "worker"},
    "socket": {"app", "http"},
    "socketserver": set[str](),
    "ssl": set[str](),
    "selectors": {"client"},
    "select": {"providers", "worker"},
    "signal": {"app", "pool", "providers", "worker"},
    "fcntl": {"http", "storage", "worker"},
    "resource": {"app", "http", "worker"},
}
# Which package may speak of these: settings come in through app alone, pool keeps what it changes.
NAMES = {
    "os.environ": {"app", "client", "pool"},
    "os.getenv": set[str](),
    "asyncio.Transport": {"http"},
    "asyncio.start_server": set[str](),
    "asyncio.open_connection": set[str](),
}
PUBLIC = ("restore.progress", "restore.config", "restore.providers")
# Imported by worker alone and inside functions only: the server process never loads Pillow.
EXTRAS = ("dask", "distributed", "ncnn", "numpy", "onnxruntime")
CHILDREN_ONLY = ("images", "providers")


@dataclass(frozen=True, slots=True)
class Import:
    """`target` is a module of ours by its whole name, or an outside one as written."""

    target: str
    names: tuple[str, ...]
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


def package_of(name: str) -> str:
    """The package or file directly under restore/ that `name` is or belongs to."""
    return name.split(".")[1] if "." in name else ""


def file_of(name: str) -> str:
    """The file of a package that `name` is, or the library inside a package that it belongs to."""
    return ".".join(name.split(".")[:3])


@cache
def imports_of(name: str) -> list[Import]:
    return list(_imports_in(tree_of(name), in_function=False))


def _imports_in(node: ast.AST, *, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for target, names in _targets(child):
                yield Import(target, names, child.lineno, in_function)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports_in(child, in_function=in_function or inside)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`from restore.a import b` is restore.a.b where that is a module, else restore.a."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.name, ()
        else:
            assert node.module is not None and not node.level, "relative imports hide the package"
            whole = f"{node.module}.{alias.name}"
            yield (whole, ()) if whole in modules() else (node.module, (alias.name,))


def our_imports(name: str) -> list[Import]:
    return [each for each in imports_of(name) if each.target.split(".")[0] == "restore"]


@cache
def definer(module: str, symbol: str) -> str:
    """The module behind an `__init__` that `symbol` comes from."""
    for each in our_imports(module):
        if symbol in each.names:
            return definer(each.target, symbol)
    return module


def arrows(name: str, *, at_import: bool) -> set[str]:
    """The modules that `name` needs, seen through `__init__`s to what stands behind them.

    With `at_import` only those that are loaded with it, not those that a function imports later.
    """
    found = [each for each in our_imports(name) if not (at_import and each.in_function)]
    through = {definer(each.target, symbol) for each in found for symbol in each.names}
    whole = {each.target for each in found if not each.names}
    return (through | whole) - {name}


class LayersTest(unittest.TestCase):
    def test_every_package_has_its_layer(self) -> None:
        found = {package_of(name) for name in modules()} - {""}
        self.assertEqual(sorted(found), sorted(LAYERS))

    def test_arrows_run_only_down(self) -> None:
        layer = {package: number for number, package in enumerate(LAYERS)}
        up = [
            f"{name}, line {each.line}: {each.target} is above"
            for name in modules()
            for each in our_imports(name)
            if layer.get(package_of(each.target), -1) > layer.get(package_of(name), -1)
        ]
        self.assertEqual(up, [])

    def test_only_interfaces_are_imported_from_outside(self) -> None:
        for name in modules():
            for each in our_imports(name):
                if package_of(each.target) == package_of(name) or each.target.startswith(PUBLIC):
                    continue
                with self.subTest(name, line=each.line):
                    self.assertLessEqual(each.target.count("."), 1, each.target)

    def test_no_circles(self) -> None:
        ordered({name: arrows(name, at_import=False) for name in modules()}, self)

    def test_no_long_chain(self) -> None:
        graph: dict[str, set[str]] = {}
        for name in modules():
            needs = {file_of(each) for each in arrows(name, at_import=True)}
            graph.setdefault(file_of(name), set()).update(needs - {file_of(name)})
        chain: dict[str, list[str]] = {}
        for name in ordered(graph, self):
            below = max((chain[each] for each in graph.get(name, ())), key=len, default=[])
            chain[name] = [name, *below]
        longest = max(chain.values(), key=len)
        self.assertLessEqual(len(longest), LONGEST_CHAIN, " -> ".join(longest))


def ordered(graph: dict[str, set[str]], case: unittest.TestCase) -> list[str]:
    """The modules from the ground up; a circle fails `case`."""
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        case.fail(" -> ".join(error.args[1]))


class PowersTest(unittest.TestCase):
    def test_each_outside_power_has_its_packages(self) -> None:
        used: dict[str, set[str]] = {power: set() for power in POWERS}
        for name in modules():
            for each in imports_of(name):
                power = each.target.split(".")[0]
                if power in POWERS:
                    used[power].add(package_of(name))
        self.assertEqual(used, POWERS)

    def test_names_that_only_some_may_speak(self) -> None:
        used: dict[str, set[str]] = {spoken: set() for spoken in NAMES}
        for name in modules():
            for node in ast.walk(tree_of(name)):
                if isinstance(node, ast.Attribute) and (spoken := ast.unparse(node)) in NAMES:
                    used[spoken].add(package_of(name))
        self.assertEqual(used, NAMES)

    def test_what_only_children_load(self) -> None:
        for name in modules():
            for each in our_imports(name):
                target = package_of(each.target)
                if target not in CHILDREN_ONLY or package_of(name) in CHILDREN_ONLY:
                    continue
                with self.subTest(name, target=each.target):
                    self.assertEqual("worker", package_of(name))
                    self.assertTrue(each.in_function, f"line {each.line}: not in a function")

    def test_only_the_standard_library_and_pillow(self) -> None:
        foreign = {
            each.target.split(".")[0] for name in modules() for each in imports_of(name)
        } - set(sys.stdlib_module_names)
        self.assertEqual(foreign, {"restore", "PIL", "pillow_heif", "prometheus_client", *EXTRAS})

    def test_the_server_process_loads_neither_pillow_nor_an_extra(self) -> None:
        outside = ("PIL", "pillow_heif", *EXTRAS)
        self.assertEqual("[]", loaded_by("restore.app", outside, CHILDREN_ONLY))

    def test_no_provider_loads_an_extra_before_a_job_asks_for_it(self) -> None:
        self.assertEqual("[]", loaded_by("restore.providers.generic", EXTRAS, ()))

    def test_sockets_know_neither_database_nor_processes(self) -> None:
        above = tuple(LAYERS[LAYERS.index("http") + 1 :])
        self.assertEqual("[]", loaded_by("restore.http", ("sqlite3", "multiprocessing"), above))


def loaded_by(module: str, outside: tuple[str, ...], ours: tuple[str, ...]) -> str:
    """Those of `outside` packages and `ours` under restore/ that importing `module` loads."""
    packages = tuple(f"restore.{package}" for package in ours)
    code = (
        f"import {module}, sys;"
        f"print([name for name in sys.modules if name.split('.')[0] in {outside!r}"
        f" or name.startswith({packages!r})])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip() + done.stderr


class MirrorTest(unittest.TestCase):
    """`tests/<package>/test_<file>*.py` stands for `restore/<package>/<file>.py`."""

    def test_each_test_file_has_its_subject(self) -> None:
        for path in sorted(TESTS.rglob("test_*.py")):
            folder, name = path.parent.relative_to(TESTS), path.stem.removeprefix("test_")
            if folder.parts[:1] == ("system",) or not folder.parts:
                continue
            with self.subTest(str(path.relative_to(TESTS))):
                place = PACKAGE / folder
                self.assertTrue(place.is_dir(), f"restore/{folder} is no package")
                subjects = [each.stem for each in place.iterdir() if not each.stem.startswith("_")]
                words = name.split("_")
                starts = {"_".join(words[:count]) for count in range(1, len(words) + 1)}
                self.assertTrue(starts & {*subjects, folder.name}, "no file of that name")

    def test_helpers_hold_no_tests(self) -> None:
        self.assertEqual([], [path.name for path in (TESTS / "support").rglob("test_*.py")])


class SizesTest(unittest.TestCase):
    def test_every_module_says_what_it_is(self) -> None:
        for name in modules():
            with self.subTest(name):
                self.assertTrue(ast.get_docstring(tree_of(name)), "no docstring")

    def test_each_interface_lists_its_files(self) -> None:
        for package in LAYERS:
            place = PACKAGE / package
            if not place.is_dir():
                continue
            text = ast.get_docstring(tree_of(f"restore.{package}")) or ""
            for path in place.iterdir():
                if path.stem.startswith("_") or (path.is_dir() and not any(path.glob("*.py"))):
                    continue
                with self.subTest(package, file=path.stem):
                    self.assertRegex(text, rf"(?m)^ *{path.stem}\b", "not in the package's map")

    def test_no_crowded_folders(self) -> None:
        for place in {path.parent for path in modules().values()} - {PACKAGE}:
            with self.subTest(str(place)):
                files = [path for path in place.glob("*.py") if path.stem != "__init__"]
                most = CROWDED.get(place.relative_to(PACKAGE).as_posix(), FOLDER_FILES)
                self.assertLessEqual(len(files), most)

    def test_no_long_files(self) -> None:
        for name, path in modules().items():
            with self.subTest(name):
                self.assertLessEqual(lines_of(path), FILE_LINES)

    def test_no_long_functions(self) -> None:
        for name in modules():
            for node in ast.walk(tree_of(name)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    with self.subTest(name, function=node.name):
                        lines = (node.end_lineno or node.lineno) - node.lineno + 1
                        self.assertLessEqual(lines, FUNCTION_LINES)

    def test_the_sizes_that_the_map_states(self) -> None:
        service = {name for name in modules() if package_of(name) not in LIBRARIES}
        cluster = {name for name in service if name.startswith(CLUSTER)}
        for names, most in ((service - cluster, SERVICE_LINES), (cluster, CLUSTER_LINES)):
            self.assertLessEqual(sum(lines_of(modules()[name]) for name in names), most)
        self.assertLessEqual(sum(map(lines_of, modules().values())), ALL_LINES)

    def test_no_place_for_odds_and_ends(self) -> None:
        for name in modules():
            odd = {"utils", "util", "helpers", "helper", "common", "base", "constants", "misc"}
            self.assertFalse(odd & set(name.split(".")), name)

    def test_no_state_of_a_module(self) -> None:
        """What is bound at the top is bound once: nothing says `global`."""
        for name in modules():
            lines = [n.lineno for n in ast.walk(tree_of(name)) if isinstance(n, ast.Global)]
            self.assertEqual(lines, [], name)


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
