"""Makes one file of the server, its page and both wheels: `python tools/bundle.py -o restore.pex`.

It needs the extra `[bundle]` (pex) and a package index. The file runs where the same minor version
of Python is, on the same kind of system; nothing else is installed there. It unpacks itself once,
into PEX_ROOT (by default in the user's cache folder), and keeps its data in the current folder.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("restore", "pyproject.toml", "README.md", "LICENSE")


def bundle(output: Path) -> None:
    """Write the bundle to `output`. Raises subprocess.CalledProcessError; pex has said why."""
    with tempfile.TemporaryDirectory(prefix="restore-bundle-") as folder:
        # Built from a copy: a build folder left in the checkout would add its stale files.
        for name in SOURCES:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        # As a venv the file starts in a third of the time of a plain zip, and sys.path is a
        # folder, from which every process of the server imports alike.
        options = ["--venv", "--entry-point", "restore", "--output-file", str(output)]
        subprocess.run([sys.executable, "-m", "pex", folder, *options], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Make one file that serves and restores.")
    parser.add_argument("-o", "--output", type=Path, default=Path("restore.pex"))
    output: Path = parser.parse_args().output
    try:
        bundle(output.absolute())
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
