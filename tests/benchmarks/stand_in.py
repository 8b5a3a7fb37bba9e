"""A service in the place of MLflow or the API: answers 200, and starts two seconds later where it has no cache yet.

`python -m tests.benchmarks.stand_in PORT [CACHE]`
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

COLD_S = 2.0


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def main(port: str, *cache: str) -> None:
    for file in map(Path, cache):
        if not file.exists():
            time.sleep(COLD_S)
            file.touch()
    HTTPServer(("127.0.0.1", int(port)), _Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
