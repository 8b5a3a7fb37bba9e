"""The benchmark of graphics cards where there is none: it says so, and its measuring works on other engines."""

from pathlib import Path

import onnxruntime
import pytest

from tests.benchmarks.gpu import lines, main, measure_model
from tests.benchmarks.photos import Case
from tests.bundles import make_bundle, paint, png_bytes, stripes, taxonomy_of


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="ONNX Runtime for NVIDIA cards is here"
)
def test_without_a_card_it_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path / "none")]) == 1
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert sentence.startswith("nothing was measured: the engine cuda needs")


def test_rows_of_two_engines(tmp_path: Path) -> None:
    photo = png_bytes(paint(stripes(32, 64, 8), taxonomy_of(8)))
    case = Case("64x32 PNG", photo, 32, 64, None)
    rows = measure_model(make_bundle(tmp_path), case, 2, 0.05, ("onnxruntime", "openvino"))
    assert [row["engine"].split()[0] for row in rows] == ["onnxruntime", "openvino"]
    assert rows[0]["agreement"] > 0.99
    assert all(row["images_per_second"] > 0 for row in rows)
    assert len(lines({"rows": rows})) == 4
