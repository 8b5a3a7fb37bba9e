"""`compare`: what may stand side by side, what it says, and what it writes."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import STREET8
from modelisation.data.open import open_dataset
from modelisation.evaluation.compare import ComparisonError, add_arguments, compare_records, run, write_report
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.inference import InferenceOptions
from modelisation.evaluation.latency import conditions
from modelisation.provenance import REPOSITORY, git_state, package_versions
from modelisation.registry.bundles import RegistryError
from modelisation.reports.comparison import markdown, training_steps
from modelisation.reports.comparison_in_mlflow import log_report
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
    with pytest.raises(ComparisonError, match=sentence):
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
    with pytest.raises(RegistryError, match="does not answer"):
        log_report(compare_records(records), [], "http://127.0.0.1:9")


def test_options_of_the_inference_are_told(root: Path) -> None:
    options = EvaluationOptions(inference=InferenceOptions(flip=True, window=(64, 64)), latency_runs=0)
    record = evaluate(root / FINE, open_dataset(root / "data", "val"), options)
    text = markdown(compare_records([record]), {})
    assert "averaged with the mirrored photo" in text
    assert "sliding window 64x64" in text
    assert "| fine 64x64+flip |" in text


def _runs(store: Store) -> list:
    experiment = store.client.get_experiment_by_name("streetseg")
    return list(store.client.search_runs([experiment.experiment_id])) if experiment else []


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_command_prints_the_table_writes_the_report_and_logs_it(
    root: Path, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    out, copy = tmp_path / "out", tmp_path / "quality.json"
    arguments = ("--data", str(root / "data"), "--out", str(out), "--latency-runs", "2", "--json", str(copy))
    assert run(parse(str(root / FINE), str(root / COARSE), *arguments)) == 0
    printed = capsys.readouterr().out
    assert "| fine |" in printed
    assert "fine is better than coarse" in printed
    assert (out / "report.md").read_text(encoding="utf-8").startswith("# data val: fine, coarse")
    assert copy.read_bytes() == (out / "report.json").read_bytes()
    (logged,) = _runs(store)
    assert logged.info.run_name == "compare fine coarse"


def test_command_sets_ways_to_infer_side_by_side(
    root: Path, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    arguments = ("--data", str(root / "data"), "--out", str(tmp_path), "--latency-runs", "0", "--no-log")
    assert run(parse(str(root / FINE), *arguments, "--inference", "served", "flip", "64x64")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "| mIoU-8 % |" in lines[0]
    assert "| ms while scoring |" in lines[0]
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| fine", "| fine flip", "| fine 64x64"]
    models = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["models"]
    assert [model["inference"]["flip"] for model in models] == [False, True, False]
    assert _runs(store) == []


def test_command_refuses_models_of_different_classes(root: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path, name="nineteen", classes=19)
    with pytest.raises(ComparisonError, match="different classes"):
        run(parse(str(root / FINE), str(tmp_path / "nineteen"), "--data", str(root / "data")))


def test_steps_of_the_weights_that_a_run_began_with_are_told() -> None:
    assert training_steps({"steps": 1500}) == "1,500"
    assert training_steps({"steps": 1500, "steps_before": 10000}) == "10,000 + 1,500"
