"""The tables of docs/scale.json's part `serving`: replicas behind nginx, Ray Serve beside uvicorn, and what more
machines would give on paper.
"""

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelisation.reports.markdown import table
from modelisation.reports.measured import on_day, on_machine, versions
from modelisation.reports.scale import SCALE_REPORT, spread

Part = Mapping[str, Any]
# Of the machines on paper.
CORES, MACHINES = 16, (1, 10, 100)
REPLICA_CORES = 2  # as in back/replicas/kubernetes
ASK_EVERY_S = 30  # STREETSEG_RELOAD_SECONDS
NEW_VERSION_S = 60  # in which all replicas shall have a new version
NETWORK_BITS = 10e9  # a second, of the balancer's machine


def serving_lines(name: str, path: Path = SCALE_REPORT) -> list[str]:
    """The lines of one of `SERVING_TABLES`; `path` is the report."""
    report = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if "serving" not in report:
        return ["Not measured yet: `make benchmark-scale`."]
    return SERVING_TABLES[name](report["serving"])


def _replicas(part: Part) -> list[str]:
    run = part["replicas"]
    rates = run["rates"]
    alone = [statistics.mean(pair) for pair in zip(rates["first"], rates["second"], strict=True)]
    gains = [both / one for both, one in zip(rates["both"], alone, strict=True)]
    rows = [
        ["1 replica, on one processor", spread(alone, 1), ""],
        ["2 replicas, on one processor each", spread(rates["both"], 1), spread(gains, 2)],
    ]
    how = (
        f"{_what(part)}, {run['clients_each']} clients a replica; nginx and the clients run on the same processors. "
        f"{run['rounds']} rounds of {run['seconds']:g} s in which the first replica, the second and both take turns: "
        f"medians, least and most; one replica is the mean of the two. {_where(part)}"
    )
    return [*table(("way", "requests/s", "times one replica"), rows), "", how]


def _ray_serve(part: Part) -> list[str]:
    run = part["ray_serve"]
    times = run["milliseconds"]
    percentiles = {name: np.percentile(own, (50, 99)).tolist() for name, own in times.items()}
    rows = [[name, *(f"{one:.1f}" for one in own)] for name, own in percentiles.items()]
    extra = np.subtract(percentiles["Ray Serve"], percentiles["uvicorn"])
    rows.append(["what Ray Serve costs", *(f"{one:+.1f}" for one in extra)])
    threads = "one thread" if run["threads"] == 1 else f"{run['threads']} threads"
    how = (
        f"{_what(part)}, one after the other; {run['requests']} requests to each, in turns; {threads} for the "
        f"network. {_where(part)}"
    )
    return [*table(("way", "p50 ms", "p99 ms"), rows), "", how]


def _on_paper(part: Part) -> list[str]:
    registry, run = part["registry"], part["replicas"]
    core = statistics.median(run["rates"]["both"]) / 2
    bits = 8 * (part["photo"]["request_bytes"] + run["mask_bytes"])
    rows = []
    for machines in MACHINES:
        rate, replicas = machines * CORES * core, machines * CORES // REPLICA_CORES
        rows.append(
            [
                f"{machines}",
                f"{rate:,.0f}",
                f"{rate * run['balancer_ms'] / 1e3:.2f}",
                f"{rate * bits / 1e9:.2f}",
                f"{100 * replicas / ASK_EVERY_S * registry['ask_ms'] / 1e3:,.1f} %",
                f"{replicas * registry['download_ms'] / 1e3:,.1f}",
            ]
        )
    header = (
        f"machines of {CORES} cores", "requests/s", "cores for nginx", "Gbit/s through nginx",
        "of MLflow's one core, for questions", "s of MLflow's core until all have a new version",
    )  # fmt: skip
    machine_rate, machine_replicas = CORES * core, CORES / REPLICA_CORES
    limits = {  # what breaks -> at how many machines
        "the proxy's processors, where nginx has a machine like the others": CORES
        / (machine_rate * run["balancer_ms"] / 1e3),
        f"the proxy's network, of {NETWORK_BITS / 1e9:g} Gbit/s": NETWORK_BITS / (machine_rate * bits),
        f"the registry: one MLflow process, asked for aliases by every replica every {ASK_EVERY_S} s": ASK_EVERY_S
        / (machine_replicas * registry["ask_ms"] / 1e3),
        f"the store: a new version, through MLflow, shall be everywhere within {NEW_VERSION_S} s": NEW_VERSION_S
        / (machine_replicas * registry["download_ms"] / 1e3),
    }
    order = sorted(limits, key=limits.__getitem__)
    figures = (
        f"Reckoned from: {core:.1f} requests/s of a core, balancer and clients included; {run['balancer_ms']:.2f} ms "
        f"of nginx's processor time and {bits / 8e3:.0f} kB a request; a replica for every {REPLICA_CORES} cores; "
        f"{registry['ask_ms']:.1f} ms of MLflow's processor time (SQLite) for a question and "
        f"{registry['download_ms']:.0f} ms for a download of {registry['download_bytes'] / 1e6:.1f} MB."
    )
    first = [f"{number}. {name}: at {limits[name]:,.0f} machines." for number, name in enumerate(order, 1)]
    return [*table(header, rows), "", figures, "", "What breaks first:", "", *first]


SERVING_TABLES: Mapping[str, Callable[[Part], list[str]]] = {
    "replicas": _replicas,
    "ray-serve": _ray_serve,
    "on-paper": _on_paper,
}


def _what(part: Part) -> str:
    return f"{part['model']}, a JPEG of {part['photo']['width']}x{part['photo']['height']}"


def _where(part: Part) -> str:
    return f"{on_machine(part)}; {versions(part['packages'])}; {on_day(part)}."
