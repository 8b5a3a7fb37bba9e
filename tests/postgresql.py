"""A real PostgreSQL for tests: Debian's, started as an ordinary user on a free port, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.api import free_port, wait_until

USER, PASSWORD = "mlflow", "s3cret"
# No test outlives a power cut.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "32MB"}


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int
    _numbers: Iterator[int] = field(default_factory=count)

    def uri(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"store{next(self._numbers)}"
        engine = create_engine(self.uri("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"create database {name}"))
        engine.dispose()
        return self.uri(name)


@contextlib.contextmanager
def postgresql() -> Iterator[Postgres]:
    """Make a server's data folder, start it, and end it."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    assert programs is not None, "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    # Not pytest's folder: that is its user's alone, and PostgreSQL does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="streetseg-postgresql-"))
    user = "nobody" if os.geteuid() == 0 else None
    try:
        (folder / "password").write_text(PASSWORD, encoding="ascii")
        if user is not None:
            entry = pwd.getpwnam(user)
            for path in (folder, folder / "password"):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        data, port = folder / "data", free_port()
        make = [programs / "initdb", "-D", data, "-U", USER, "--auth=scram-sha-256", "--no-sync", "--no-instructions"]
        make += [f"--pwfile={folder / 'password'}", "--encoding=UTF8", "--locale=C"]
        subprocess.run(make, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        settings = _SETTINGS | {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *options], user=user, cwd=folder, stdout=log, stderr=log
            )
        try:
            ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(lambda: subprocess.run(ready, cwd=folder).returncode == 0, "PostgreSQL to answer")
            yield Postgres(port)
        finally:
            server.send_signal(signal.SIGINT)  # does not wait for clients
            server.wait(20)
    finally:
        shutil.rmtree(folder)
