"""How long until something happens: `python -m tests.benchmarks.starts`.

The CLI's `--help`, `train` to the end of its first step, and the demo to its first mask, each a process of its
own, in turn. Run folders, masks and MLflow's store lie in a scratch folder, so that nothing of the user's is touched;
numba's and OpenVINO's caches are the clone's. The demo runs without torch where .venv-serve exists.
"""

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelisation.provenance import REPOSITORY, git_state, machine
from modelisation.reports.starts import STARTS, starts_table
from modelisation.scenes.writer import write_scenes
from tests.benchmarks.ready import SERVING_PYTHON, free_ports

QUICK = REPOSITORY / "out" / "benchmark" / "starts.json"
_POLL_S = 0.02
_PATIENCE_S = 600.0
_STOP_S = 60.0


@dataclass(frozen=True)
class Start:
    """One way to begin.

    Attributes:
        goal_s: seconds that a warm start may take.
        command: gives the arguments of one more start, in a folder that they may fill.
        happened: whether what people wait for is there, asked again and again of the folder and what was said so
            far. None: the end of the process.
        settled: whether it may be stopped then, asked alike: what it writes for the next start is written. None: yes.
    """

    name: str
    goal_s: float
    command: Callable[[Path], Sequence[str]]
    happened: Callable[[Path, str], bool] | None = None
    settled: Callable[[Path, str], bool] | None = None


def seconds_of(start: Start, folder: Path) -> float:
    """Wall seconds of one start, from before its process begins; its process has ended afterwards.

    Raises:
        RuntimeError: it ended before anything happened, or took too long; holds its last line.
    """
    folder.mkdir()
    log = folder / "said"
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder.parent / 'mlflow.db'}"}
    with log.open("wb") as said:
        begin = time.perf_counter()
        process = subprocess.Popen(
            start.command(folder), cwd=REPOSITORY, env=environment, stdout=said, stderr=said, start_new_session=True
        )
    try:
        happened_s = None
        while True:
            code = process.poll()
            text = log.read_text(encoding="utf-8", errors="replace")
            seconds = time.perf_counter() - begin
            if happened_s is None and (code == 0 if start.happened is None else start.happened(folder, text)):
                happened_s = seconds
            if happened_s is not None and (start.settled is None or start.settled(folder, text)):
                return happened_s
            if code is not None or seconds > _PATIENCE_S:
                raise RuntimeError(f"{start.name}: {(text.strip() or 'it said nothing').splitlines()[-1]}")
            time.sleep(_POLL_S)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does, so that what it started ends, too; by force where that does not help."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def all_starts(data: Path, recipe: Path) -> list[Start]:
    """The CLI's help, training on `data`, and the demo."""
    cli = [sys.executable, "-m", "modelisation"]

    def train(folder: Path) -> list[str]:
        return [*cli, "train", str(recipe), "--data", str(data), "--run-dir", str(folder / "run"), "--no-register"]

    names = ("--mlflow-port", "--api-port", "--dashboard-port")
    ports = [part for name, port in zip(names, free_ports(3), strict=True) for part in (name, str(port))]

    def demo(folder: Path) -> list[str]:
        python = SERVING_PYTHON if SERVING_PYTHON.is_file() else Path(sys.executable)
        # One store on the same ports for all rounds, as people have it: the second start finds the models registered,
        # and the API those that it served from this MLflow last.
        kept = ["--store", str(folder.parent / "store"), "--out", str(folder / "out")]
        return [str(python), "-m", "modelisation.demo", *kept, *ports]

    return [
        Start("`--help`", 0.5, lambda _: [*cli, "--help"]),
        Start(f"`train` with {recipe.stem}: the end of the first step", 8, train, lambda _, text: "loss=" in text),
        Start(
            "`make demo`: the first mask",
            6,
            demo,
            lambda folder, _: _has_mask(folder / "out" / "masks"),
            lambda _, text: "Serving until" in text,
        ),
    ]


def _has_mask(masks: Path) -> bool:
    return any(mask.stat().st_size for mask in masks.glob("*/*.png"))


def measure(starts: Sequence[Start], rounds: int, scratch: Path) -> list[dict[str, object]]:
    """Every start once, to fill caches, then `rounds` times in turn."""
    seconds: dict[str, list[float]] = {start.name: [] for start in starts}
    for number in range(1 + rounds):
        for index, start in enumerate(starts):
            seconds[start.name].append(round(seconds_of(start, scratch / f"{number}-{index}"), 3))
            print(f"{start.name}: {seconds[start.name][-1]:.2f} s", flush=True)
    return [
        {"name": start.name, "goal_s": start.goal_s, "first_s": seconds[start.name][0], "warm_s": rest}
        for start in starts
        if (rest := seconds[start.name][1:])
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.starts", description="Time until things happen."
    )
    parser.add_argument("--quick", action="store_true", help=f"one warm round, into {QUICK.relative_to(REPOSITORY)}")
    parser.add_argument("--recipe", type=Path, default=REPOSITORY / "modelisation" / "recipes" / "segformer.yaml")
    parser.add_argument("--data", type=Path, metavar="DIR", help="what to train on (default: eight rendered scenes)")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if options.data is None:
            write_scenes(scratch / "scenes", {"train": 8, "val": 2})
        data = options.data or scratch / "scenes"
        try:
            rows = measure(all_starts(data.resolve(), options.recipe.resolve()), 1 if options.quick else 5, scratch)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    report = {"schema_version": 1, "date": date, **git_state(), "machine": machine(), "load": load, "starts": rows}
    path = QUICK if options.quick else STARTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(starts_table(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
