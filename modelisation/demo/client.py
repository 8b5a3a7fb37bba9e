"""What the demo asks of the running API: wait for the models, segment the pictures, measure, print the table."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from back.runtime.errors import UserError
from modelisation.demo.services import Running, Service
from modelisation.outputs.files import same_file

ERROR_SECONDS = 45.0
TIMED_REQUESTS = 12
TIMED_SECONDS = 15.0
REQUEST_SECONDS = 120.0


@dataclass(frozen=True)
class Row:
    """One line of the result: a model, its mIoU from the card (0..1), its median latency and its first mask."""

    model: str
    miou: float | None
    latency_ms: float
    mask: Path


def ready_models(
    running: Running, session: requests.Session, api: Service, versions: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """The entries of GET /models as they become ready: these versions of these models, then what else is registered.

    Raises UserError: one of them cannot be loaded, or it takes too long.
    """
    entries: list[dict[str, Any]] = []
    given: set[str] = set()
    said: dict[str, tuple[str, float]] = {}  # model -> its newest error, and since when

    def another_is_ready() -> bool:
        answer = session.get(f"{api.url}/models", timeout=30)
        if not answer.ok:
            return False
        entries[:] = answer.json()["models"]
        served = {entry["name"]: entry for entry in entries}
        pending = [name for name, version in versions.items() if not _is_served(served.get(name), version)]
        for name in pending:
            error = served.get(name, {}).get("error") or ""
            if said.get(name, ("", 0.0))[0] != error:
                said[name] = (error, time.monotonic())
            # "Being loaded" is an error too, so only one that stays is final.
            if error and time.monotonic() - said[name][1] > ERROR_SECONDS:
                raise UserError(f"The API does not serve {name}: {error.rstrip('.')}. Its log: {api.log}")
        return len(pending) < len(versions) - len(given)

    while len(given) < len(versions):
        running.wait("the API's models", another_is_ready, api.log)
        for entry in list(entries):
            name = entry["name"]
            if name in versions and name not in given and _is_served(entry, versions[name]):
                given.add(name)
                yield entry
    for entry in entries:
        if entry["name"] in given:
            continue
        if entry["ready"]:
            yield entry
        else:
            print(f"  {entry['name']} is registered too, but not ready: {entry.get('error') or 'still loading'}")


def _is_served(entry: Mapping[str, Any] | None, version: str) -> bool:
    return entry is not None and bool(entry["ready"]) and str(entry["version"]) == version


def write_masks(
    running: Running, session: requests.Session, api: Service, model: str, pictures: Sequence[Path], masks: Path
) -> list[Path]:
    """Send the pictures to one model and write its masks to `masks`/<model>/; returns their paths.

    Raises UserError: the API refuses a picture or does not answer.
    """
    folder = masks / model
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for picture in pictures:
        mask = folder / f"{picture.stem}.png"
        if same_file(mask, picture):
            raise UserError(f"{picture} is read here and its mask would be written over it; copy it elsewhere first")
        mask.write_bytes(_predict(running, session, api, model, picture))
        written.append(mask)
    return written


def measure(
    running: Running,
    session: requests.Session,
    api: Service,
    entry: Mapping[str, Any],
    pictures: Sequence[Path],
    mask: Path,
) -> Row:
    """Time whole requests to one model; `mask` is the one to name. Raises UserError: as `write_masks`."""
    name = str(entry["name"])
    latencies = []
    begin = time.monotonic()
    for i in range(TIMED_REQUESTS):
        start = time.perf_counter()
        _predict(running, session, api, name, pictures[i % len(pictures)])
        latencies.append(1000 * (time.perf_counter() - start))
        if time.monotonic() - begin > TIMED_SECONDS:
            break
    metrics = entry.get("metrics") or {}
    return Row(name, metrics.get("miou"), statistics.median(latencies), mask)


def _predict(running: Running, session: requests.Session, api: Service, model: str, picture: Path) -> bytes:
    try:
        with picture.open("rb") as photo:
            answer = session.post(
                f"{api.url}/predict", params={"model": model}, files={"image": photo}, timeout=REQUEST_SECONDS
            )
    except requests.RequestException as error:
        running.check()  # says why, if the service has ended
        raise UserError(f"The API did not answer for {model} on {picture}; its log: {api.log}") from error
    if not answer.ok:
        raise UserError(f"The API refused {picture} for {model} ({answer.status_code}): {_detail(answer)}")
    return answer.content


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text under a header."""
    cells = [("model", "mIoU", "latency p50", "mask")]
    for row in rows:
        miou = "not measured" if row.miou is None else f"{row.miou:.3f}"
        cells.append((row.model, miou, f"{row.latency_ms:.0f} ms", relative_path(row.mask)))
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        f"  {model:<{widths[0]}}  {miou:>{widths[1]}}  {latency:>{widths[2]}}  {mask}"
        for model, miou, latency, mask in cells
    )


def relative_path(path: Path) -> str:
    """The path as a person in the current folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
