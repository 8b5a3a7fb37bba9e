"""The stand-in's clips: jobs that go as far as a test says."""

from dataclasses import dataclass, field
from typing import Any

from tests.front.fake_records import taxonomy

OVERLAY = b"\x00\x00\x00\x18ftypisom" + bytes(64)
_NAMES = {"overlay": "overlay.mp4", "classes": "classes.zip", "shares": "shares.csv"}


@dataclass
class FakeJobs:
    """`jobs` are what GET /jobs/{id} answers; `refusal` is (status, sentence) for every clip that is sent."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: list[dict[str, str]] = field(default_factory=list)
    clips: list[bytes] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    codec: str = "H.264"

    def add(self, query: dict[str, str], clip: bytes) -> Any:
        """POST /videos."""
        if self.refusal is not None:
            return self.refusal
        self.queries.append(query)
        self.clips.append(clip)
        name = f"job-{len(self.queries)}"
        self.jobs[name] = {
            "id": name,
            "state": "queued",
            "model": query["model"],
            "version": "1",
            "clip": {"width": 96, "height": 48, "seconds": 4.0, "frames": 40, "codec": self.codec, "sound": False},
            "ahead": 0,
            "frames": 0,
            "progress": 0.0,
            "images_per_s": None,
            "seconds_left": None,
            "error": None,
            "notes": [],
            "files": {"clip": f"/jobs/{name}/clip"},
            "created": 0.0,
            "kept_until": None,
        }
        return self.jobs[name]

    def run(self, name: str) -> None:
        """A quarter of it is done."""
        now = {"state": "running", "frames": 10, "progress": 0.25, "images_per_s": 12.5, "seconds_left": 2.4}
        self.jobs[name] |= now

    def finish(self, name: str) -> None:
        """It is done."""
        files = {kind: f"/jobs/{name}/{file}" for kind, file in _NAMES.items()}
        self.jobs[name] |= {"state": "done", "frames": 40, "progress": 1.0, "kept_until": 4e9}
        self.jobs[name]["files"] = {"clip": f"/jobs/{name}/clip"} | files

    def fail(self, name: str, sentence: str) -> None:
        self.jobs[name] |= {"state": "failed", "error": sentence, "files": {}}

    def answer(self, method: str, path: str) -> Any:
        """GET and DELETE of /jobs/{id} and of a result."""
        _, _, name, *file = path.split("/")
        job = self.jobs.get(name)
        if job is None:
            return 404, f"There is no job {name!r}; results are kept for 24 hours."
        if method == "DELETE":
            del self.jobs[name]
            return b""
        if not file:
            return job
        if path not in job["files"].values():
            return 404, f"The job has no file {file[0]!r}."
        if file[0] == "shares.csv":
            return shares_csv(job["model"])
        return OVERLAY if file[0] in ("overlay.mp4", "growing.mp4", "clip") else b"PK" + bytes(20)


def shares_csv(model: str) -> bytes:
    """Forty frames in four seconds; SegFormer sees a quarter more sky and less road on the frame at 3 s."""
    names = [c["name"] for c in taxonomy()["classes"]]
    lines = [",".join(["frame", "seconds", *names])]
    for frame in range(40):
        extra = 0.25 if model == "segformer" and frame == 30 else 0.0
        shares = {"road": 0.6 - extra, "sky": 0.4 + extra}
        lines.append(",".join([str(frame), f"{frame / 10:.3f}", *(f"{shares.get(n, 0):.6f}" for n in names)]))
    return "\n".join(lines).encode()
