"""Write what the serving environment is made of, as CycloneDX, and see to it that every pinned package is in it.

A list that misses a package is worse than none: whoever looks for a weak spot in it would find nothing. Ends with 1
then, and leaves no list.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
PINNED = ("back/requirements.txt", "front/requirements.txt", "modelisation/mlflow_server/requirements.txt")
OUT = ROOT / "out" / "sbom.json"


def main(environment: str) -> int:
    OUT.parent.mkdir(exist_ok=True)
    new = OUT.with_name(f".{OUT.name}")
    command = [PROGRAMS / "cyclonedx-py", "environment", "--output-reproducible", "--output-file", new, environment]
    subprocess.run(command, cwd=ROOT, check=True)
    listed = packages_of(json.loads(new.read_text(encoding="utf-8")))
    missing = missing_from(listed, {name: pin for file in PINNED for name, pin in pins_of(ROOT / file)})
    if missing:
        new.unlink()
        print(f"The environment {environment} lacks {', '.join(missing)}; make setup renews it", file=sys.stderr)
        return 1
    new.replace(OUT)
    print(f"{OUT.relative_to(ROOT)} lists {len(listed)} packages; every one that is pinned is among them")
    return 0


def packages_of(sbom: Mapping[str, Any]) -> dict[str, str]:
    """Canonical name -> version of every package that it lists by an address (purl)."""
    return {
        canonicalize_name(each["name"]): each["version"] for each in sbom.get("components", ()) if each.get("purl")
    }


def pins_of(file: Path) -> Iterator[tuple[str, str]]:
    """Canonical name and version of each package that a compiled file pins for this platform."""
    for entry in file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.startswith("#"):
            requirement = Requirement(entry.split(" --hash")[0])
            if requirement.marker is None or requirement.marker.evaluate():
                yield canonicalize_name(requirement.name), str(requirement.specifier).removeprefix("==")


def missing_from(listed: Mapping[str, str], pins: Mapping[str, str]) -> list[str]:
    """What is pinned and not listed, or listed in another version."""
    return [f"{name} {pin}" for name, pin in sorted(pins.items()) if listed.get(name) != pin]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
