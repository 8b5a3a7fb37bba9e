"""`evaluate` on a network whose answer is known, over folders written here."""

import json
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.confidence import CERTAIN
from back.runtime.errors import UserError
from back.runtime.predictor import Predictor
from back.runtime.scores.confusion import confusion_matrix
from modelisation.data.base import DatasetError
from modelisation.data.open import open_dataset
from modelisation.evaluation.boundary import BoundaryIoU
from modelisation.evaluation.calibration import CalibrationError
from modelisation.evaluation.compare import worst_images
from modelisation.evaluation.evaluate import EvaluationOptions, evaluate
from modelisation.evaluation.inference import InferenceOptions
from modelisation.evaluation.latency import STAGES, Served, measure_in_turn, measure_latency
from modelisation.evaluation.serving_memory import peak_rss_bytes, serving_peak_rss
from modelisation.reports.evaluation import format_record
from tests.bundles import make_bundle, paint, stripes

QUICK = EvaluationOptions(latency_runs=0)
SIZE = (128, 256)  # the bundle's pixel budget: nothing is resized


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles"), score_stride=1, stride=32)


@pytest.fixture(scope="module")
def predictor(bundle: Path) -> Predictor:
    return Predictor.load(bundle, precision="fp32")


@pytest.fixture
def folder(tmp_path: Path, predictor: Predictor) -> Path:
    """Two pictures painted in the classes' colours; the second one's label is wrong in its upper half."""
    for name in ("images", "labels"):
        (tmp_path / "val" / name).mkdir(parents=True)
    labels = stripes(*SIZE, 8)
    for stem in ("a", "b"):
        Image.fromarray(paint(labels, predictor.card.taxonomy)).save(tmp_path / "val" / "images" / f"{stem}.png")
    Image.fromarray(labels).save(tmp_path / "val" / "labels" / "a.png")
    wrong = labels.copy()
    wrong[:64] = (wrong[:64] + 1) % 8
    wrong[64:80] = 255
    Image.fromarray(wrong).save(tmp_path / "val" / "labels" / "b.png")
    return tmp_path


def test_scores_are_those_worked_out_by_hand(bundle: Path, predictor: Predictor, folder: Path) -> None:
    record = evaluate(bundle, open_dataset(folder, "val"), QUICK, predictor=predictor)
    # Of each class: 128 * 32 + 48 * 32 hits; 64 * 32 missed; 64 * 32 wrongly given.
    hits, missed = 176 * 32, 64 * 32
    assert record["miou"] == pytest.approx(hits / (hits + 2 * missed))
    assert record["pixel_accuracy"] == pytest.approx(hits / (hits + missed))
    assert record["confusion_matrix"][1][0] == missed
    assert record["images"] == 2
    assert record["taxonomy"] == "street8"
    assert record["split_sha256"] == open_dataset(folder, "val").split_sha256
    assert [image["miou"] for image in record["per_image"]] == [1.0, pytest.approx(48 / (48 + 2 * 64))]
    assert [image["name"] for image in worst_images(record, 1)] == ["b"]
    json.dumps(record, allow_nan=False)


def test_per_image_matrices_add_up_to_the_whole(bundle: Path, predictor: Predictor, folder: Path) -> None:
    record = evaluate(bundle, open_dataset(folder, "val"), QUICK, predictor=predictor)
    total = sum(np.array(image["confusion_matrix"]) for image in record["per_image"])
    assert (total == record["confusion_matrix"]).all()


def test_photos_at_a_time_are_counted_as_one_after_the_other_is(
    bundle: Path, predictor: Predictor, folder: Path
) -> None:
    noise = np.random.default_rng(0)
    for index in range(6):  # of several sizes, more than are in work at a time
        labels = stripes(128 - 32 * (index % 2), 256, 8)
        photo = paint(labels, predictor.card.taxonomy)
        photo[noise.random(labels.shape) < 0.2] = 0
        Image.fromarray(photo).save(folder / "val" / "images" / f"c{index}.png")
        Image.fromarray(np.roll(labels, index, 1)).save(folder / "val" / "labels" / f"c{index}.png")
    data = open_dataset(folder, "val")
    record = evaluate(bundle, data, EvaluationOptions(latency_runs=0, calibration=True), predictor=predictor)
    boundary, calibration = BoundaryIoU(8), CalibrationError(8)
    for sample, image in zip(data, record["per_image"], strict=True):
        alone = predictor.predict_array(sample.image, confidence=True)
        assert image["name"] == sample.name
        assert image["confusion_matrix"] == confusion_matrix(sample.label, alone.labels_HW, 8).tolist()
        boundary.add(sample.label, alone.labels_HW)
        assert alone.confidence_HW is not None
        calibration.add(sample.label, alone.labels_HW, alone.confidence_HW.astype(np.float32) / np.float32(CERTAIN))
    assert record["boundary"] == boundary.scores(data.taxonomy)
    assert record["calibration"] == calibration.scores(data.taxonomy)


def test_a_damaged_file_is_named(bundle: Path, predictor: Predictor, folder: Path) -> None:
    (folder / "val" / "labels" / "b.png").write_bytes(b"no label")
    with pytest.raises(DatasetError, match=r"b\.png"):
        evaluate(bundle, open_dataset(folder, "val"), QUICK, predictor=predictor)


def test_options_leave_the_scores_of_a_context_free_network_alone(
    bundle: Path, predictor: Predictor, folder: Path
) -> None:
    data = open_dataset(folder, "val")
    plain = evaluate(bundle, data, QUICK, predictor=predictor)
    options = EvaluationOptions(
        inference=InferenceOptions(flip=True, window=(64, 128)), calibration=True, latency_runs=0
    )
    careful = evaluate(bundle, data, options, predictor=predictor)
    assert careful["confusion_matrix"] == plain["confusion_matrix"]
    assert careful["inference"]["sliding_window"] == [64, 128]
    assert careful["inference"]["ms_per_image"] > 0
    assert 0 <= careful["calibration"]["ece"] <= 1
    assert plain["calibration"] is None


def test_latency_has_every_stage_and_what_it_depends_on(bundle: Path, predictor: Predictor, folder: Path) -> None:
    record = evaluate(bundle, open_dataset(folder, "val"), EvaluationOptions(latency_runs=4), predictor=predictor)
    latency = record["latency"]
    for stage in STAGES:
        p50, p95, p99 = (latency["ms"][stage][p] for p in ("p50", "p95", "p99"))
        assert 0 < p50 <= p95 <= p99
    assert latency["ms"]["total"]["p50"] >= latency["ms"]["infer"]["p50"]
    assert latency["runs"] == 4
    assert latency["machine"]["processor"]
    assert latency["precision"] == "fp32"
    assert latency["threads"] == predictor.engine.threads > 0
    # Of a process that only serves: it holds neither this test's libraries nor its data.
    assert 20e6 < latency["peak_rss_bytes"] < peak_rss_bytes()
    text = format_record(record)
    for stage in STAGES:
        p50, p95, p99 = latency["ms"][stage].values()
        assert f"| {stage} | {p50:.1f} | {p95:.1f} | {p99:.1f} |" in text
    assert f"openvino fp32 with {predictor.engine.threads} thread" in text
    assert "pixel budget 32,768" in text
    assert latency["machine"]["processor"] in text
    assert f"serves this model alone {latency['peak_rss_bytes'] / 1e6:.0f} MB" in text
    assert record["cost"]["file_size_bytes"] == (bundle / "model.onnx").stat().st_size
    assert record["lineage"]["git_commit"]


def test_network_of_the_photos_size_is_ready_before_the_clock_runs(
    bundle: Path, predictor: Predictor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    run_network = predictor.engine.run
    monkeypatch.setattr(predictor.engine, "prepare", lambda *size: calls.append(f"prepare {size}"))
    monkeypatch.setattr(predictor.engine, "run", lambda image: (calls.append("run"), run_network(image))[1])
    measure_latency(bundle, predictor, [open_dataset(folder, "val")[0].image], 1, warm_up=0)
    assert calls == [f"prepare {SIZE}", "run"]


def test_models_take_turns_so_that_a_busy_moment_meets_all_alike(
    bundle: Path, predictor: Predictor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    photo = open_dataset(folder, "val")[0].image
    models = [Served(bundle, replace(predictor, engine=copy(predictor.engine)), [photo]) for _ in "ab"]
    for name, model in zip("ab", models, strict=True):
        run_network = predictor.engine.run
        monkeypatch.setattr(
            model.predictor.engine,
            "run",
            lambda image, name=name, run=run_network: (order.append(name), run(image))[1],
        )
    first, second = measure_in_turn(models, 7, warm_up=2)
    assert "".join(order) == "aaaaaaabbbbbbbaaabbb"
    assert first["runs"] == second["runs"] == 7
    assert first["warm_up"] == 2


def test_latency_is_of_the_served_inference_alone(bundle: Path, predictor: Predictor, folder: Path) -> None:
    options = EvaluationOptions(inference=InferenceOptions(flip=True), latency_runs=4)
    assert evaluate(bundle, open_dataset(folder, "val"), options, predictor=predictor)["latency"] is None


def test_process_that_cannot_serve_gives_its_last_words(bundle: Path, predictor: Predictor) -> None:
    with pytest.raises(UserError, match="not a JPEG, PNG, WEBP, HEIC or AVIF"):
        serving_peak_rss(bundle, predictor, b"no photo")


def test_text_gives_the_calibration_error_of_each_class(bundle: Path, predictor: Predictor, folder: Path) -> None:
    options = EvaluationOptions(calibration=True, latency_runs=0)
    record = evaluate(bundle, open_dataset(folder, "val"), options, predictor=predictor)
    text = format_record(record)
    assert "| class | nearest-colour IoU % | nearest-colour ECE % |" in text
    for name, error in record["calibration"]["class_ece"].items():
        assert f"| {name} | {100 * record['class_iou'][name]:.2f} | {100 * error:.2f} |" in text


def test_other_taxonomy_is_refused(bundle: Path, predictor: Predictor, folder: Path) -> None:
    with pytest.raises(UserError, match="labelled in cityscapes7"):
        evaluate(bundle, open_dataset(folder, "val", "cityscapes7"), QUICK, predictor=predictor)


def test_official_protocol_needs_nineteen_classes(
    bundle: Path, predictor: Predictor, folder: Path, tmp_path: Path
) -> None:
    options = EvaluationOptions(latency_runs=0, predictions=tmp_path / "out")
    with pytest.raises(UserError, match="19 classes"):
        evaluate(bundle, open_dataset(folder, "val"), options, predictor=predictor)


def test_nineteen_classes_are_scored_by_the_official_protocol_too(tmp_path: Path) -> None:
    from back.runtime.taxonomy import CITYSCAPES19
    from modelisation.evaluation.cityscapes_protocol import to_label_ids

    images, truths = tmp_path / "leftImg8bit/val/town", tmp_path / "gtFine/val/town"
    images.mkdir(parents=True)
    truths.mkdir(parents=True)
    labels = stripes(*SIZE, 19)
    Image.fromarray(paint(labels, CITYSCAPES19)).save(images / "town_000000_000019_leftImg8bit.png")
    ids = to_label_ids(labels)
    Image.fromarray(ids).save(truths / "town_000000_000019_gtFine_labelIds.png")
    instances = np.where(ids >= 24, ids.astype(np.uint16) * 1000, ids).astype(np.uint16)
    Image.fromarray(instances).save(truths / "town_000000_000019_gtFine_instanceIds.png")
    bundle = make_bundle(tmp_path / "bundles", classes=19, score_stride=1)
    record = evaluate(
        bundle,
        open_dataset(tmp_path, "val", "cityscapes19"),
        EvaluationOptions(latency_runs=0, predictions=tmp_path / "out"),
        predictor=Predictor.load(bundle, precision="fp32"),
    )
    assert record["cityscapes"]["miou_classes"] == record["miou"] > 0.95
    assert record["cityscapes"]["images"] == 1
    assert "official protocol" in format_record(record)
    assert record["miou_8"] is None
