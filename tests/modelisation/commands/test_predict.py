"""`predict` as it is called: masks of the photos' own size, in colours or as ids, without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.engines.openvino_compiler import Compiler
from back.runtime.layouts.listing import REASONS
from back.runtime.predictor import Predictor
from modelisation.__main__ import main
from modelisation.outputs import compiled
from tests.modelisation.commands.folders import content_of, labels_in

ROOT = Path(__file__).parents[3]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
    return path


def test_masks_are_palette_pictures_of_the_photos_size(
    bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(bundle), str(photo), "--out", str(tmp_path / "out")]) == 0
    assert f"1 mask is in {tmp_path / 'out'}" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "photo.png") as mask:
        assert (mask.mode, mask.size) == ("P", (60, 40))
        labels = Predictor.load(bundle).predict(photo.read_bytes(), 10_000).labels_HW
        np.testing.assert_array_equal(np.asarray(mask), labels)


def test_a_second_run_compiles_nothing_and_gives_the_same_masks(
    bundle: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "COMPILED", tmp_path / "compiled")
    assert main(["predict", str(bundle), str(photo), "--out", str(tmp_path / "first")]) == 0
    assert list((tmp_path / "compiled").glob("*.network"))
    monkeypatch.setattr(Compiler, "_compile", None)
    assert main(["predict", str(bundle), str(photo), "--out", str(tmp_path / "second")]) == 0
    assert content_of(tmp_path / "first")["photo.png"] == content_of(tmp_path / "second")["photo.png"]


def test_confidence_lies_beside_the_mask_as_16_bit_grey(
    bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["predict", str(bundle), str(photo), "--out", str(out), "--confidence"]) == 0
    assert "no temperature" in capsys.readouterr().err
    with Image.open(out / "photo.confidence.png") as written:
        assert (written.mode, written.size) == ("I;16", (60, 40))
        predicted = Predictor.load(bundle).predict_array(np.asarray(Image.open(photo)), confidence=True)
        np.testing.assert_array_equal(np.asarray(written), predicted.confidence_HW)
    assert labels_in(out) == ["photo.confidence.png", "photo.png"]
    twin = tmp_path / "photo.confidence.jpg"
    twin.write_bytes(photo.read_bytes())
    arguments = ["predict", str(bundle), str(photo), str(twin), "--out", str(tmp_path / "two"), "--confidence"]
    assert main(arguments) == 2
    assert "photo.confidence.png would be both" in capsys.readouterr().err


def test_a_photo_that_is_none_is_named_and_the_others_are_written(
    bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    arguments = ["predict", str(bundle), str(tmp_path / "broken.jpg"), str(photo), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--classes"]) == 1
    assert "broken.jpg: " in capsys.readouterr().err
    with Image.open(tmp_path / "out" / "photo.png") as mask:
        assert mask.mode == "L"


def test_two_photos_of_one_name_are_refused(
    bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = tmp_path / "other" / "photo.png"
    twin.parent.mkdir()
    Image.new("RGB", (4, 4)).save(twin)
    assert main(["predict", str(bundle), str(photo), str(twin), "--out", str(tmp_path / "out")]) == 2
    assert "two photos are called photo" in capsys.readouterr().err


def test_no_torch_is_needed(bundle: Path, photo: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom modelisation.__main__ import main\n"
        f"sys.exit(main(['predict', {str(bundle)!r}, {str(photo)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two photos, as PNG: their masks would have their names."""
    folder = tmp_path / "pc"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(folder / name)
    return folder


@pytest.mark.parametrize("spelling", ["pc", "pc/.", "link", "sub/../pc", "pc/new/.."])
def test_masks_are_not_written_into_the_photos_own_folder(
    bundle: Path, photos: Path, tmp_path: Path, spelling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(photos, target_is_directory=True)
    (tmp_path / "sub").mkdir()
    (photos / "new").mkdir()
    before = content_of(tmp_path)
    assert main(["predict", str(bundle), str(photos), "--out", str(tmp_path / spelling)]) == 2
    assert "is the photos' own folder" in capsys.readouterr().err
    assert content_of(tmp_path) == before


def test_masks_are_not_written_into_the_current_folder_where_the_photos_lie(
    bundle: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_of(photos)
    monkeypatch.chdir(photos)
    assert main(["predict", str(bundle), "a.png", "--out", "."]) == 2
    assert main(["predict", str(bundle), "../pc/a.png", "--out", str(photos)]) == 2
    assert content_of(photos) == before


def test_a_folder_is_read_as_a_data_set_is_and_what_is_left_out_is_said(
    bundle: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "b.png").rename(photos / "B.PNG")
    (photos / "a.jpg").write_bytes((photos / "a.png").read_bytes())
    (photos / "._a.png").write_bytes(b"\0\5\x16\7 no picture")
    (photos / "c.tif").write_bytes(b"no photo that is read")
    (photos / "notes.txt").write_text("of no photo", encoding="utf-8")
    (photos / "ulm").mkdir()
    (photos / "ulm" / "d.png").write_bytes((photos / "a.png").read_bytes())
    out = photos / "masks"  # inside: what is written there is no photo and not spoken of
    for _ in range(2):
        assert main(["predict", str(bundle), str(photos), "--out", str(out)]) == 0
        assert sorted(path.name for path in out.glob("*.png")) == ["B.png", "a.png"]
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("predict: ")]
        assert said == [
            f"predict: {title}: 1: {photos / name}; {fix}"
            for title, name, fix in (
                ("file in a sub-folder, left out", "ulm/d.png", REASONS["in_subfolder"].fix),
                ("second file of one name, left out", "a.jpg (a.png is read)", REASONS["second_of_a_name"].fix),
                ("companion file of macOS, left out", "._a.png", REASONS["companion"].fix),
                ("file of a kind that is not read, left out", "c.tif", REASONS["other_format"].fix),
            )
        ]


def test_a_folder_whose_photos_all_lie_deeper_is_refused_with_the_reason(
    bundle: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(bundle), str(photos.parent), "--out", str(tmp_path / "out")]) == 2
    assert "holds no photo" in (said := capsys.readouterr().err)
    assert f"file in a sub-folder, left out: 2: {photos / 'a.png'}" in said


@pytest.mark.parametrize("how", ["symlink", "hardlink", "copy"])
def test_a_photo_under_a_masks_name_is_not_written_over(
    bundle: Path, photos: Path, tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if how == "symlink":
        (out / "b.png").symlink_to(photos / "b.png")
    elif how == "hardlink":
        (out / "b.png").hardlink_to(photos / "b.png")
    else:
        (out / "b.png").write_bytes((photos / "b.png").read_bytes())
    before = content_of(tmp_path)
    assert main(["predict", str(bundle), str(photos), "--out", str(out)]) == 2
    assert "b.png" in capsys.readouterr().err
    assert content_of(tmp_path) == before, "not even the first mask is written"


def test_our_own_masks_are_replaced_and_a_changed_one_is_not(bundle: Path, photos: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(bundle), str(photos), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert main([*arguments, "--classes"]) == 0
    with Image.open(tmp_path / "out" / "a.png") as mask:
        assert mask.mode == "L"
    (tmp_path / "out" / "a.png").write_bytes(b"touched up by hand")
    before = content_of(tmp_path / "out")
    assert main(arguments) == 2
    assert content_of(tmp_path / "out") == before


def test_the_first_photo_is_labelled_by_a_network_of_its_size_as_evaluate_does(
    bundle: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[object, ...]] = []
    predict = Predictor.predict_array
    steady = Predictor.steady
    monkeypatch.setattr(
        Predictor, "steady", lambda one, *size: (steps.append(("steady", *size)), steady(one, *size))[1]
    )

    def noted(predictor: Predictor, image: object, **named: object) -> object:
        steps.append(("predict",))
        return predict(predictor, image, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Predictor, "predict_array", noted)
    second = photo.with_name("second.jpg")
    second.write_bytes(photo.read_bytes())
    before = len(steps)
    assert main(["predict", str(bundle), str(photo), str(second), "--out", str(tmp_path / "out")]) == 0
    after_loading = steps[before:]
    assert after_loading[-3:] == [("steady", 40, 60), ("predict",), ("predict",)]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("coco", {"instances.json"}),
        ("polygons", {"photo.json"}),
        ("geojson", {"photo.geojson"}),
        ("cvat", {"labelmap.txt", "ImageSets", "SegmentationClass"}),
    ],
)
def test_labels_are_written_for_other_tools(
    form: str, expected: set[str], bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predict", str(bundle), str(photo), "--out", str(tmp_path / "out"), "--format", form]
    assert main(arguments) == 0
    assert set(labels_in(tmp_path / "out")) == expected
    assert main(arguments) == 0  # ours, so they may be written again
    assert main([*arguments, "--classes"]) == 2
    assert "--classes is of masks" in capsys.readouterr().err
