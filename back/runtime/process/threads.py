"""How many processors this process may really use, and the small pool that shares them."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

_PROC_CGROUP = Path("/proc/self/cgroup")
_CGROUP_ROOT = Path("/sys/fs/cgroup")


def available_cpus(proc_cgroup: Path = _PROC_CGROUP, cgroup_root: Path = _CGROUP_ROOT) -> int:
    """Processors that this process may use: the smaller of its affinity mask and its cgroup quota, at least 1.

    `os.cpu_count()` counts the whole machine; in a container held to two processors that starts too many threads,
    which then wait for each other. Reads cgroup v2 (`cpu.max`) and v1 (`cpu.cfs_quota_us`); a quota of 1.5
    processors counts as 2, because one thread could not use it up.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = _quotas(proc_cgroup, cgroup_root)
    return max(1, min([allowed, *(int(-(-quota // 1)) for quota in quotas)]))


def _quotas(proc_cgroup: Path, cgroup_root: Path) -> Iterator[float]:
    """Every processor quota that holds for this process: its group's own and those of the groups around it."""
    for folder in _cgroup_folders(proc_cgroup, cgroup_root):
        try:
            if (folder / "cpu.max").is_file():
                limit, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
            else:
                limit = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8").strip()
                period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8").strip()
            if limit != "max" and int(limit) > 0 and int(period) > 0:
                yield int(limit) / int(period)
        except (OSError, ValueError):
            continue  # not mounted here, or not readable: no limit that we could know of


def _cgroup_folders(proc_cgroup: Path, cgroup_root: Path) -> Iterator[Path]:
    try:
        lines = proc_cgroup.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in [*lines, "0::/"]:  # inside a container the mount itself is often the process's own group
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroup_root / controllers if controllers else cgroup_root
        folder = root / path.lstrip("/")
        yield folder
        for parent in folder.parents:
            if not parent.is_relative_to(root):
                break
            yield parent


@cache
def worker_pool() -> ThreadPoolExecutor:
    """The one pool for work that is split over the processors; shared, so that requests do not multiply threads."""
    return ThreadPoolExecutor(max_workers=available_cpus(), thread_name_prefix="streetseg-strip")
