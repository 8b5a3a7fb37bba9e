"""`mlflow.pyfunc.load_model(...).predict(photo)`: what the API answers, without the API."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from PIL import Image

from back.runtime.card import ONNX_FILE, BundleError
from back.runtime.imaging import ImageError
from back.runtime.predictor import Predictor
from back.runtime.pyfunc import PhotoModel
from back.runtime.taxonomy import STREET8
from tests.api import Store, empty_database, new_store
from tests.bundles import paint, png_bytes, stripes

__all__ = ["empty_database"]
LABELS_HW = stripes(120, 250, 8)
PHOTO = paint(LABELS_HW, STREET8)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Store:
    """A store with one bundle, for tests that only read."""
    store = new_store(tmp_path_factory.mktemp("registered") / "store", empty_database)
    store.add()
    return store


@pytest.fixture(scope="module")
def folder(registered: Store) -> Path:
    """The bundle as MLflow stores it."""
    version = registered.client.get_model_version("segformer", "1")
    return Path(version.source.removeprefix("file://"))


@pytest.fixture(scope="module")
def model(registered: Store) -> mlflow.pyfunc.PyFuncModel:
    mlflow.set_tracking_uri(None)  # which takes the variable away where an earlier test had set another
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", registered.uri)
        return mlflow.pyfunc.load_model("models:/segformer@champion")


def test_a_path_bytes_and_pixels_give_the_label_map(model: mlflow.pyfunc.PyFuncModel, tmp_path: Path) -> None:
    data = png_bytes(PHOTO)
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    for photo in (path, str(path), data, bytearray(data), memoryview(data), PHOTO):
        labels = model.predict(photo)
        assert (labels.dtype, labels.shape) == (np.uint8, LABELS_HW.shape)
        assert (labels == LABELS_HW).mean() > 0.95


def test_labels_are_those_of_the_served_runtime(model: mlflow.pyfunc.PyFuncModel, folder: Path) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PHOTO).resize((1000, 480)).save(buffer, "JPEG", exif=exif)
    expected = Predictor.load(folder).predict(buffer.getvalue(), 10**7).labels_HW
    assert expected.shape == (1000, 480)
    np.testing.assert_array_equal(model.predict(buffer.getvalue()), expected)


def test_a_batch_as_the_signature_says_gives_raw_scores(model: mlflow.pyfunc.PyFuncModel) -> None:
    assert model.metadata.signature.inputs.to_dict() == [
        {"type": "tensor", "name": "image", "tensor-spec": {"dtype": "float32", "shape": (-1, 3, -1, -1)}}
    ]
    for height, width in ((64, 96), (32, 32)):
        scores = model.predict(np.zeros((2, 3, height, width), np.float32))["scores"]
        assert (scores.dtype, scores.shape) == (np.float32, (2, 8, height // 4, width // 4))


def test_the_onnx_flavour_stays_the_bare_network(model: mlflow.pyfunc.PyFuncModel, folder: Path) -> None:
    network = mlflow.onnx.load_model(str(folder))
    assert network.graph.input[0].name == "image"
    assert network.SerializeToString() == (folder / ONNX_FILE).read_bytes()


@pytest.mark.parametrize(
    "photo",
    [
        *(None, 3, 1.5, [PHOTO], {"image": PHOTO}, Image.fromarray(PHOTO), io.BytesIO(png_bytes(PHOTO))),
        *(PHOTO[..., 0], PHOTO[..., :1], PHOTO[..., :2], np.dstack([PHOTO, PHOTO[..., :1]]), PHOTO[None]),
        *(PHOTO.astype(np.float32), PHOTO / 255, PHOTO.astype(np.uint16), PHOTO.astype(int), PHOTO > 3),
        np.array([png_bytes(PHOTO)], object),
    ],
)
def test_anything_else_is_refused_with_what_it_takes(model: mlflow.pyfunc.PyFuncModel, photo: object) -> None:
    with pytest.raises(TypeError, match="a path, the bytes of its file, or RGB as uint8"):
        model.predict(photo)


def test_pixels_may_lie_in_memory_as_they_like(folder: Path) -> None:
    model = PhotoModel(folder)
    wide = np.zeros((*PHOTO.shape[:2], 6), np.uint8)
    wide[..., ::2] = PHOTO
    fixed = PHOTO.copy()
    fixed.flags.writeable = False
    expected = model.predict(PHOTO)
    for photo in (wide[..., ::2], fixed, np.asfortranarray(PHOTO), PHOTO[::-1].copy()[::-1]):
        np.testing.assert_array_equal(model.predict(photo), expected)
    assert model.predict(PHOTO[:1, :1]).shape == (1, 1)


def test_photos_and_batches_without_content_or_of_another_shape_are_refused(folder: Path) -> None:
    model = PhotoModel(folder)
    for photo in (PHOTO[:0], PHOTO[:, :0]):
        with pytest.raises(ValueError, match="no content"):
            model.predict(photo)
    for data in (b"", b"photo.png"):
        with pytest.raises(ImageError):
            model.predict(data)
    for shape in ((1, 4, 32, 32), (1, 32, 32, 3), (1, 3, 0, 32)):
        with pytest.raises(ValueError, match=r"float32 \[N, 3, H, W\], H and W multiples of 32; this is"):
            model.predict(np.zeros(shape, np.float32))


def test_a_damaged_photo_and_a_missing_file_are_said(model: mlflow.pyfunc.PyFuncModel, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="damaged"):
        model.predict(png_bytes(PHOTO)[:200])
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        model.predict(tmp_path / "gone.png")


def test_what_does_not_match_its_card_is_not_loaded(folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(folder, tmp_path / "changed")
    data = bytearray((folder / ONNX_FILE).read_bytes())
    data[100] ^= 1
    (folder / ONNX_FILE).write_bytes(data)
    with pytest.raises(BundleError, match="sha256"):
        mlflow.pyfunc.load_model(str(folder))


def test_a_bundle_in_mlflow_names_a_loader_and_holds_no_code(folder: Path) -> None:
    flavour = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
    assert set(flavour) == {"loader_module", "python_version"}
    assert {path.suffix for path in folder.iterdir()} <= {".onnx", ".safetensors", ".json", ""}


def test_without_the_project_mlflow_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    program = f"import mlflow; mlflow.pyfunc.load_model({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "ModuleNotFoundError: No module named 'back'"


def test_serving_imports_neither_the_loader_nor_mlflows(folder: Path) -> None:
    program = (
        "import sys, back.main; print([m for m in sys.modules if m in ('back.runtime.pyfunc', 'mlflow.pyfunc')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
