"""Photos in S3 and stores that speak as it does: by Arrow's own client, so that nothing more is installed.

Keys, profiles, regions and roles come from where the AWS tools have them (environment, ~/.aws, the machine's role);
`AWS_ENDPOINT_URL` names another store than Amazon's.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from back.runtime.errors import UserError
from modelisation.labelling.source import SCHEME

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem


def list_keys(url: str) -> list[str]:
    """URLs of the objects under a prefix, taken as a folder, with those of its sub-folders, in order; or the object.

    Raises:
        UserError: no such bucket, prefix or object, or the store does not answer.
    """
    from pyarrow.fs import FileSelector, FileType

    path = url.removeprefix(SCHEME).strip("/")
    if not path:
        raise UserError(f"{url}: names no bucket; write s3://bucket/prefix")
    try:
        store = _store(path.partition("/")[0])
        named = store.get_file_info(path)
        if named.type == FileType.File and not url.endswith("/"):
            return [SCHEME + path]
        if named.type == FileType.NotFound and "/" in path:
            raise UserError(f"{url}: no such prefix or object; look at its spelling, and write folders whole")
        inside = store.get_file_info(FileSelector(path, recursive=True))
    except OSError as error:
        raise UserError(f"{url} cannot be read ({_reason(error)})") from error
    return sorted(SCHEME + one.path for one in inside if one.type == FileType.File)


def read_object(url: str) -> bytes:
    """The content of an object.

    Raises:
        OSError: it is not there, or the store does not give it; its text is one sentence's part.
    """
    path = url.removeprefix(SCHEME)
    try:
        with _store(path.partition("/")[0]).open_input_file(path) as file:
            return bytes(file.readall())
    except OSError as error:
        raise OSError(_reason(error)) from error


@cache
def _store(bucket: str) -> "S3FileSystem":
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return fs.S3FileSystem(endpoint_override=endpoint)
    store, _ = fs.FileSystem.from_uri(SCHEME + bucket)  # asks in which region the bucket lies
    return store


def _reason(error: OSError) -> str:
    """What AWS's client said, without where in the code and to whom."""
    if isinstance(error, FileNotFoundError):
        return "no such object"
    text: Any = str(error).splitlines()[0]
    for begin in (" operation: ", "AWS Error "):
        text = text.partition(begin)[2] or text
    text = text.partition(" (Request ID")[0].partition("; Details")[0].strip()
    return text[:1].lower() + text[1:200].rstrip(".")
