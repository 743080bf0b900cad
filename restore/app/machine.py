"""What this machine has to give: cores and memory, as far as this process may use them.

Affinity and the cgroup (v2, else v1) are counted, so that defaults fit a container. It only reads.
"""

import os
import re
import resource
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_VMSTAT = Path("/proc/vmstat")
_MEMBERSHIP = Path("/proc/self/cgroup")
_MIB = 1024 * 1024


def usable_cores() -> int:
    """Cores this process may use at once, at least 1."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, _quota_cores() or cores))


def memory_mib() -> int:
    """Memory this process may use, in MiB: the machine's or the cgroup's, whichever is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_read_number(folder / "memory.max") for folder in _cgroups()]
    limits.append(_read_number(_CGROUP / "memory" / "memory.limit_in_bytes"))
    return min([total, *(limit for limit in limits if limit)]) // _MIB


def address_space_mib() -> int | None:
    """What one process may map (RLIMIT_AS, `ulimit -v`), in MiB; None without a limit."""
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else soft // _MIB


def oom_kills() -> int:
    """How often the kernel has killed for memory: in this cgroup, else here; 0 where untold."""
    for path in (_cgroups()[0] / "memory.events", _VMSTAT):
        found = re.search(r"^oom_kill ([0-9]+)$", _read(path), re.MULTILINE)
        if found:
            return int(found[1])
    return 0


def _quota_cores() -> int | None:
    """Whole cores that the CPU quotas allow, rounded up; None without a quota."""
    quotas = [_read(folder / "cpu.max").split() for folder in _cgroups()]
    v1 = _CGROUP / "cpu"
    quotas.append([_read(v1 / "cpu.cfs_quota_us"), _read(v1 / "cpu.cfs_period_us")])
    return min(
        (
            max(1, -(-int(quota[0]) // int(quota[1])))
            for quota in quotas
            if len(quota) == 2 and all(part.isdigit() and int(part) for part in quota)
        ),
        default=None,
    )


def _cgroups() -> list[Path]:
    """The folders of this process's cgroup (v2) and those above it, each of which may limit it.

    Only the root where that can't be told, or lies outside of what a container sees.
    """
    lines = _read(_MEMBERSHIP).splitlines()
    path = lines[-1].removeprefix("0::/") if lines and lines[-1].startswith("0::/") else ""
    own = _CGROUP / path
    if ".." in own.parts or not own.is_dir():
        return [_CGROUP]
    return [own, *(folder for folder in own.parents if folder.is_relative_to(_CGROUP))]


def _read_number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    """The text of a small file of the kernel's; empty where there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
