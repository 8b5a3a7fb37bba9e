"""Commands print what they have to say on machines with an ASCII locale too."""

import os
import subprocess
import sys

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


def _print(code: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **ASCII}, capture_output=True, timeout=60, check=False
    )


def test_an_ascii_locale_cannot_print_these_characters_by_itself() -> None:
    assert b"UnicodeEncodeError" in _print(r"print('1.3 \u00b1 0.6 \u2026')").stderr


def test_both_streams_become_utf8() -> None:
    code = "import sys; from back.runtime.process.console import use_utf8; use_utf8()"
    done = _print(code + r"; print('1.3 \u00b1 0.6 \u2026'); print('\u2192', file=sys.stderr)")
    assert done.returncode == 0
    assert done.stdout.decode("utf-8").strip() == "1.3 ± 0.6 …"
    assert done.stderr.decode("utf-8").strip() == "→"
