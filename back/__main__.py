"""`python -m back`: run the API with the settings in the environment; `--check` says only whether it could."""

import argparse
import logging
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from back.guards.descriptors import connections_for, raise_limit
from back.guards.keys import Keys, add_key, read_keys, remove_key
from back.mlflow_errors import without_password
from back.runtime.errors import UserError
from back.runtime.process.compiled_loops import compile_missing
from back.runtime.process.console import use_utf8
from back.runtime.process.memory import keep_heap_small
from back.runtime.process.modules import leave_out_unused, quick_imports
from back.settings import Settings, SettingsError, load_settings, unknown_variables


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; 2 when a setting is wrong or the port is taken."""
    use_utf8()
    parser = argparse.ArgumentParser(
        prog="python -m back",
        description="Serve StreetSeg's HTTP API. Settings are environment variables that start with STREETSEG_.",
        epilog="example: STREETSEG_PORT=8080 python -m back",
    )
    parser.add_argument("--check", action="store_true", help="check settings, port and MLflow, and end")
    verbs = parser.add_subparsers(dest="verb", metavar="keys", help="make, list and remove API keys: keys --help")
    _describe_keys(verbs.add_parser("keys", description="Keys of the API, in the file STREETSEG_KEYS_FILE."))
    given = parser.parse_args(arguments)
    check = given.check
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"The API cannot start: {error}.", file=sys.stderr)
        return 2
    if given.verb == "keys":
        return _keys(settings.keys_file, given.action, given.name)
    obstacles = list(_obstacles(settings, ask_mlflow=check))
    for obstacle in obstacles:
        print(f"The API cannot start: {obstacle}", file=sys.stderr)
    if check and not obstacles:
        uri = without_password(settings.mlflow_tracking_uri)
        print(f"Settings are right, {settings.host}:{settings.port} is free, {uri} answers.")
    if check or obstacles:
        return 2 if obstacles else 0
    try:
        _serve(settings)
    except KeyboardInterrupt:  # before it listened
        return 130
    return 0


def _describe_keys(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: STREETSEG_KEYS_FILE=keys.txt python -m back keys add dashboard"
    parser.add_argument("action", choices=("add", "list", "remove"))
    parser.add_argument("name", nargs="?", help="of the key: letters, digits, '.', '_' and '-'")


def _keys(path: Path | None, action: str, name: str | None) -> int:
    try:
        if path is None:
            raise UserError("Set STREETSEG_KEYS_FILE to the file that holds the keys, or shall hold them")
        if action == "list":
            print("\n".join(read_keys(path)))
            return 0
        if name is None:
            raise UserError(f"Say which: python -m back keys {action} NAME")
        if action == "add":
            print(add_key(path, name))
            print("Keep it now: only its hash is in the file.", file=sys.stderr)
        else:
            remove_key(path, name)
            print(f"{name} is removed; a running API refuses it within a second.", file=sys.stderr)
    except UserError as error:
        print(f"{error}.", file=sys.stderr)
        return 2
    return 0


def _serve(settings: Settings) -> None:
    keep_heap_small()
    leave_out_unused()
    from back.logs import set_up

    set_up(settings.log_format)
    log = logging.getLogger("streetseg")
    # As an exception, so that whatever runs is ended in order. uvicorn raises the signal again when it has ended; by
    # default that would make a clean end look like a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    compile_missing(log.info)
    # After the checks, so that what is wrong is said at once: these imports take a second.
    with quick_imports():
        from back.main import create_app
        from back.server import Server

    max_connections, fewer = connections_for(raise_limit(), settings.max_connections)
    if fewer:
        log.warning("%s", fewer)
    log.info("http://%s:%d answers; /docs explains it", settings.host, settings.port)
    server = Server(create_app(settings), max_connections=max_connections)
    code: int | str | None = 0
    try:
        server.run()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        pass
    # Every request is answered. Python would wait for threads that ask an MLflow which never answers.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


def _obstacles(settings: Settings, *, ask_mlflow: bool) -> Iterator[str]:
    for name in unknown_variables() if ask_mlflow else ():
        yield f"Unknown setting {name} is ignored; check its spelling."
    if not settings.is_closed:
        yield (
            f"STREETSEG_HOST={settings.host} lets other machines in, and no key is asked for. Make keys with "
            "`python -m back keys add NAME` and set STREETSEG_KEYS_FILE, or set STREETSEG_PUBLIC=1 where whoever "
            "reaches it may use it."
        )
    try:
        connections_for(raise_limit(), settings.max_connections)
        if settings.keys_file is not None:
            Keys(settings.keys_file)
    except UserError as error:
        yield f"{error}."
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            yield f"{settings.host}:{settings.port}: {reason}; set STREETSEG_HOST or STREETSEG_PORT to another."
    # A start does not ask MLflow: it may come later, and /readyz tells until then.
    uri = settings.mlflow_tracking_uri
    shown = without_password(uri)
    if ask_mlflow and uri.startswith(("http://", "https://")):
        try:
            urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5).close()  # nosec B310 # http(s) alone
        except urllib.error.HTTPError as error:
            answer = f"{error.code} {error.reason}"
            yield f"MLflow at {shown} answers {answer}; is the address right, and this host allowed?"
        except OSError:
            yield f"MLflow at {shown} does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI."


if __name__ == "__main__":
    sys.exit(main())
