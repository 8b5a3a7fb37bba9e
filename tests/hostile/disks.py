"""What a registry and the jobs of clips say on a disk that is really full, then really read-only; printed as JSON.

Run in a mount namespace of its own, where it may mount a small disk in memory: see test_real_disks.py.
"""

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from back.jobs.jobs import Jobs
from back.jobs.table import Told
from back.problems import Problem
from back.registry import ModelRegistry
from back.settings import Settings

DISK_BYTES = 32 << 20
CLIP = b"\0\0\0\x18ftypmp42" + bytes(1 << 20)


def main(uri: str, disk: Path) -> None:
    mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk))
    settings = Settings(mlflow_tracking_uri=uri, cache_dir=disk / "cache", jobs_dir=disk / "jobs", reload_seconds=0.1)
    full = fill(disk)
    registry = ModelRegistry(settings)
    told = {"full": synced(registry), "clip on a full disk": clip_refused(settings)}
    full.unlink()
    time.sleep(0.2)  # until a failed download is tried again
    told["room again"] = synced(registry)
    mount("-o", "remount,ro", str(disk))
    told["read-only, warm"] = synced(ModelRegistry(settings))
    told["clip on a read-only disk"] = clip_refused(settings)
    told["read-only, cold"] = synced(ModelRegistry(settings.model_copy(update={"cache_dir": disk / "cold"})))
    print(json.dumps(told))


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing more can be written."""
    path = disk / "full"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            return path


def synced(registry: ModelRegistry) -> dict[str, Any]:
    registry.sync()
    return {"served": list(registry.served), "errors": registry.errors}


def clip_refused(settings: Settings) -> tuple[int, str]:
    jobs = Jobs(settings)
    try:
        jobs.add([("clip", io.BytesIO(CLIP))], None, Told("segformer", "1", "", {}, {}, {}))
    except Problem as problem:
        return problem.status_code, str(problem.detail)
    except OSError as error:  # what the routes answer as a shortage
        return 503, str(error.strerror)
    finally:
        jobs.close()
    return 202, "taken in"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
