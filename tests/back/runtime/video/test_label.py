"""A clip from file to file: each frame gets what the photo of the same pixels gets, whatever the clip is like."""

import contextlib
import csv
import io
import zipfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from back.runtime.masks.colour import overlay, palette_of
from back.runtime.predictor import Predictor
from back.runtime.video.clip import Frame, open_clip
from back.runtime.video.label import ClipFiles, ClipOptions, ClipReport, label_clip
from back.runtime.video.limits import OWN_FILES, ClipError, ClipLimits
from tests.bundles import make_bundle, png_bytes
from tests.clips import make_clip, moving_stripes

UInt8Array = npt.NDArray[np.uint8]
CAR_DETECTION = Path(__file__).parents[4].parent / "shared" / "video" / "car-detection.mp4"


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor.load(make_bundle(tmp_path_factory.mktemp("bundle")), precision="fp32")


def _label(predictor: Predictor, clip: Path, **options: object) -> tuple[ClipReport, Path]:
    out = clip.parent
    files = ClipFiles(out / "overlay.mp4", out / "classes.zip", out / "shares.csv")
    return label_clip(predictor, clip, files, ClipOptions(**options)), out  # type: ignore[arg-type]


def _class_maps(path: Path) -> dict[str, UInt8Array]:
    with zipfile.ZipFile(path) as file:
        return {name: np.asarray(Image.open(io.BytesIO(file.read(name)))) for name in file.namelist()}


def _photos(clip: Path) -> list[UInt8Array]:
    """Every frame as it is decoded, uint8 [height, width, 3]."""
    with open_clip(clip, OWN_FILES) as opened:
        return [opened.image(item) for item in opened.items() if isinstance(item, Frame)]


def _frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as file:
        return list(file.decode(video=0))


@pytest.mark.parametrize(
    ("name", "made_with"),
    [
        ("h264.mp4", {}),
        ("odd-sizes.mov", {"codec": "libx264", "pix_fmt": "yuv444p"}),
        ("hevc-10-bit.mkv", {"codec": "libx265", "pix_fmt": "yuv420p10le"}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("av1.mp4", {"codec": "libsvtav1", "pix_fmt": "yuv420p10le"}),
        ("phone.mp4", {"degrees": 90}),
    ],
)
def test_a_frame_gets_what_the_photo_of_its_pixels_gets(
    predictor: Predictor, tmp_path: Path, name: str, made_with: dict[str, object]
) -> None:
    height, width = (47, 95) if name.startswith("odd") else (64, 96)
    clip = make_clip(tmp_path / name, moving_stripes(4, height, width), **made_with)  # type: ignore[arg-type]
    report, out = _label(predictor, clip)
    assert (report.frames, report.notes) == (4, ())
    photos, maps = _photos(clip), list(_class_maps(out / "classes.zip").values())
    turned = "degrees" in made_with
    assert photos[0].shape == ((width, height, 3) if turned else (height, width, 3))
    for photo, labels_HW in zip(photos, maps, strict=True):
        assert np.array_equal(labels_HW, predictor.predict(png_bytes(photo), 10_000).labels_HW)
    # The overlay shows each at its size (made even for H.264), as an overlay of the photo would.
    shown = _frames(out / "overlay.mp4")[2]
    assert (shown.height, shown.width) == tuple(side + side % 2 for side in photos[0].shape[:2])
    wanted = overlay(photos[2], maps[2], palette_of(predictor.card.taxonomy))
    picture = shown.to_ndarray(format="rgb24")[: wanted.shape[0], : wanted.shape[1]]
    assert np.abs(picture.astype(int) - wanted).mean() < 8


def test_the_first_frame_of_a_phones_clip_stands_upright(predictor: Predictor, tmp_path: Path) -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:16, :32] = 255  # the corner at the upper left
    corners = {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}  # where it is after a turn to the right
    for degrees, corner in corners.items():
        photo = _photos(make_clip(tmp_path / f"{degrees}.mp4", [picture] * 2, degrees=degrees))[0]
        bright = [[photo[y, x].mean() > 128 for x in (0, -1)] for y in (0, -1)]
        assert bright[corner[0]][corner[1]], degrees
        assert np.sum(bright) == 1, degrees


def test_times_that_vary_are_kept(predictor: Predictor, tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.9, 1.0]
    _, out = _label(predictor, make_clip(tmp_path / "clip.mp4", moving_stripes(5), times=times))
    assert [float(frame.time) for frame in _frames(out / "overlay.mp4")] == pytest.approx(times, abs=0.002)
    with (out / "shares.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["seconds"]) for row in rows] == pytest.approx(times, abs=0.002)
    maps = _class_maps(out / "classes.zip")
    assert float(rows[3]["road"]) == pytest.approx((maps["000003.png"] == 0).mean(), abs=1e-6)


def test_what_is_done_can_be_watched_meanwhile(predictor: Predictor, tmp_path: Path) -> None:
    clip, growing = make_clip(tmp_path / "clip.mp4", moving_stripes(60, 32, 64)), tmp_path / "growing.mp4"
    seen: list[bytes] = []
    files = ClipFiles(overlay=tmp_path / "overlay.mp4", growing=growing)
    label_clip(predictor, clip, files, progress=lambda _: seen.append(growing.read_bytes()))
    assert not growing.exists(), "the whole film is there"
    whole = _frames(tmp_path / "overlay.mp4")
    assert len(whole) == 60
    counts = []
    for data in sorted({data for data in seen if data}, key=len):
        (tmp_path / "seen.mp4").write_bytes(data)
        frames = _frames(tmp_path / "seen.mp4")
        counts.append(len(frames))
        assert [frame.time for frame in frames] == pytest.approx([frame.time for frame in whole[: len(frames)]])
        assert np.array_equal(frames[-1].to_ndarray(), whole[len(frames) - 1].to_ndarray())
    assert counts == sorted(set(counts)), "it grows by whole pieces"
    assert len(counts) >= 2
    assert counts[0] == 20, "two seconds, from a frame that needs no other to the next"


def test_each_third_frame(predictor: Predictor, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", moving_stripes(7))
    every, _ = _label(predictor, clip, every=3)
    assert (every.frames, every.decoded) == (3, 7)
    assert list(_class_maps(tmp_path / "classes.zip")) == ["000000.png", "000003.png", "000006.png"]
    assert [float(frame.time) for frame in _frames(tmp_path / "overlay.mp4")] == pytest.approx([0, 0.3, 0.6])


@pytest.mark.parametrize(("name", "sound"), [("clip.mp4", "aac"), ("clip.mkv", "libopus")])
def test_the_sound_is_kept(predictor: Predictor, tmp_path: Path, name: str, sound: str) -> None:
    clip = make_clip(tmp_path / name, moving_stripes(10), sound=sound)
    _, out = _label(predictor, clip)
    heard = []
    for path in (clip, out / "overlay.mp4"):
        with av.open(str(path)) as file:
            assert path == clip or file.streams.audio[0].codec_context.name == "aac"
            heard.append(sum(frame.samples for frame in file.decode(audio=0)))
    assert heard[1] == pytest.approx(heard[0], rel=0.1)


def test_class_maps_as_a_video_without_loss(predictor: Predictor, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", moving_stripes(3, 47, 95), pix_fmt="yuv444p")
    label_clip(predictor, clip, ClipFiles(classes=tmp_path / "classes.mkv"))
    label_clip(predictor, clip, ClipFiles(classes=tmp_path / "classes.zip"))
    maps = _class_maps(tmp_path / "classes.zip").values()
    for frame, labels_HW in zip(_frames(tmp_path / "classes.mkv"), maps, strict=True):
        assert np.array_equal(frame.to_ndarray(format="gray"), labels_HW)


def test_what_can_be_decoded_of_a_damaged_clip_is_labelled_and_the_rest_said(
    predictor: Predictor, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 96, 3), np.uint8)
    options = {"movflags": "faststart", "g": "1"}
    whole = make_clip(tmp_path / "clip.mkv", list(noise), options=options).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    report, _ = _label(predictor, cut)
    assert 5 < report.frames < 15
    assert any("breaks off after" in note for note in report.notes), report.notes
    holes = tmp_path / "holes.mkv"
    middle = len(whole) // 2
    holes.write_bytes(whole[: middle - 3000] + bytes(6000) + whole[middle + 3000 :])
    report, _ = _label(predictor, holes)
    assert 10 < report.frames <= 20
    assert report.notes, "something of it was damaged"


@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        (b"", 400, "empty file"),
        (b"GIF89a" + bytes(100), 415, "no MP4, MOV, WEBM or MKV"),
        (b"#EXTM3U\n/etc/passwd\n" + bytes(100), 415, "no MP4, MOV, WEBM or MKV"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(500), 400, "cannot be opened"),
        (b"\x1aE\xdf\xa3" + bytes(500), 400, "cannot be opened"),
    ],
)
def test_what_is_no_clip_is_refused_with_a_sentence(
    predictor: Predictor, tmp_path: Path, data: bytes, status: int, sentence: str
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(data)
    with pytest.raises(ClipError, match=sentence) as caught:
        _label(predictor, clip)
    assert caught.value.status == status


def test_a_clip_whose_end_is_missing_where_its_index_was_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", moving_stripes(5))
    clip.write_bytes(clip.read_bytes()[:-400])
    with pytest.raises(ClipError, match="cannot be opened"):
        _label(predictor, clip)


def test_other_codecs_and_files_without_pictures_are_refused(predictor: Predictor, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", moving_stripes(2), codec="mjpeg", pix_fmt="yuvj420p")
    with pytest.raises(ClipError, match="pictures are mjpeg; H"):
        _label(predictor, clip)
    song = tmp_path / "song.mkv"
    with av.open(str(song), "w") as file:
        tone = file.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        file.mux(tone.encode(frame))
        file.mux(tone.encode())
    with pytest.raises(ClipError, match="holds no moving pictures"):
        _label(predictor, song)


def test_limits_hold_before_anything_is_decoded(predictor: Predictor, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", moving_stripes(10))
    for limits, sentence in (
        (ClipLimits(100, 10**6, 60), "more than the 0.0001 MB"),
        (ClipLimits(10**6, 1000, 60), "frames of 96 x 48 pixels, more than the 0.001 megapixels"),
        (ClipLimits(10**6, 10**6, 0.5), "longer than the 0.00833333 minutes"),
    ):
        with pytest.raises(ClipError, match=sentence) as caught, open_clip(clip, limits):
            pass
        assert caught.value.status == 413


def test_a_length_that_the_header_hides_is_found_while_it_is_read(predictor: Predictor, tmp_path: Path) -> None:
    live = make_clip(tmp_path / "clip.mkv", moving_stripes(10), options={"live": "1"})
    data = live.read_bytes().replace(b"\x44\x89", b"\xec\x89")  # the element Duration becomes one that is passed over
    live.write_bytes(data)
    limits = ClipLimits(10**6, 10**6, 0.5)
    with open_clip(live, limits) as clip:
        assert clip.seconds is None
        with pytest.raises(ClipError, match="longer than"):
            list(clip.items())


def test_any_damage_to_a_clip_is_told_in_a_sentence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ways = {"a.mp4": {"codec": "libx264"}, "b.webm": {"codec": "libvpx-vp9"}, "c.mkv": {"codec": "libx265"}}
    for name, made_with in ways.items():
        whole = make_clip(tmp_path / name, moving_stripes(6), sound="libopus", **made_with).read_bytes()
        for case in range(40):
            data = bytearray(whole)
            for _ in range(1 + case % 5):
                start, size = int(rng.integers(0, len(data))), int(rng.integers(1, 40))
                data[start : start + size] = rng.bytes(size)
            if case % 3 == 0:
                del data[int(rng.integers(1, len(data))) :]
            damaged = tmp_path / "damaged"
            damaged.write_bytes(data)
            with contextlib.suppress(ClipError), open_clip(damaged, ClipLimits(10**6, 10**5, 60)) as clip:
                for item in clip.items():
                    if isinstance(item, Frame):
                        assert clip.image(item).shape == (clip.height, clip.width, 3)


def test_work_ends_when_progress_raises(predictor: Predictor, tmp_path: Path) -> None:
    class CancelledError(Exception):
        pass

    def cancel(progress: object) -> None:
        raise CancelledError

    clip = make_clip(tmp_path / "clip.mp4", moving_stripes(30), sound="aac")
    with pytest.raises(CancelledError):
        label_clip(predictor, clip, ClipFiles(tmp_path / "overlay.mp4"), progress=cancel)


@pytest.mark.skipif(not CAR_DETECTION.is_file(), reason="shared/video/car-detection.mp4 is not beside the clone")
def test_a_camera_s_own_clip(predictor: Predictor, tmp_path: Path) -> None:
    files = ClipFiles(tmp_path / "overlay.mp4", None, tmp_path / "shares.csv")
    report = label_clip(predictor, CAR_DETECTION, files, ClipOptions(every=40))
    assert (report.frames, report.decoded, report.height, report.width, report.notes) == (10, 377, 432, 768, ())
    with av.open(str(tmp_path / "overlay.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
