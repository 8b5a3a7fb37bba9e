"""A file as the body of a form, read while it is sent: `requests` alone would hold two more copies in memory."""

import os
import secrets
from collections.abc import Iterator
from typing import BinaryIO

_PIECE = 1 << 20


class FileForm:
    """A multipart form (RFC 7578) with one file, in `field` and under `name`.

    Its length is known, so it is not sent in chunks.
    """

    def __init__(self, field: str, name: str, file: BinaryIO) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece
        yield self._tail
