"""What this machine has to give: cores and memory, as far as this process may use them.

Affinity and the cgroup (v2, else v1) are counted, so that defaults fit a container. It only reads.
"""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
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
    limits = [_read_number(_own_cgroup() / "memory.max")]
    limits.append(_read_number(_CGROUP / "memory" / "memory.limit_in_bytes"))
    return min([total, *(limit for limit in limits if limit)]) // _MIB


def _quota_cores() -> int | None:
    """Whole cores that the CPU quota allows, rounded up; None without a quota."""
    try:
        quota, period = (_own_cgroup() / "cpu.max").read_text().split()
    except (OSError, ValueError):
        quota = str(_read_number(_CGROUP / "cpu" / "cpu.cfs_quota_us") or "max")
        period = str(_read_number(_CGROUP / "cpu" / "cpu.cfs_period_us") or 100_000)
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return max(1, -(-int(quota) // int(period)))


def _own_cgroup() -> Path:
    """The folder of this process's cgroup (v2); the root where that can't be read."""
    try:
        line = Path("/proc/self/cgroup").read_text().splitlines()[-1]
    except (OSError, IndexError):
        return _CGROUP
    folder = _CGROUP / line.rpartition(":")[2].lstrip("/")
    return folder if line.startswith("0::") and folder.is_dir() else _CGROUP


def _read_number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
