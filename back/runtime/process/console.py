"""What a command prints, in UTF-8 wherever it runs."""

import io
import sys


def use_utf8() -> None:
    """Let stdout and stderr carry any text, on machines whose locale is ASCII too.

    Without it, one `…` or `±` ends a command with UnicodeEncodeError under `LC_ALL=C` with UTF-8 mode off.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
