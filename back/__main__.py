"""`python -m back`: run the API with the settings in the environment; `--check` says only whether it could."""

import argparse
import contextlib
import logging
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from types import FrameType

from back.mlflow_errors import without_password
from back.runtime.process.console import use_utf8
from back.runtime.process.memory import keep_heap_small
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
    check = parser.parse_args(arguments).check
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"The API cannot start: {error}.", file=sys.stderr)
        return 2
    obstacles = list(_obstacles(settings, ask_mlflow=check))
    for obstacle in obstacles:
        print(f"The API cannot start: {obstacle}", file=sys.stderr)
    if check and not obstacles:
        uri = without_password(settings.mlflow_tracking_uri)
        print(f"Settings are right, {settings.host}:{settings.port} is free, {uri} answers.")
    if check or obstacles:
        return 2 if obstacles else 0
    _serve(settings)
    return 0


def _serve(settings: Settings) -> None:
    keep_heap_small()
    # Where the whole of mlflow is installed, importing its client would import these too: 80 MB and half a second for
    # tables that the API never makes. It does without where they are missing.
    for name in ("pandas", "pyarrow", "scipy", "matplotlib"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    # After the checks, so that what is wrong is said at once: these imports take a second.
    import uvicorn

    from back.main import create_app

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # MLflow's client tells of each retry at length; the registry says once, in a sentence, what is wrong.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.getLogger("streetseg").info("http://%s:%d answers; /docs explains it", settings.host, settings.port)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=10,
        # Longer than proxies and clients keep idle connections (nginx 60 s), so that none sends into a closed one.
        timeout_keep_alive=75,
    )

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.services.workers.drain()  # those who wait are told at once, or they would be cut off at the end
            super().handle_exit(sig, frame)

    # uvicorn raises the signal again when it has ended; by default that would make a clean end look like a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        Server(config).run()


def _obstacles(settings: Settings, *, ask_mlflow: bool) -> Iterator[str]:
    for name in unknown_variables() if ask_mlflow else ():
        yield f"Unknown setting {name} is ignored; check its spelling."
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
            urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5).close()
        except urllib.error.HTTPError as error:
            answer = f"{error.code} {error.reason}"
            yield f"MLflow at {shown} answers {answer}; is the address right, and this host allowed?"
        except OSError:
            yield f"MLflow at {shown} does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI."


if __name__ == "__main__":
    sys.exit(main())
