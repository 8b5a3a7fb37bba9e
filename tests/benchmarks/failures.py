"""What does not work on a machine is noted, and the rest of the benchmark goes on."""

import sys
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def sentence(error: BaseException) -> str:
    """The error in one line."""
    first_line = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
    return f"{type(error).__name__}: {first_line.strip()[:200]}"


class Failures(dict[str, str]):
    """What failed -> why."""

    def attempt(self, what: str, work: Callable[[], Result]) -> Result | None:
        """The work's result; None where it fails, which is noted and told at once."""
        try:
            return work()
        except Exception as error:  # whatever a way's libraries raise, the other ways are measured
            self[what] = sentence(error)
            print(f"{what}: failed, {self[what]}", file=sys.stderr, flush=True)
            return None
