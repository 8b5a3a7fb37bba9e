"""A parity report as text for people."""

from collections.abc import Iterator
from typing import Any


def format_parity(report: dict[str, Any]) -> str:
    """The parity report as a small table."""
    return "\n".join(_lines(report))


def _lines(report: dict[str, Any]) -> Iterator[str]:
    reference = report["reference"]
    yield f"{report['images']} images of {report['dataset']} {report['split']}, against PyTorch fp32:"
    yield f"  {'engine':<20}{'pixels equal':>14}{'same tensor':>14}{'mIoU':>8}{'points':>9}{'infer p50':>12}"
    yield f"  {'torch fp32':<20}{'':>28}{100 * reference['miou']:8.2f}{'':>9}{reference['infer_ms']['p50']:9.1f} ms"
    for row in report["engines"]:
        yield (
            f"  {row['engine'] + ' ' + row['precision']:<20}{100 * row['pixel_agreement']:12.4f} %"
            f"{100 * row['tensor_agreement']:12.4f} %{100 * row['miou']:8.2f}{row['miou_delta_points']:+9.3f}"
            f"{row['infer_ms']['p50']:9.1f} ms  {'passed' if row['passed'] else 'FAILED'}"
        )
    for row in report["skipped"]:
        yield f"  {row['engine']} {row['precision']}: skipped, {row['reason']}"
