"""The Kubernetes manifests: right by Kubernetes' own schemas, fitting together, as closed as the compose file."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from back.main import create_app
from back.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted((ROOT / "back" / "replicas" / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
VERSIONS = ("1.31", "1.37")  # of Kubernetes
NAME, PART = "app.kubernetes.io/name", "app.kubernetes.io/component"


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    return {manifest["metadata"]["name"]: manifest for manifest in MANIFESTS if manifest["kind"] in kinds}


WORKLOADS = of_kind("Deployment", "StatefulSet")


def pod_of(name: str) -> dict[str, Any]:
    pod: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return pod


def container_of(name: str) -> dict[str, Any]:
    (container,) = pod_of(name)["containers"]
    return dict(container)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_every_manifest_holds_to_the_schema_of_kubernetes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):  # a misspelt field is found
        kubernetes_validate.validate(manifest | {"metdata": {}}, version, strict=True)


def test_there_are_replicas_a_service_an_autoscaler_and_who_may_reach_them() -> None:
    assert sorted(manifest["kind"] for manifest in MANIFESTS) == [
        *("ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy"),
        *("PodDisruptionBudget", "Service", "Service", "StatefulSet"),
    ]
    assert set(WORKLOADS) == set(of_kind("Service")) == {"streetseg-photos", "streetseg-jobs"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_service_finds_its_pods_by_their_labels(name: str) -> None:
    spec = WORKLOADS[name]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    service = of_kind("Service")[name]["spec"]
    for wanted in (spec["selector"]["matchLabels"], service["selector"]):
        assert wanted == {NAME: "streetseg", PART: name.removeprefix("streetseg-")}
        assert wanted.items() <= labels.items()
    assert service["ports"] == [{"name": "http", "port": 8000, "targetPort": "http"}]
    assert container_of(name)["ports"] == [{"name": "http", "containerPort": 8000}]
    assert "EXPOSE 8000" in (ROOT / "back" / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_process_that_is_dead_ends_and_one_that_is_not_ready_gets_no_requests(name: str) -> None:
    container = container_of(name)
    paths = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": {"path": "/healthz", "port": "http"},
        "liveness": {"path": "/healthz", "port": "http"},
        "readiness": {"path": "/readyz", "port": "http"},
    }
    grace = pod_of(name)["terminationGracePeriodSeconds"]
    waits = container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
    assert waits < 5 < 5 + 15 < grace  # SIGTERM answers every request within 15 s


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_has_few_rights_and_bounded_memory(name: str) -> None:
    pod, container = pod_of(name), container_of(name)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}:" in (ROOT / "back" / "Dockerfile").read_text(
        encoding="utf-8"
    )
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounted.values()) == {"/data", "/tmp", "/keys"}  # what is written, and the keys
    claims = WORKLOADS[name]["spec"].get("volumeClaimTemplates", [])
    volumes = [volume["name"] for volume in pod["volumes"]] + [claim["metadata"]["name"] for claim in claims]
    assert sorted(mounted) == sorted(volumes)
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)


def test_every_setting_exists_and_keys_are_asked_for() -> None:
    (told,) = of_kind("ConfigMap").values()
    settings = {key for key in told["data"] if key.startswith(PREFIX)}
    for name in WORKLOADS:
        container = container_of(name)
        assert container["envFrom"] == [{"configMapRef": {"name": told["metadata"]["name"]}}]
        settings |= {entry["name"] for entry in container.get("env", [])}
    assert settings <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert told["data"]["STREETSEG_KEYS_FILE"] == "/keys/keys"
    assert "*" not in told["data"]["FORWARDED_ALLOW_IPS"]


def test_what_belongs_to_a_job_goes_to_the_one_replica_that_keeps_it() -> None:
    """Every path of the API: those that an API without jobs lacks are the other replica's."""
    (ingress,) = of_kind("Ingress").values()
    (rule,) = ingress["spec"]["rules"]
    paths = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Prefix"}
    with_jobs, without = (set(create_app(Settings(max_jobs=number)).openapi()["paths"]) for number in (1, 0))
    assert with_jobs > without
    for path in with_jobs:
        prefixes = [prefix for prefix in paths if path == prefix or path.startswith(f"{prefix.rstrip('/')}/")]
        kept = path.startswith("/shared")  # on a disk, too
        expected = "streetseg-photos" if path in without and not kept else "streetseg-jobs"
        assert paths[max(prefixes, key=len)] == expected, path
    assert WORKLOADS["streetseg-jobs"]["spec"]["replicas"] == 1
    (scaler,) = of_kind("HorizontalPodAutoscaler").values()
    assert scaler["spec"]["scaleTargetRef"]["name"] == "streetseg-photos"
    assert "replicas" not in WORKLOADS["streetseg-photos"]["spec"]  # or each apply would set it back
    assert {"name": "STREETSEG_MAX_JOBS", "value": "0"} in container_of("streetseg-photos")["env"]
    assert "env" not in container_of("streetseg-jobs")


def test_only_the_ingress_and_prometheus_reach_a_replica() -> None:
    (policy,) = of_kind("NetworkPolicy").values()
    spec = policy["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    for workload in WORKLOADS.values():
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    (ingress,) = spec["ingress"]
    sources = [one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in ingress["from"]]
    assert sources == ["traefik", "monitoring"]
    assert ingress["ports"] == [{"protocol": "TCP", "port": 8000}]
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {5000, 53}
    assert all(rule.get("to") for rule in spec["egress"])
