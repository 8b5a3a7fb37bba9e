"""The file is loaded as cvat-cli loads it, and what it returns goes through cvat-sdk's own driver and checks."""

import argparse
import io
import logging
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import requests
from cvat_cli._internal.commands_all import COMMANDS
from cvat_cli._internal.common import FunctionLoader, configure_common_arguments
from cvat_cli._internal.parsers import parse_function_parameter
from cvat_sdk import models
from cvat_sdk.auto_annotation import BadFunctionError, annotate_task, driver
from PIL import Image

from back.guards.keys import add_key
from back.main import create_app
from back.runtime.taxonomy import STREET8
from modelisation.data.formats.shapes import fill
from modelisation.labelling import cvat_function
from modelisation.labelling.cvat_function import ApiError
from tests.api import HEIGHT, PHOTO, WIDTH, Store, empty_database, listening, shared_store, trusted, wait_until
from tests.bundles import paint, stripes

__all__ = ["empty_database", "shared_store", "trusted"]
FILE = Path(cvat_function.__file__)
IMAGE = Image.fromarray(paint(stripes(HEIGHT, WIDTH, 8), STREET8))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("keys") / "keys"
    return path, add_key(path, "cvat")


@pytest.fixture(scope="module")
def url(shared_store: Store, key: tuple[Path, str]) -> Iterator[str]:
    with listening(
        create_app(shared_store.settings(reload_seconds=3600, keys_file=key[0], max_image_megapixels=0.1))
    ) as address:
        wait_until(lambda: requests.get(f"{address}/readyz", timeout=5).ok, "the API")
        yield address


@pytest.fixture(autouse=True)
def with_key(monkeypatch: pytest.MonkeyPatch, key: tuple[Path, str]) -> None:
    monkeypatch.setenv("STREETSEG_API_KEY", key[1])


def load(*parameters: str) -> Any:
    """As `--function-file … -p NAME=TYPE:VALUE` does."""
    return FunctionLoader(None, FILE, dict(map(parse_function_parameter, parameters))).load()


def annotate(monkeypatch: pytest.MonkeyPatch, function: Any, labels: list[str], **options: bool) -> list[Any]:
    """The shapes that cvat-sdk's driver uploads for a task of one picture with these labels."""
    made = [
        SimpleNamespace(id=100 + i, name=name, type="any", attributes=[], sublabels=[])
        for i, name in enumerate(labels)
    ]
    sample = SimpleNamespace(frame_index=3, frame_name="a.jpg", media=SimpleNamespace(load_image=lambda: IMAGE))
    monkeypatch.setattr(driver, "TaskDataset", lambda *_, **__: SimpleNamespace(labels=made, samples=[sample]))
    sent: list[Any] = []

    def upload(action: str, task_id: int, patched_labeled_data_request: models.PatchedLabeledDataRequest) -> None:
        assert (action, task_id) == ("create", 5)
        sent.extend(patched_labeled_data_request.shapes)

    api = SimpleNamespace(partial_update_annotations=upload)
    client = SimpleNamespace(logger=logging.getLogger("cvat"), tasks=SimpleNamespace(api=api))
    annotate_task(client, 5, function, **options)
    return sent


def test_the_pages_command_is_one_that_cvat_cli_takes() -> None:
    page = (FILE.parents[2] / "docs" / "annotation-tools.md").read_text(encoding="utf-8")
    (command,) = [line for line in page.splitlines() if line.startswith("cvat-cli ")]
    parser = argparse.ArgumentParser()
    configure_common_arguments(parser)
    COMMANDS.configure_parser(parser)
    taken = parser.parse_args(shlex.split(command)[1:])
    assert (FILE.parents[2] / taken.function_file).samefile(FILE)
    assert taken.function_parameters == {"url": "http://127.0.0.1:8000", "model": "segformer"}
    assert (taken.task_id, taken.allow_unmatched_labels) == (12, True)


def wanted(url: str, key: str) -> np.ndarray:
    """What /predict says of the picture."""

    answer = requests.post(
        f"{url}/predict?output=classes&model=segformer",
        files={"image": PHOTO},
        headers={"X-API-Key": key},
        timeout=30,
    )
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def unpacked(points: list[float]) -> np.ndarray:
    """CVAT's mask: run lengths from the first outside on, and the box left, top, right, bottom, each inside it."""
    *runs, left, top, right, bottom = map(int, points)
    box = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(bottom - top + 1, right - left + 1)
    mask_HW = np.zeros((HEIGHT, WIDTH), bool)
    mask_HW[top : bottom + 1, left : right + 1] = box
    return mask_HW


def test_the_masks_are_the_models_to_the_pixel(
    url: str, key: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = load(f"url=str:{url}/", "model=str:segformer")
    assert [(label.name, label.id) for label in function.spec.labels] == [
        (one.name, one.id) for one in STREET8.classes
    ]
    shapes = annotate(monkeypatch, function, list(STREET8.names))
    labels_HW = wanted(url, key[1])
    assert len(shapes) == 8
    for shape in shapes:
        assert (shape.type.value, shape.frame, shape.source) == ("mask", 3, "auto")
        assert np.array_equal(unpacked(shape.points), labels_HW == shape.label_id - 100)


def test_polygons_where_they_are_asked_for(url: str, key: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    function = load(f"url=str:{url}", "model=str:segformer/1")
    shapes = annotate(monkeypatch, function, list(STREET8.names), conv_mask_to_poly=True)
    drawn_HW = np.full((HEIGHT, WIDTH), 255)
    for shape in shapes:
        assert shape.type.value == "polygon"
        drawn_HW[fill([np.reshape(shape.points, (-1, 2))], HEIGHT, WIDTH)] = shape.label_id - 100
    assert (drawn_HW == wanted(url, key[1])).mean() > 0.97


def test_classes_that_the_task_has_no_label_for_are_left_out_where_that_is_allowed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = load(f"url=str:{url}")  # the default model
    with pytest.raises(BadFunctionError, match="'sidewalk' is not in dataset"):
        annotate(monkeypatch, function, ["road"])
    (shape,) = annotate(monkeypatch, function, ["road"], allow_unmatched_labels=True)
    assert shape.label_id == 100


def test_errors_are_sentences_that_cvat_cli_prints_as_such(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ApiError.__base__, match=r"There is no model 'unet'. Known models: .*segformer"):
        load(f"url=str:{url}", "model=str:unet")
    with pytest.raises(ApiError.__base__, match=r"127\.0\.0\.1:9 does not answer .*; start it with"):
        load("url=str:http://127.0.0.1:9")
    function = load(f"url=str:{url}")
    with pytest.raises(ApiError.__base__, match=r"^long\.png: .+\.$"):
        function.detect(SimpleNamespace(frame_name="long.png", conv_mask_to_poly=False), Image.new("RGB", (400, 400)))
    monkeypatch.setenv("STREETSEG_API_KEY", "guess")
    with pytest.raises(ApiError.__base__, match="This key is not known"):
        load(f"url=str:{url}")


def test_it_waits_as_long_as_the_api_asks_it_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, waited, request = load(f"url=str:{url}"), [], requests.Session.request

    def busy(self: requests.Session, *args: Any, **parts: Any) -> requests.Response:
        if len(waited) >= 2:
            return request(self, *args, **parts)
        answer = requests.Response()
        answer.status_code, answer.headers["Retry-After"] = 503, "7"
        return answer

    monkeypatch.setattr(requests.Session, "request", busy)
    monkeypatch.setattr(cvat_function.time, "sleep", waited.append)
    assert len(function.detect(SimpleNamespace(frame_name="a", conv_mask_to_poly=False), IMAGE)) == 8
    assert waited == [7, 7]
