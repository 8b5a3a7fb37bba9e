"""Who may ask: with a key where there are keys, not too often; and nothing of a stranger reaches the log raw."""

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from back.guards import keys as keys_module
from back.guards.keys import Keys, add_key, digest_of, read_keys, remove_key
from back.guards.rates import Rates
from back.logs import JsonLines, TextLines
from back.main import create_app
from back.problems import Problem
from back.runtime.errors import UserError
from back.settings import Settings
from tests.api import Store
from tests.hostile.figures import answered

NOWHERE = "http://127.0.0.1:9"


def client_of(address: str = "192.0.2.7", **settings: object) -> TestClient:
    app = create_app(Settings(mlflow_tracking_uri=NOWHERE, **settings))  # type: ignore[arg-type]
    return TestClient(app, client=(address, 50000), raise_server_exceptions=False)


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.txt"


def run_keys(path: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STREETSEG_")}
    if path is not None:
        environment["STREETSEG_KEYS_FILE"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "back", *arguments], env=environment, capture_output=True, encoding="utf-8", timeout=60
    )


def test_the_command_makes_lists_and_removes_keys(keys_file: Path) -> None:
    made = run_keys(keys_file, "keys", "add", "dashboard")
    assert made.returncode == 0
    key = made.stdout.strip()
    assert re.fullmatch(r"streetseg_[\w-]{43}", key)
    assert key not in keys_file.read_text(encoding="utf-8")
    assert keys_file.stat().st_mode & 0o077 == 0
    assert Keys(keys_file).name_of(key) == "dashboard"
    assert run_keys(keys_file, "keys", "list").stdout == "dashboard\n"
    again = run_keys(keys_file, "keys", "add", "dashboard")
    assert (again.returncode, "holds a key dashboard already" in again.stderr) == (2, True)
    assert run_keys(keys_file, "keys", "remove", "dashboard").returncode == 0
    assert read_keys(keys_file) == {}
    nowhere = run_keys(None, "keys", "list")
    assert (nowhere.returncode, "STREETSEG_KEYS_FILE" in nowhere.stderr) == (2, True)


@pytest.mark.parametrize(
    ("settings", "starts"),
    [
        ({"STREETSEG_HOST": "0.0.0.0"}, False),
        ({"STREETSEG_HOST": "::"}, False),
        ({"STREETSEG_HOST": "0.0.0.0", "STREETSEG_PUBLIC": "1"}, True),
        ({"STREETSEG_HOST": "streetseg.example"}, False),
        ({"STREETSEG_HOST": "localhost"}, True),
        ({"STREETSEG_HOST": "127.0.0.2"}, True),
        ({"STREETSEG_HOST": "::1"}, True),
        ({}, True),
    ],
)
def test_another_address_without_keys_refuses_to_start(settings: dict[str, str], starts: bool) -> None:
    given = Settings(**{name.removeprefix("STREETSEG_").lower(): value for name, value in settings.items()})
    assert given.is_closed is starts


def test_the_refusal_is_a_sentence_that_names_both_ways_out() -> None:
    environment = {**os.environ, "STREETSEG_HOST": "0.0.0.0", "STREETSEG_MLFLOW_TRACKING_URI": NOWHERE}
    environment.pop("STREETSEG_PUBLIC", None)
    ended = subprocess.run(
        [sys.executable, "-m", "back"], env=environment, capture_output=True, encoding="utf-8", timeout=60
    )
    assert ended.returncode == 2
    assert "keys add NAME" in ended.stderr
    assert "STREETSEG_PUBLIC=1" in ended.stderr


@pytest.mark.parametrize("text", ["", "# nothing\n", "dashboard secret\n", "\xff\xfe\n"])
def test_a_file_without_usable_keys_refuses_to_start(keys_file: Path, text: str) -> None:
    with pytest.raises(UserError, match=re.escape(str(keys_file))):
        Keys(keys_file)
    keys_file.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=re.escape(str(keys_file))):
        Keys(keys_file)


def test_only_a_known_key_gets_an_answer(keys_file: Path) -> None:
    first, second = add_key(keys_file, "first"), add_key(keys_file, "second")
    client = client_of(keys_file=keys_file)
    for key in (first, second):
        assert client.get("/models", headers={"X-API-Key": key}).status_code == 200
        assert client.get("/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    wrong = ["", " ", first[:-1], first + "x", "first", digest_of(first), "\x80" * 40, "a" * 10_000]
    for headers in [{}, *({"X-API-Key": key.encode("latin-1")} for key in wrong), {"Authorization": "Basic eDp5"}]:
        for path in ("/models", "/classes", "/metrics", "/nope", "/predict"):
            start = time.perf_counter()
            answer = client.get(path, headers=headers)  # type: ignore[arg-type]
            answered("requests without a key that is known", answer.status_code, time.perf_counter() - start)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "keys add NAME" in answer.json()["detail"]
    for path in ("/healthz", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 200
    assert "APIKeyHeader" in client.get("/openapi.json").text


def test_a_key_that_is_removed_ends_and_a_broken_file_changes_nothing(
    keys_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "_LOOK_SECONDS", 0)
    stays, goes = add_key(keys_file, "stays"), add_key(keys_file, "goes")
    keys = Keys(keys_file)
    assert (keys.name_of(stays), keys.name_of(goes)) == ("stays", "goes")
    remove_key(keys_file, "goes")
    assert (keys.name_of(stays), keys.name_of(goes)) == ("stays", None)
    keys_file.write_text("garbage\n", encoding="utf-8")
    assert keys.name_of(stays) == "stays"
    keys_file.unlink()
    assert keys.name_of(stays) == "stays"


def test_every_key_is_compared_whichever_fits(keys_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [add_key(keys_file, f"key{i}") for i in range(5)]
    keys, compared = Keys(keys_file), []
    real = keys_module.hmac.compare_digest
    monkeypatch.setattr(keys_module.hmac, "compare_digest", lambda a, b: compared.append(a) or real(a, b))
    for key in (made[0], made[4], "wrong"):
        compared.clear()
        keys.name_of(key)
        assert len(compared) == 5


def test_a_key_and_an_address_have_their_rates(keys_file: Path) -> None:
    key = add_key(keys_file, "one")
    client = client_of(keys_file=keys_file, rate_per_key="5/minute", rate_per_address="3/minute")
    statuses = [client.get("/models", headers={"X-API-Key": key}).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    guesses = [client.get("/models", headers={"X-API-Key": f"guess {i}"}) for i in range(5)]
    assert [answer.status_code for answer in guesses] == [401] * 3 + [429] * 2
    assert 1 <= int(guesses[-1].headers["Retry-After"]) <= 120
    assert guesses[-1].json()["detail"].endswith(" s.")
    assert client.get("/healthz").status_code == 200  # whoever watches is not counted


def test_addresses_are_counted_apart_and_this_machine_not() -> None:
    rates = Rates(None, "1/hour")

    def refused(address: str | None) -> bool:
        try:
            rates.count_address(address)
        except Problem as problem:
            return problem.status_code == 429
        return False

    assert [refused("192.0.2.1"), refused("192.0.2.2"), refused("192.0.2.1")] == [False, False, True]
    assert [refused("2001:db8::1"), refused("2001:db8::2"), refused("2001:db8:0:1::1")] == [False, True, False]
    assert not any(refused(address) for address in ("127.0.0.1", "::1", "127.0.0.1", "::ffff:127.0.0.1", None, None))


def test_a_clock_that_jumps_locks_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    client, now = client_of(rate_per_address="2/minute"), time.time()
    for jump in (0, -100_000, 100_000):
        monkeypatch.setattr("time.time", lambda jump=jump: now + jump)
        answers = [client.get("/classes") for _ in range(3)]
        assert [answer.status_code == 429 for answer in answers] == [False, False, True]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 120


def test_docs_and_metrics_can_be_closed() -> None:
    open_, closed = client_of(), client_of(docs=False, metrics=False)
    for path in ("/docs", "/openapi.json", "/metrics"):
        assert (open_.get(path).status_code, closed.get(path).status_code) == (200, 404)
    assert closed.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/models", "/nope", "/docs", "/metrics"])
def test_every_answer_has_an_id_and_headers_for_browsers(path: str) -> None:
    headers = client_of().get(path, headers={"Origin": "https://elsewhere.example"}).headers
    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("abc-1.2_3", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a b", False),
        ("a\tINFO forged", False),
        ("<script>", False),
        ("\xe4", False),
    ],
)
def test_an_id_that_comes_along_is_kept_where_it_is_sane(given: str, taken: bool) -> None:
    answer = client_of().get("/healthz", headers={"X-Request-ID": given.encode("latin-1")})  # type: ignore[dict-item]
    assert (answer.headers["X-Request-ID"] == given) is taken


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What our log would say, in both forms, of everything that is logged meanwhile."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.extend(form.format(record) for form in (TextLines(), JsonLines()))

    handler, logger = Keep(), logging.getLogger("streetseg")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.parametrize(
    "path", ["/x%0AINFO%20root:%20forged", "/x%1b%5b2J", "/x%E2%80%AEgnp", "/models/%0d%0aSet-Cookie:%20a=b"]
)
def test_nothing_reaches_the_log_that_a_terminal_would_obey(path: str, lines: list[str]) -> None:
    client = client_of(log_requests=True)
    answer = client.get(path, headers={"X-Request-ID": "mine"})
    assert answer.status_code in (404, 503)
    client.post("/predict", files={"image": ("\nINFO forged \x1b[2J.png", b"junk")})
    text, as_json = lines[0], json.loads(lines[1])
    assert text.startswith("INFO streetseg.requests [mine]: GET /")
    assert (as_json["request_id"], as_json["method"], as_json["client"]) == ("mine", "GET", "192.0.2.7")
    for line in lines:
        assert line.isprintable()
        assert "forged \x1b" not in line
    assert not any("png" in line for line in lines if "/predict" in line)


def test_a_trace_keeps_its_lines_and_nothing_else(lines: list[str]) -> None:
    try:
        raise ValueError("a\x1b[2J")
    except ValueError:
        logging.getLogger("streetseg").exception("failed")
    assert len(lines[0].splitlines()) > 2
    assert "\x1b" not in lines[0] + lines[1]
    assert "ValueError" in json.loads(lines[1])["trace"]


def test_the_log_of_a_server_is_json_on_demand(store: Store, tmp_path: Path) -> None:
    from tests.api import free_port

    port = free_port()
    environment = {
        **os.environ,
        "STREETSEG_MLFLOW_TRACKING_URI": store.uri,
        "STREETSEG_CACHE_DIR": str(tmp_path),
        "STREETSEG_PORT": str(port),
        "STREETSEG_LOG_FORMAT": "json",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "back"], env=environment, stderr=subprocess.PIPE, encoding="utf-8"
    ) as api:
        try:
            assert api.stderr is not None
            start = time.monotonic()
            first = json.loads(api.stderr.readline())
            assert first["message"] == f"http://127.0.0.1:{port} answers; /docs explains it"
            assert time.monotonic() - start < 60
        finally:
            api.terminate()
            api.wait(30)
