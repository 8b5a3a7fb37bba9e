"""Look for weak spots in our code (bandit), and for known ones in what is pinned (pip-audit).

Ends with 1 where one is found. Where pip-audit cannot reach its data, that is said, and nothing is known of them.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
CODE = ("back", "front", "modelisation")
PINNED = ("back/requirements.txt", "front/requirements.txt", "modelisation/mlflow_server/requirements.txt")


def main() -> int:
    bandit = [PROGRAMS / "bandit", "--quiet", "--recursive", "--severity-level", "medium", *CODE]
    # Its warnings are of comments that it finds and does not need.
    weak = subprocess.run(bandit, cwd=ROOT, stderr=subprocess.DEVNULL).returncode
    print("bandit: nothing of medium or high severity" if not weak else "bandit: see above", flush=True)
    known = 0
    for file in PINNED:
        found, text = audit(file)
        known += found
        print(f"pip-audit: {file}: {text}", flush=True)
    return 1 if weak or known else 0


def audit(file: str) -> tuple[int, str]:
    """How many known weak spots a file's pins have, and what to say."""
    command = [PROGRAMS / "pip-audit", "--disable-pip", "--no-deps", "--format", "json", "--timeout", "15"]
    ended = subprocess.run([*command, "--requirement", file], cwd=ROOT, capture_output=True, encoding="utf-8")
    return judge(ended.stdout, ended.stderr)


def judge(output: str, complaint: str) -> tuple[int, str]:
    """What pip-audit's JSON means; without one, or with every package passed over, its data were not reached."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (complaint.strip().splitlines() or ["no answer"])[-1][:200]
        return 0, f"its data could not be reached, so nothing is known ({last})"
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        return 0, f"its data could not be reached, so nothing is known of these {len(packages)} packages"
    found = [(package, weakness) for package in looked_up for weakness in package["vulns"]]
    lines = [f"{len(looked_up)} of {len(packages)} packages looked up, {len(found)} known weak spots"]
    for package, weakness in found:
        mended = ", ".join(weakness.get("fix_versions", [])) or "no version"
        lines.append(f"  {package['name']} {package['version']}: {weakness['id']}, mended in {mended}")
    return len(found), "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
