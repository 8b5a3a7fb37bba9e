"""A stand-in for Label Studio in tests: it serves pictures of tasks, and behaves as badly as it is told to."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = """<View>
  <Image name="photo" value="$picture"/>
  <BrushLabels name="tag" toName="photo">
    <Label value="Road"/><Label value="Ground" predicted_values="sidewalk"/><Label value="sky"/>
    <Label value="Car" predicted_values="vehicle, bus"/><Label value="Ufo"/>
  </BrushLabels>
</View>"""
POLYGONS = CONFIG.replace("BrushLabels", "PolygonLabels")


@dataclass
class LabelStudio:
    """What it does with a path; `asked` is what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Authorization
    wanted: str | None = None  # the Authorization without which it answers 401


@contextlib.contextmanager
def label_studio(**parts: object) -> Iterator[LabelStudio]:
    """It listens on a free port of this machine."""
    studio = LabelStudio(**parts)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            studio.asked.append((self.path, None))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(200, b'{"access": "five minutes of %s"}' % body.split(b'"')[3][-4:])

        def do_GET(self) -> None:
            studio.asked.append((self.path, self.headers.get("Authorization")))
            if studio.wanted and self.headers.get("Authorization") != studio.wanted:
                self._send(401, b"")
            elif self.path in studio.moved:
                self._send(302, b"", Location=studio.moved[self.path])
            elif self.path in studio.endless | studio.slow:
                self.send_response(200)
                self.end_headers()
                piece, pause = (b"x" * 65_536, 0.0) if self.path in studio.endless else (b"x", 0.05)
                with contextlib.suppress(OSError):
                    for _ in range(400):
                        self.wfile.write(piece)
                        time.sleep(pause)
            elif self.path in studio.files:
                self._send(200, studio.files[self.path])
            else:
                self._send(404, b"")

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    studio.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield studio
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
