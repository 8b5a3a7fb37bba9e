"""docker-compose.yml, checked without an engine: what it names exists, fits together and is closed by default."""

import json
import re
import shlex
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
    "profiles": list,
    "user": str,
    "deploy": dict,
    "shm_size": str,
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
PROFILES = {"postgres-s3": {"postgres", "s3", "bucket"}, "gpu": {"train"}}
OTHERS = {"postgres": 5432, "s3": 8333}  # images that are not built here, and where they listen
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
        # Nothing after the name: as whoever starts it has it, or not at all.
        assert all(isinstance(value, str | None) for value in service.get("environment", {}).values())


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
    assert set(json.loads(result.stdout)["services"]) == {
        name for name in SERVICES if not SERVICES[name].get("profiles")
    }


def test_mlflow_the_models_the_api_and_the_dashboard_start_in_this_order() -> None:
    conditions = {
        name: {other: w["condition"] for other, w in service.get("depends_on", {}).items() if w.get("required", True)}
        for name, service in SERVICES.items()
        if not service.get("profiles")
    }
    assert list(conditions) == ["mlflow", "models", "back", "front"]
    assert conditions == {
        "mlflow": {},
        "models": {"mlflow": "service_healthy"},
        "back": {"models": "service_completed_successfully"},
        "front": {"back": "service_healthy"},
    }
    assert all(condition in CONDITIONS for wishes in conditions.values() for condition in wishes.values())


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_s_services_start_with_it_alone(profile: str) -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == [profile]} == PROFILES[profile]
    for name, service in SERVICES.items():
        for other, wish in service.get("depends_on", {}).items():
            if other in PROFILES[profile] and name not in PROFILES[profile]:
                assert wish["required"] is False, f"{name} waits for {other}, which may not be there"


def test_postgres_and_s3_are_chosen_by_variables_alone_and_only_with_passwords() -> None:
    lines = (ROOT / "modelisation/mlflow_server/postgres-s3.env").read_text(encoding="utf-8").splitlines()
    chosen = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert chosen.pop("COMPOSE_PROFILES") == "postgres-s3"
    assert set(chosen) <= set(SERVICES["mlflow"]["environment"])
    host = SERVICES["postgres"]["environment"]
    user, database = host["POSTGRES_USER"], host["POSTGRES_DB"]
    store = f"postgresql://{user}:${{POSTGRES_PASSWORD:?choose one}}@postgres:{OTHERS['postgres']}/{database}"
    assert chosen["MLFLOW_BACKEND_STORE_URI"] == store
    assert chosen["AWS_ENDPOINT_URL"] == f"http://s3:{OTHERS['s3']}"
    assert chosen["AWS_SECRET_ACCESS_KEY"] == "${AWS_SECRET_ACCESS_KEY:?choose one}"
    # Without the file: what the image does by itself.
    image = dockerfile_of(SERVICES["mlflow"])
    for name in ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"):
        default = SERVICES["mlflow"]["environment"][name].removeprefix(f"${{{name}:-").removesuffix("}")
        assert f"{name}={default}" in image


def test_training_gets_every_gpu_and_reads_the_photos_only() -> None:
    (device,) = SERVICES["train"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert SERVICES["train"]["volumes"] == ["runs:/data", "${TRAIN_DATA:-./data}:/data/set:ro"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_built_from_a_dockerfile_here_or_pinned_by_digest(name: str) -> None:
    if name in OTHERS:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", SERVICES[name]["image"])
        return
    build = SERVICES[name]["build"]
    assert build["context"] == "."
    assert (ROOT / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_what_others_wait_for_has_a_health_check_or_ends(name: str) -> None:
    for other in SERVICES.values():
        condition = other.get("depends_on", {}).get(name, {}).get("condition")
        if condition == "service_healthy":
            assert "healthcheck" in SERVICES[name] or "HEALTHCHECK" in dockerfile_of(SERVICES[name])
        elif condition == "service_completed_successfully":
            assert SERVICES[name]["restart"].startswith(("no", "on-failure"))


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:?-(\d+)\}:\1", port), port
        assert f"EXPOSE {port.rpartition(':')[2]}" in dockerfile_of(SERVICES[name])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_few_rights_and_little_memory(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] in ("512m", "1g", "2g", "3g", "16g")
    mounted = [path.rpartition("}")[2].partition(":")[2] for path in service.get("volumes", [])]
    writable = {path for path in mounted if not path.endswith(":ro")} | set(service["tmpfs"])
    of_postgres = {"/tmp", "/var/lib/postgresql/data", "/var/run/postgresql"}
    assert writable == (of_postgres if name == "postgres" else {"/tmp"} if name == "balancer" else {"/tmp", "/data"})
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]) if name in OTHERS else "user" not in service


def test_every_volume_is_declared() -> None:
    paths = [path for service in SERVICES.values() for path in service.get("volumes", [])]
    used = {path.partition(":")[0] for path in paths if not path.startswith("$")}
    assert used == set(COMPOSE["volumes"])


def test_every_address_inside_names_a_service_and_its_port() -> None:
    addresses = {
        (name, address)
        for name, service in SERVICES.items()
        for value in service.get("environment", {}).values()
        if value is not None
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
    assert set(settings) - known == {"FORWARDED_ALLOW_IPS"}  # uvicorn's


def test_replicas_take_free_ports_and_the_balancer_the_known_one() -> None:
    """What compose makes of the file for `make up SCALE=4`: two containers cannot publish one port."""
    recipe = subprocess.run(
        ["make", "--dry-run", "up", "SCALE=4", "API_PORT=8080"], cwd=ROOT, capture_output=True, encoding="utf-8"
    ).stdout.replace("\\\n", "")
    (command,) = re.findall(
        r"^(.*)docker compose --profile scale up --build --detach --scale back='4'$", recipe, re.M
    )
    given = dict(word.split("=", 1) for word in shlex.split(command))
    assert (given["API_PORT"], given["BALANCER_PORT"]) == ("", "8080")
    assert SERVICES["balancer"]["profiles"] == ["scale"]
    assert SERVICES["balancer"]["ports"] == ["127.0.0.1:${BALANCER_PORT:-8000}:8000"]
    # `-` takes a variable that is set to nothing as nothing, where `:-` would take the 8000.
    assert SERVICES["back"]["ports"] == ["127.0.0.1:${API_PORT-8000}:8000"]
    # The networks that Docker takes addresses from, as the balancer trusts them: nobody else reaches a replica there.
    trusted = re.findall(
        r"set_real_ip_from (\S+);", (ROOT / "back/replicas/proxies.conf").read_text(encoding="utf-8")
    )
    assert given["FORWARDED_ALLOW_IPS"].split(",") == trusted
    assert "server back:8000 resolve" in (ROOT / "back/replicas/replicas.conf").read_text(encoding="utf-8")
    assert "scale" not in subprocess.run(["make", "-n", "up"], cwd=ROOT, capture_output=True, encoding="utf-8").stdout
