"""Markdown tables of docs/benchmark.json and docs/codecs.json, which the benchmarks write."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelisation.provenance import REPOSITORY
from modelisation.reports.markdown import table
from modelisation.reports.measured import on_machine, versions, with_code

BENCHMARK = REPOSITORY / "docs" / "benchmark.json"
CODECS = REPOSITORY / "docs" / "codecs.json"
Report = Mapping[str, Any]


def speed_table(report: Report) -> list[str]:
    """One row a model and way: the headline photo from its bytes to the mask's bytes."""
    headline = report["photos"][0]["name"]
    header = [
        "model and way",
        "p50 ms",
        "p95 ms",
        "times slower than StreetSeg (5th–95th percentile)",
        "images/s, 16 clients",
        "peak memory MB",
        "pixels equal to fp32 PyTorch, %",
        "mIoU %",
    ]
    return table(header, [_speed_row(report, row) for row in report["rows"] if row["photo"] == headline])


def photos_table(report: Report) -> list[str]:
    """One row a model and way, one column a photo: median milliseconds."""
    photos = [photo["name"] for photo in report["photos"]]
    ways = dict.fromkeys((row["model"], row["way"]) for row in report["rows"])
    times = {(row["model"], row["way"], row["photo"]): row["ms"] for row in report["rows"]}
    rows = [[f"{m}: {w}", *(_ms(times.get((m, w, photo))) for photo in photos)] for m, w in ways]
    return table(["model and way", *photos], rows)


def stages_table(report: Report) -> list[str]:
    """One row a model and photo: where the time of POST /predict goes."""
    stages = list(dict.fromkeys(stage for row in report["rows"] for stage in row["stages"]))
    rows = [
        [f"{row['model']}, {row['photo']}", *(f"{row['stages'][stage]:.1f}" for stage in stages), _ms(row["ms"])]
        for row in report["rows"]
        if row["stages"]
    ]
    return table(["model and photo", *stages, "whole request"], rows)


def tricks_table(report: Report) -> list[str]:
    """One row a trick: the usual way, ours, and how many times faster."""
    rows = [
        [
            f"{t['trick']} ({t['model']})",
            t["usual_way"],
            f"failed, {t['error']}" if t["error"] else _ms(t["usual_ms"]),
            _ms(t["ours_ms"]),
            _times(t["ratio"]),
        ]
        for t in report["tricks"]
    ]
    return table(["trick", "usual way", "usual ms", "ours ms", "times faster (5th–95th percentile)"], rows)


def promises_table(report: Report) -> list[str]:
    """One row a figure that the project promises, with what was measured."""
    said = {True: "yes", False: "**no**", None: "–"}
    rows = [[p["figure"], p["bound"], p["measured"], said[p["met"]]] for p in report["promises"]]
    return table(["figure", "promised", "measured", "met"], rows)


def throughput_table(report: Report) -> list[str]:
    """One row a model and way: images per second by the number of clients."""
    rates = {(t["model"], t["way"], t["clients"]): t["images_per_second"] for t in report["throughput"]}
    clients = list(dict.fromkeys(t["clients"] for t in report["throughput"]))
    ways = dict.fromkeys((t["model"], t["way"]) for t in report["throughput"])
    rows = [[f"{m}: {w}", *(_rate(rates.get((m, w, n))) for n in clients)] for m, w in ways]
    names = ["in bulk" if n is None else f"{n} client{'s' if n > 1 else ''}" for n in clients]
    return table(["model and way", *names], rows)


def accuracy_table(report: Report) -> list[str]:
    """One row a model and set of labelled photos: mIoU of PyTorch in fp32 and of our API's answers."""
    at_card = {row["model"]: row["miou"] for row in report["rows"] if row["stages"] and row["miou"]}
    rows = [
        [f"{model}, photos of the set", "the card's", _percent(fp32), _percent(at_card.get(model))]
        for model, fp32 in report["reference_miou"].items()
    ] + [
        [
            f"{large['model']}, {large['photos']}",
            f"{large['pixel_budget']:,}",
            _percent(large["fp32_miou"]),
            _percent(large["miou"]),
        ]
        for large in report["large_photos"]
    ]
    return table(["model and photos", "pixel budget", "fp32 PyTorch, full decode: mIoU %", "ours: mIoU %"], rows)


def codecs_table(report: Report) -> list[str]:
    """One row a task and library: its processor time, which a busy machine hardly moves, and its result."""
    rows = [
        [
            f"{row['task']}: {row['way']}",
            f"{row['best_processor_ms']:.2f}",
            "–" if row["changed"] is None else f"{_percent(row['changed'])} (by {row['mean_difference']:.2f})",
            "–" if row["bytes"] is None else f"{row['bytes'] / 1e3:.1f}",
        ]
        for row in report["rows"]
    ]
    header = ["task and library", "least processor ms", "values unlike Pillow's % (mean)", "file kB"]
    return table(header, rows)


BENCHMARK_TABLES: dict[str, Callable[[Report], list[str]]] = {
    "speed": speed_table,
    "photos": photos_table,
    "stages": stages_table,
    "tricks": tricks_table,
    "promises": promises_table,
    "throughput": throughput_table,
    "accuracy": accuracy_table,
}
SPEED_TABLES = {**BENCHMARK_TABLES, "codecs": codecs_table}


def speed_lines(name: str, folder: Path = BENCHMARK.parent) -> list[str]:
    """The lines of a table, with where and how it was measured below it; `folder` holds the reports."""
    path, command, below = (
        (
            folder / CODECS.name,
            "python -m tests.benchmarks.codecs --json docs/codecs.json",
            describe_codecs_measurement,
        )
        if name == "codecs"
        else (folder / BENCHMARK.name, "make benchmark", describe_measurement)
    )
    if not path.is_file():
        return [f"Not measured yet: `{command}`."]
    report = json.loads(path.read_text(encoding="utf-8"))
    return [*SPEED_TABLES[name](report), "", below(report)]


def describe_measurement(report: Report) -> str:
    """One sentence on machine, code and method."""
    inputs = ", ".join(f"{photo['name']} as {photo['network_input']}" for photo in report["photos"])
    return (
        f"{on_machine(report)}; {report['rounds']} interleaved rounds; network input: {inputs}; {with_code(report)}."
    )


def describe_codecs_measurement(report: Report) -> str:
    """One sentence on machine, method and versions."""
    missing = f" Not installed: {', '.join(report['missing'])}." if report["missing"] else ""
    return (
        f"{report['machine']['processor']}, one thread; {report['rounds']} interleaved rounds; "
        f"{versions(report['packages'])}.{missing}"
    )


def _speed_row(report: Report, row: Mapping[str, Any]) -> Sequence[str]:
    name = f"{row['model']}: {row['way']}"
    if row["error"]:
        return [f"{name}: failed, {row['error']}", *["–"] * 7]
    rate = next(
        (
            t["images_per_second"]
            for t in report["throughput"]
            if (t["model"], t["way"], t["clients"]) == (row["model"], row["way"], 16)
        ),
        None,
    )
    return [
        name,
        _ms({"p50": row["ms"]["p50"]}),
        _ms({"p50": row["ms"]["p95"]}),
        _times(row["times_ours"]),
        _rate(rate),
        "–" if row["peak_rss_bytes"] is None else f"{row['peak_rss_bytes'] / 1e6:.0f}",
        _percent(row["agreement"]),
        _percent(row["miou"]),
    ]


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.2f}"


def _ms(times: Mapping[str, float] | None) -> str:
    if times is None:
        return "–"
    return f"{times['p50']:.2f}" if times["p50"] < 10 else f"{times['p50']:.0f}"


def _rate(images_per_second: float | None) -> str:
    return "–" if images_per_second is None else f"{images_per_second:.2f}"


def _times(ratio: Mapping[str, float] | None) -> str:
    return "–" if ratio is None else f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"
