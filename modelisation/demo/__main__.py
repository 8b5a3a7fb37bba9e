"""`make demo`: the whole system on this machine, from registered models to masks of street pictures.

Starts MLflow, the API and the dashboard, registers the bundled models, sends pictures through POST /predict on every
model as soon as it is ready, writes the masks, prints one table when all is up, and serves until Ctrl-C. Runs in the
serving environment, without torch.
All that it writes stays in the clone: `store/` (runs and models), `out/` (masks and logs), `.cache/`.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from back.runtime.errors import UserError, sentence_of
from back.runtime.mlflow_names import EXPERIMENT
from back.runtime.process.console import use_utf8
from modelisation.demo.client import measure, ready_models, relative_path, table, write_masks
from modelisation.demo.services import Ports, Running, Service, check_ports, environment, run_services, services
from modelisation.outputs.mark import Mark, claim
from modelisation.provenance import REPOSITORY
from modelisation.registry.bundled import FOLDER, find_bundles, register_bundles
from modelisation.registry.known import champions
from modelisation.registry.moved import check_database

SAMPLE_SEEDS = (42, 64, 99)
SAMPLE_HEIGHT, SAMPLE_WIDTH = 512, 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit status. Everything that goes wrong ends in one sentence."""
    use_utf8()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        _run(_parser().parse_args(arguments))
    except KeyboardInterrupt:
        print("\nStopped before it was ready.", file=sys.stderr)
        return 130
    except (UserError, OSError) as error:
        print(f"make demo: {sentence_of(error)}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelisation.demo", description="StreetSeg on street pictures.")
    parser.add_argument(
        "--image", type=Path, metavar="PHOTO", help="your photo (JPEG, PNG, WebP, HEIC or AVIF), not the samples"
    )
    parser.add_argument("--once", action="store_true", help="end after the table instead of serving until Ctrl-C")
    parser.add_argument("--bundles", type=Path, default=FOLDER, metavar="DIR", help="other models")
    parser.add_argument(
        "--store", type=Path, default=REPOSITORY / "store", metavar="DIR", help="MLflow's database and files"
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "out", metavar="DIR", help="masks, samples and logs")
    for name, port in (("mlflow", "5000"), ("api", "8000"), ("dashboard", "8501")):
        variable = f"{name.upper()}_PORT"
        default = os.environ.get(variable) or port
        parser.add_argument(f"--{name}-port", default=default, metavar="PORT", help=f"or {variable}")
    return parser


def check_port(text: str, variable: str) -> int:
    """Raises UserError: the text is no port number."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise UserError(f"{variable}={text} is not a port: take a number from 1 to 65535")
    return int(text)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> None:
    photo = check_photo(options.image) if options.image else None
    bundles = find_bundles(options.bundles)
    ports = Ports(
        mlflow=check_port(options.mlflow_port, "MLFLOW_PORT"),
        api=check_port(options.api_port, "API_PORT"),
        dashboard=check_port(options.dashboard_port, "DASHBOARD_PORT"),
    )
    store, out = options.store.resolve(), options.out.resolve()
    check_database(store / "mlflow.db", EXPERIMENT)
    wanted = services(ports, store, out / "logs")
    check_ports(wanted)
    if out != REPOSITORY / "out":  # which git leaves out, and which holds nothing but outputs
        claim(out, Mark(kind="demo"))
    (store / "artifacts").mkdir(parents=True, exist_ok=True)
    # Our own process is an MLflow client too, and shall write no more outside the clone than the services do.
    extra = environment(ports, REPOSITORY / ".cache")
    os.environ.update(extra | {"MLFLOW_LOGGING_LEVEL": "WARNING", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"})

    print("Starting MLflow, the API and the dashboard …", flush=True)
    mlflow, api, dashboard = wanted
    with run_services([api, mlflow], extra) as running, requests.Session() as session:
        session.trust_env = False  # a proxy has no business between us and 127.0.0.1
        versions = champions(bundles, store / "mlflow.db")
        pictures = [photo] if photo else write_samples(out / "samples")
        if versions is None:
            wait_until_up(running, session, mlflow)
            versions = register_bundles(bundles, mlflow.url)
        else:  # the API begins with what it served last, and needs no MLflow for that
            for name, version in versions.items():
                print(f"  {name} version {version} is registered, as before", flush=True)
        masks: dict[str, list[Path]] = {}
        entries: list[dict[str, Any]] = []
        for entry in ready_models(running, session, api, versions):
            if not entries:
                print(f"Segmenting {len(pictures)} picture(s) with each model …", flush=True)
                running.start(dashboard, extra)  # now, since until here it would take the processors from the models
            entries.append(entry)
            masks[entry["name"]] = write_masks(running, session, api, entry["name"], pictures, out / "masks")
        for service in wanted:
            wait_until_up(running, session, service)
        entries.sort(key=lambda entry: str(entry["name"]))
        rows = [measure(running, session, api, entry, pictures, masks[entry["name"]][0]) for entry in entries]

        print(f"\n{table(rows)}\n")
        print(f"  all masks  {relative_path(out / 'masks')}\n  pictures   {relative_path(pictures[0].parent)}")
        for service, path in ((dashboard, ""), (api, "/docs"), (mlflow, "")):
            print(f"  {service.title:<9}  http://localhost:{service.port}{path}")
        if not options.once:
            print("\nServing until Ctrl-C.", flush=True)
            serve_until_interrupted(running)
    print("\nStopped: all three services have ended.")


def serve_until_interrupted(running: Running) -> None:
    """Wait for Ctrl-C. Raises UserError: a service has ended before that."""
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            running.check()
            time.sleep(0.5)


def wait_until_up(running: Running, session: requests.Session, service: Service) -> None:
    """Wait until a service answers, and say so. Raises UserError: as `Running.wait`."""
    url = service.url + service.health_path
    running.wait(service.title, lambda: session.get(url, timeout=5).ok, service.log)
    print(f"  {service.title} is up", flush=True)


def check_photo(photo: Path) -> Path:
    """Raises UserError: no such file, or no photo. Whether it is whole and of an allowed size, the API says."""
    from back.runtime.headers.base import ImageError
    from back.runtime.headers.read import read_header

    if not photo.is_file():
        raise UserError(f"{photo}: no such file; give a photo, for example make demo IMAGE=photo.jpg")
    if not os.access(photo, os.R_OK):
        raise UserError(f"{photo}: this file may not be read by you; change its permissions")
    try:
        read_header(photo.read_bytes())
    except ImageError as error:
        raise UserError(f"{photo}: {error}") from None
    return photo.resolve()


def write_samples(folder: Path) -> list[Path]:
    """Rendered street scenes as PNG, drawn once; a second demo finds them there."""
    from PIL import Image

    from modelisation.scenes.render import render_scene

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in SAMPLE_SEEDS:
        path = folder / f"street-{seed}.png"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            Image.fromarray(render_scene(seed, SAMPLE_HEIGHT, SAMPLE_WIDTH).image).save(unfinished, format="PNG")
            unfinished.rename(path)
        paths.append(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
