"""How many connections the file descriptors of this process carry."""

import contextlib
import resource

from back.guards.connections import RESERVE
from back.runtime.errors import UserError

_OWN = 100  # logs, sockets to MLflow, model files while they are loaded
_PER_CONNECTION = 2  # the socket, and a temporary file for an upload
_FEWEST = 8
_ENOUGH = 65_536


def raise_limit() -> int:
    """Allow this process as many open files as the system lets it have; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def connections_for(files: int, wanted: int) -> tuple[int, str | None]:
    """As many of the wanted connections as `files` open files carry, and a sentence where those are fewer.

    Raises:
        UserError: too few files for any service.
    """
    needed = _OWN + RESERVE + _PER_CONNECTION * wanted
    if files >= needed:
        return wanted, None
    carried = (files - _OWN - RESERVE) // _PER_CONNECTION
    if carried < _FEWEST:
        least = _OWN + RESERVE + _PER_CONNECTION * _FEWEST
        raise UserError(
            f"This process may open {files} files at once, and needs at least {least}; raise the limit "
            f"(ulimit -n, LimitNOFILE= for systemd), to {needed} for {wanted} connections"
        )
    return carried, (
        f"This process may open {files} files at once (ulimit -n), so it serves {carried} connections at a time, not "
        f"{wanted}; allow {needed}, or set STREETSEG_MAX_CONNECTIONS lower."
    )
