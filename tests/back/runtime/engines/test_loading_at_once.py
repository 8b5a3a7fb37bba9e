"""Two models that load at once, as they do when the API starts."""

import subprocess
import sys
from pathlib import Path

from tests.bundles import make_bundle

ROOT = Path(__file__).resolve().parents[4]

# OpenVINO asks for NumpyVersion while it sets up its types; the sleep lets the other thread in at that moment.
PROGRAM = """
import sys, threading, time
import numpy as np, numpy.lib
from pathlib import Path
from back.runtime.card import read_card
from back.runtime.engines import create_engine

quick = numpy.lib.NumpyVersion

def slow(version):
    asked.append(version)
    time.sleep(0.5)
    return quick(version)

asked = []
numpy.lib.NumpyVersion = slow
bundle = Path(sys.argv[1])
both = threading.Barrier(2)

def load():
    both.wait()
    engine = create_engine(bundle, read_card(bundle), kind="openvino", precision="fp32")
    both.wait()
    engine.run(np.zeros((1, 32, 32, 3), np.uint8))

threads = [threading.Thread(target=load) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("both ran; asked", len(asked), "time(s)")
"""


# In a process of its own, where OpenVINO has not been used yet.
def test_two_engines_that_start_at_once_do_not_wait_for_each_other(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    command = [sys.executable, "-c", PROGRAM, str(bundle)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "both ran; asked 1 time(s)\n"
