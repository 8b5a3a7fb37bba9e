"""docker-compose.yml, checked without an engine: what it names exists, fits together and is closed by default."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from back.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# The keys of the Compose specification that we use, with the type that it gives them.
SERVICE_KEYS: dict[str, type | tuple[type, ...]] = {
    "image": str,
    "build": dict,
    "command": list,
    "environment": dict,
    "ports": list,
    "volumes": list,
    "tmpfs": list,
    "depends_on": dict,
    "restart": str,
    "read_only": bool,
    "cap_drop": list,
    "security_opt": list,
    "init": bool,
    "healthcheck": dict,
    "mem_limit": str,
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def dockerfile_of(service: dict[str, Any]) -> str:
    return (ROOT / service["build"]["dockerfile"]).read_text(encoding="utf-8")


def test_the_file_holds_to_the_compose_schema() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes"}
    for name, service in SERVICES.items():
        for key, value in service.items():
            assert key in SERVICE_KEYS, f"{name}.{key}"
            assert isinstance(value, SERVICE_KEYS[key]), f"{name}.{key}: {value!r}"
        assert re.fullmatch(r"no|always|unless-stopped|on-failure(:\d+)?", service["restart"])
        assert re.fullmatch(r"\d+[kmg]", service["mem_limit"])
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())


def test_compose_itself_accepts_the_file() -> None:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed; the schema test above stands for it")
    result = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert set(json.loads(result.stdout)["services"]) == set(SERVICES)


def test_mlflow_the_models_the_api_and_the_dashboard_start_in_this_order() -> None:
    assert list(SERVICES) == ["mlflow", "models", "back", "front"]
    conditions = {
        name: {other: wish["condition"] for other, wish in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert conditions == {
        "mlflow": {},
        "models": {"mlflow": "service_healthy"},
        "back": {"models": "service_completed_successfully"},
        "front": {"back": "service_healthy"},
    }
    assert all(condition in CONDITIONS for wishes in conditions.values() for condition in wishes.values())


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_built_from_a_dockerfile_here(name: str) -> None:
    build = SERVICES[name]["build"]
    assert build["context"] == "."
    assert (ROOT / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_what_others_wait_for_has_a_health_check_or_ends(name: str) -> None:
    for other in SERVICES.values():
        condition = other.get("depends_on", {}).get(name, {}).get("condition")
        if condition == "service_healthy":
            assert "HEALTHCHECK" in dockerfile_of(SERVICES[name])
        elif condition == "service_completed_successfully":
            assert SERVICES[name]["restart"].startswith(("no", "on-failure"))


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-(\d+)\}:\1", port), port
        assert f"EXPOSE {port.rpartition(':')[2]}" in dockerfile_of(SERVICES[name])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_few_rights_and_little_memory(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] in ("512m", "1g", "2g", "3g")
    writable = [path.partition(":")[2] for path in service.get("volumes", [])] + service["tmpfs"]
    assert {"/tmp", "/data"} == set(writable)


def test_every_volume_is_declared() -> None:
    used = {path.partition(":")[0] for service in SERVICES.values() for path in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_every_address_inside_names_a_service_and_its_port() -> None:
    addresses = {
        (name, address)
        for name, service in SERVICES.items()
        for value in service.get("environment", {}).values()
        for address in re.findall(r"http://([a-z]+:\d+)", value)
        if not address.startswith("localhost")
    }
    assert {address for _, address in addresses} == {"mlflow:5000", "back:8000"}
    for name, address in addresses:
        host, port = address.split(":")
        assert f"EXPOSE {port}" in dockerfile_of(SERVICES[host]), f"{name} asks {address}"


def test_mlflow_lets_in_every_name_by_which_it_is_reached() -> None:
    hosts = SERVICES["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert {"mlflow:5000", "localhost:${MLFLOW_PORT:-5000}", "127.0.0.1:${MLFLOW_PORT:-5000}"} <= set(hosts)
    assert not [host for host in hosts if "*" in host or host != host.strip()]


def test_every_setting_of_the_api_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    settings = SERVICES["back"]["environment"]
    assert settings
    assert set(settings) <= known
