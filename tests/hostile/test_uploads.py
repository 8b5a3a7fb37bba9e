"""Uploads that are no photos, or want to be more than one: each is refused with a sentence, none costs the server."""

import io
import select
import socket
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from back.main import create_app
from tests.api import PHOTO, Store, listening, noise_png, serving
from tests.hostile.figures import LONG, answered

_BOUNDARY = "b0undary"
_FORM = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _jpeg(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)).save(
        buffer, "JPEG", **options
    )
    return buffer.getvalue()


def _gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (20, 20)).save(buffer, "GIF")
    return buffer.getvalue()


def _part(name: str, data: bytes, extra: str = '; filename="x"') -> bytes:
    return f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + data + b"\r\n"


def _post(api: TestClient, figure: str, **request: Any) -> Any:
    start = time.perf_counter()
    response = api.post("/predict", **request)
    answered(figure, response.status_code, time.perf_counter() - start)
    return response


_END = f"--{_BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"hello", 415, id="text"),
        pytest.param(_gif(), 415, id="gif"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, id="svg"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, id="eps"),
        pytest.param(b"MZ" + bytes(500), 415, id="program"),
        pytest.param(PHOTO[: len(PHOTO) // 2], 400, id="half a png"),
        pytest.param(_jpeg()[:2000], 400, id="half a jpeg"),
        pytest.param(_jpeg()[:3], 400, id="three bytes of a jpeg"),
        pytest.param(PHOTO[:40] + bytes(200) + PHOTO[240:], 400, id="zeros inside"),
        pytest.param(_png(60_000, 60_000, zlib.compress(bytes(1000))), 413, id="bomb by size"),
        pytest.param(_png(2**31 - 1, 2**31 - 1, b""), 413, id="largest size there is"),
        pytest.param(_png(0, 0, b""), 400, id="no pixels"),
        pytest.param(_png(9, 9, zlib.compress(bytes(50_000_000), 9)), None, id="bomb behind a small size"),
        pytest.param(_png(8000, 7000, zlib.compress(bytes(100), 9)), 400, id="large and cut off"),
    ],
)
def test_no_photo_is_refused_with_a_sentence(api: TestClient, data: bytes, status: int | None) -> None:
    response = _post(api, "uploads that are no photos", files={"image": ("x", data)})
    if status is not None:
        assert response.status_code == status
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"].endswith(".")
    assert api.post("/predict", files={"image": PHOTO}).status_code == 200


@settings(
    max_examples=2000 if LONG else 60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_damage_to_a_photo_is_a_mask_or_a_problem(api: TestClient, data: st.DataObject) -> None:
    photo = bytearray(data.draw(st.sampled_from([PHOTO, _jpeg(), _jpeg(progressive=True)])))
    for _ in range(data.draw(st.integers(1, 8))):
        photo[data.draw(st.integers(0, len(photo) - 1))] = data.draw(st.integers(0, 255))
    upload = bytes(photo[: data.draw(st.integers(0, len(photo)))])
    response = _post(api, "photos with damage", files={"image": upload})
    assert response.status_code in (200, 400, 413, 415)


@settings(
    max_examples=2000 if LONG else 60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400), st.booleans())
def test_any_body_is_a_problem(api: TestClient, junk: bytes, framed: bool) -> None:
    body = _part("image", junk) + junk if framed else junk
    response = _post(api, "bodies of anything", content=body, headers=_FORM)
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/problem+json"


def test_declared_type_does_not_matter_the_bytes_do(api: TestClient) -> None:
    assert api.post("/predict", files={"image": ("x.exe", PHOTO, "application/x-msdownload")}).status_code == 200
    assert api.post("/predict", files={"image": ("photo.png", b"hello", "image/png")}).status_code == 415


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"content-type": "image/png"}, PHOTO, 415, id="raw image"),
        pytest.param({"content-type": "application/json"}, b"{}", 415, id="json"),
        pytest.param({}, PHOTO, 415, id="no type"),
        pytest.param({"content-type": "multipart/form-data"}, PHOTO, 400, id="no boundary"),
        pytest.param(_FORM, b"", 422, id="empty form"),
        pytest.param(_FORM, b"junk", 400, id="no form"),
        pytest.param(_FORM, _part("file", PHOTO) + _END, 422, id="another field"),
        pytest.param(_FORM, _part("image", PHOTO, "") + _END, 422, id="text instead of a file"),
        pytest.param(_FORM, _part("image", b"photo.jpg", "") + _END, 422, id="forgotten @"),
        pytest.param(_FORM, _part("image", PHOTO) + _part("x", b"") + _END, 422, id="unknown field"),
        pytest.param(_FORM, _part("image", PHOTO) * 2 + _END, 422, id="sent twice"),
        pytest.param(_FORM, _part("image", PHOTO) * 9 + _END, 400, id="nine files"),
        pytest.param(_FORM, _part("image", PHOTO) + _part("t", b"", "") * 99 + _END, 400, id="99 fields"),
        pytest.param(_FORM, f"--{_BOUNDARY}\r\n\r\n".encode() + _END, 400, id="part without a name"),
    ],
)
def test_wrong_form_is_refused_with_a_sentence(
    api: TestClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    response = _post(api, "wrong forms", content=body, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.json()["detail"]) > 20


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 1000, "x\x00y", "💥.png", '"; name="image'])
def test_file_name_has_no_effect(api: TestClient, name: str) -> None:
    assert api.post("/predict", files={"image": (name, PHOTO)}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/models/../../etc/passwd",
        "/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/models/segformer%2f..%2f..",
        "/models/segformer@..%2f..%2fx",
        "/models/%00",
        "/models/" + "a" * 3000,
        "/models/segformer'%20OR%20'1'='1",
        "/runs/..%2f..%2fetc%2fpasswd",
        "/runs/%27%20OR%201=1",
        "/classes?model=../../../etc/passwd",
        "/runs?model=%27%20OR%20%271%27=%271",
    ],
)
def test_tricks_in_names_are_404(api: TestClient, path: str) -> None:
    response = api.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.text) < 1000


def test_body_over_the_limit_is_413_declared_or_not(store: Store) -> None:
    store.add()
    large = noise_png(600, 600)
    with serving(create_app(store.settings(max_image_mb=0.5))) as client:
        declared = client.post("/predict", files={"image": large})
        body = _part("image", large) + _END
        pieces = (body[i : i + 50_000] for i in range(0, len(body), 50_000))
        streamed = client.post("/predict", content=pieces, headers=_FORM)
        for response in (declared, streamed):
            assert response.status_code == 413
            assert response.headers["content-type"] == "application/problem+json"
            assert "0.5 MB" in response.json()["detail"]
        assert client.post("/predict", files={"image": PHOTO}).status_code == 200


def test_endless_body_is_answered_at_the_limit(store: Store) -> None:
    store.add()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: {_FORM['content-type']}\r\n"
    piece = b"%x\r\n%b\r\n" % (100_000, bytes(100_000))
    first = _part("image", b"")[:-2]
    with listening(create_app(store.settings(max_image_mb=2))) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(first):x}\r\n".encode() + first + b"\r\n")
            sent = 0
            while not select.select([client], [], [], 0.005)[0] and sent < 100_000_000:
                client.sendall(piece)
                sent += len(piece)
            answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 30_000_000  # the limit and what the sockets between hold


def test_photo_over_the_pixel_limit_is_413(store: Store) -> None:
    store.add()
    with serving(create_app(store.settings(max_image_megapixels=0.01))) as client:
        response = client.post("/predict", files={"image": noise_png(101, 100)})
        assert response.status_code == 413
        assert "0.01 megapixels" in response.json()["detail"]
        assert client.post("/predict", files={"image": noise_png(100, 100)}).status_code == 200
