"""Files that are written whole or not at all."""

import hashlib
import os
from pathlib import Path

from back.runtime.errors import UserError


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; of a link, what it points to.

    Raises:
        UserError: it cannot be written, for instance because the disk is full; what was there is there still.
    """
    path = Path(os.path.realpath(path))
    # Not the file's own name with something before and behind, which may be longer than a name may be.
    partial = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise UserError(
            f"{path} cannot be written ({reason[:1].lower()}{reason[1:]}) and is as it was; mend that, or choose "
            "another place"
        ) from error
