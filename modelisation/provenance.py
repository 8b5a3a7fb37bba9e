"""Where a number comes from: code, packages and machine."""

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch", "torchvision", "segmentation-models-pytorch", "transformers", "accelerate", "onnx", "onnxruntime",
    "onnxruntime-gpu",
    "openvino", "mlflow", "numpy", "pillow",
)  # fmt: skip
REPOSITORY = Path(__file__).resolve().parents[1]


# Pages and reports: a benchmark that has written its own changes nothing of what the next one measures.
_NO_CODE = (":(exclude)docs", ":(exclude)*.md")


def git_state(repository: Path = REPOSITORY) -> dict[str, Any]:
    """`{"git_commit": hex or "unknown", "git_dirty": bool}`: dirty also without git, but not by a changed page."""
    try:
        commit = _git(repository, "rev-parse", "HEAD").strip()
        changed = _git(repository, "status", "--porcelain", "--", ".", *_NO_CODE).strip()
        return {"git_commit": commit, "git_dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"git_commit": "unknown", "git_dirty": True}


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, encoding="utf-8", check=True, timeout=30
    ).stdout


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of the packages that are installed; those that are not are left out."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Processor model, the cores that this process may use, memory in bytes, system and Python version."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
