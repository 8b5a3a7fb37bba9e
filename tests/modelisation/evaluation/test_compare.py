"""`compare`: what may stand side by side, what it says, and what it writes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.taxonomy import STREET8
from modelisation.data.open import open_dataset
from modelisation.evaluation.compare import compare_records
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.inference import InferenceOptions
from modelisation.provenance import REPOSITORY, git_state, package_versions
from modelisation.reports.comparison import markdown, training_steps, write_report
from modelisation.reports.comparison_in_mlflow import log_report
from modelisation.reports.evaluation import conditions
from tests.api import Store, empty_database, store
from tests.bundles import make_bundle, paint, stripes

__all__ = ["empty_database", "store"]
FINE, COARSE = "fine", "coarse"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, of which one scores on a coarser grid, and eight pictures of as many streets."""
    root = tmp_path_factory.mktemp("compare")
    make_bundle(root, name=FINE, score_stride=4)
    make_bundle(root, name=COARSE, score_stride=32)
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (root / "data" / "val" / name).mkdir(parents=True)
    for i in range(8):
        labels = np.roll(stripes(64, 128, 8), int(rng.integers(0, 128)), 1)
        labels[:32] = labels[:32, ::-1]
        Image.fromarray(paint(labels, STREET8)).save(root / "data" / "val" / "images" / f"street_{'abcdefgh'[i]}.png")
        Image.fromarray(labels).save(root / "data" / "val" / "labels" / f"street_{'abcdefgh'[i]}.png")
    return root


@pytest.fixture(scope="module")
def records(root: Path) -> list[dict]:
    data = open_dataset(root / "data", "val")
    options = EvaluationOptions(calibration=True, latency_runs=2)
    return [evaluate(root / name, data, options) for name in (FINE, COARSE)]


def test_finer_model_is_better_and_the_sentence_says_so(records: list[dict]) -> None:
    report = compare_records(records)
    (difference,) = report["differences"]
    assert difference["estimate"] == pytest.approx(records[0]["miou"] - records[1]["miou"])
    assert difference["low"] > 0
    assert difference["sentence"].startswith("fine is better than coarse by ")
    assert report["blocks"] == 8
    assert "per_image" not in report["models"][0]


def test_frames_of_one_clip_have_no_interval(records: list[dict]) -> None:
    clip = [
        record | {"per_image": [image | {"sequence": "clip"} for image in record["per_image"]]} for record in records
    ]
    report = compare_records(clip)
    assert report["blocks"] == 1
    assert report["differences"][0]["sentence"].endswith("no interval: one scene")
    assert report["differences"][0]["low"] is None


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("taxonomy", "cityscapes19", "different classes"),
        ("split_sha256", "f" * 64, "different splits"),
        ("images", 7, "different numbers of images"),
    ],
)
def test_other_taxonomies_and_splits_are_refused(records: list[dict], key: str, value: object, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        compare_records([records[0], records[1] | {key: value}])


def test_same_images_in_another_order_are_paired_by_name(records: list[dict]) -> None:
    turned = records[1] | {"per_image": records[1]["per_image"][::-1]}
    assert compare_records([records[0], turned])["differences"] == compare_records(records)["differences"]


def test_models_of_one_name_are_told_apart(records: list[dict]) -> None:
    other = records[0] | {"model_sha256": "abcdef123"}
    labels = [m["label"] for m in compare_records([records[0], other, other])["models"]]
    assert len(set(labels)) == 3
    assert labels[1].startswith("fine abcdef")


def test_markdown_holds_the_numbers_of_the_records(records: list[dict]) -> None:
    text = markdown(compare_records(records), {"IoU of each class": "class_iou.png"})
    for record in records:
        assert f"{100 * record['miou']:.2f}" in text
        assert f"{100 * record['class_iou']['sky']:.2f}" in text
        assert record["engine"] in text
        assert f"{100 * record['calibration']['ece']:.2f}" in text
        assert f"{100 * record['calibration']['class_ece']['sky']:.2f}" in text
        total = record["latency"]["ms"]["total"]
        assert f"| total | {total['p50']:.1f} | {total['p95']:.1f} | {total['p99']:.1f} |" in text
        assert conditions(record["latency"]) in text
    assert "![IoU of each class](class_iou.png)" in text
    assert "fine is better than coarse" in text


def test_report_and_figures_are_written_and_logged(
    records: list[dict],
    tmp_path: Path,
    store: Store,
) -> None:
    report = compare_records(records)
    files = write_report(report, tmp_path / "out")
    assert {file.name for file in files} == {
        "report.md", "report.json", "class_iou.png", "accuracy_latency.png", "reliability.png",
        "confusion_fine.png", "confusion_coarse.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8")) == report
    for file in files:
        if file.suffix == ".png":
            assert min(Image.open(file).size) > 300
    run_id = log_report(report, files, store.uri)
    logged = store.client.get_run(run_id)
    assert logged.data.metrics["fine/miou"] == pytest.approx(records[0]["miou"])
    assert logged.data.metrics["coarse/ece"] == pytest.approx(records[1]["calibration"]["ece"])
    tags = logged.data.tags
    assert (tags["split_sha256"], tags["taxonomy"]) == (report["split_sha256"], "street8")
    (used,) = logged.inputs.dataset_inputs
    assert json.loads(used.dataset.profile)["split_sha256"] == report["split_sha256"]
    assert tags["mlflow.note.content"].startswith("fine and coarse on the ")
    code = git_state()
    assert (tags["git_commit"], tags["git_dirty"]) == (code["git_commit"], str(code["git_dirty"]).lower())
    assert json.loads(tags["packages"]) == package_versions()
    assert {a.path for a in store.client.list_artifacts(run_id)} == {file.name for file in files}


def test_what_was_not_measured_leaves_its_figure_out(records: list[dict], tmp_path: Path) -> None:
    files = write_report(compare_records([records[0] | {"latency": None, "calibration": None}]), tmp_path)
    assert not {"accuracy_latency.png", "reliability.png"} & {file.name for file in files}


def test_report_names_no_folder_of_this_machine(root: Path, records: list[dict]) -> None:
    report = json.dumps(compare_records(records))
    assert str(root) not in report
    assert str(REPOSITORY) not in report


def test_a_store_that_does_not_answer_is_one_sentence(records: list[dict]) -> None:
    with pytest.raises(UserError, match="does not answer"):
        log_report(compare_records(records), [], "http://127.0.0.1:9")


def test_options_of_the_inference_are_told(root: Path) -> None:
    options = EvaluationOptions(inference=InferenceOptions(flip=True, window=(64, 64)), latency_runs=0)
    record = evaluate(root / FINE, open_dataset(root / "data", "val"), options)
    text = markdown(compare_records([record]), {})
    assert "averaged with the mirrored photo" in text
    assert "sliding window 64x64" in text
    assert "| fine 64x64+flip |" in text


def test_steps_of_the_weights_that_a_run_began_with_are_told() -> None:
    assert training_steps({"steps": 1500}) == "1,500"
    assert training_steps({"steps": 1500, "steps_before": 10000}) == "10,000 + 1,500"
