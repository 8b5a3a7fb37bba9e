"""GET /differences over HTTP: the contract that the dashboard reads, and what it refuses."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from back import evaluations
from back.loading import Served
from back.main import create_app
from back.registry import ModelRegistry
from back.routes import differences
from back.runtime.scores.bootstrap import LEVEL, MIN_BLOCKS
from back.runtime.taxonomy import STREET8
from tests.api import Store, serving
from tests.back.test_evaluations import compared, report, without_class


@pytest.fixture(scope="module")
def registry_and_client(shared_store: Store) -> Iterator[tuple[ModelRegistry, TestClient]]:
    app = create_app(shared_store.settings(reload_seconds=60))
    with serving(app) as client:
        yield app.state.services.registry, client


@pytest.fixture
def client(registry_and_client: tuple[ModelRegistry, TestClient]) -> TestClient:
    return registry_and_client[1]


@pytest.fixture
def carry(registry_and_client: tuple[ModelRegistry, TestClient]) -> Any:
    """Give the served models other reports, as if they were other bundles."""
    registry, client = registry_and_client

    def carry(**reports: dict[str, Any] | None) -> None:
        client.app.state.services.differences.clear()  # type: ignore[attr-defined]
        changed: dict[str, Served] = {
            name: replace(registry.served[name], report=given) for name, given in reports.items()
        }
        registry.served = {**registry.served, **changed}

    return carry


def test_answer_is_the_contract(client: TestClient, carry: Any) -> None:
    a, b = report(0.6), report(0.8)
    carry(segformer=a, deeplabv3plus=b)
    answer = client.get("/differences", params={"a": "segformer", "b": "deeplabv3plus"})
    assert answer.status_code == 200
    expected = compared(a, b).scores
    shown = [{"difference": d.estimate, "low": d.low, "high": d.high} for d in expected.classes if d is not None]
    assert answer.json() == {
        "a": "segformer",
        "b": "deeplabv3plus",
        "taxonomy": "street8",
        "finer": [],
        "dataset": "scenes",
        "split": "val",
        "images": 12,
        "blocks": 6,
        "min_blocks": MIN_BLOCKS,
        "level": LEVEL,
        "mean": {"difference": expected.mean.estimate, "low": expected.mean.low, "high": expected.mean.high},
        "classes": dict(zip(STREET8.names, shown, strict=True)),
    }
    assert answer.json()["mean"]["low"] > 0


def test_too_few_stretches_of_video_give_null(client: TestClient, carry: Any) -> None:
    carry(segformer=report(0.6, images=4), deeplabv3plus=report(0.8, images=4))
    body = client.get("/differences", params={"a": "segformer", "b": "deeplabv3plus"}).json()
    assert (body["blocks"], body["mean"]["low"], body["classes"]["road"]["high"]) == (2, None, None)
    assert body["mean"]["difference"] > 0


def test_a_class_without_a_pixel_is_left_out(client: TestClient, carry: Any) -> None:
    carry(segformer=without_class(report(0.6), 6), deeplabv3plus=without_class(report(0.8), 6))
    body = client.get("/differences", params={"a": "segformer", "b": "deeplabv3plus"}).json()
    assert list(body["classes"]) == [name for name in STREET8.names if name != "sky"]


@pytest.mark.parametrize("name", ["segformer@champion", "segformer/1"])
def test_a_version_or_alias_is_resolved_as_everywhere(client: TestClient, carry: Any, name: str) -> None:
    carry(segformer=report(0.6))
    body = client.get("/differences", params={"a": name, "b": "segformer"}).json()
    assert (body["a"], body["b"]) == (name, "segformer")
    assert body["mean"] == {"difference": 0, "low": 0, "high": 0}


def test_a_pair_is_worked_out_once(client: TestClient, carry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    carry(segformer=report(0.6), deeplabv3plus=report(0.8))
    calls: list[int] = []

    def counted(*args: Any) -> Any:
        calls.append(1)
        return evaluations.differences_of(*args)

    monkeypatch.setattr(differences, "differences_of", counted)
    first, again = (client.get("/differences?a=segformer&b=deeplabv3plus").json() for _ in range(2))
    turned = client.get("/differences?a=deeplabv3plus&b=segformer").json()
    assert first == again
    assert turned["mean"]["difference"] == -first["mean"]["difference"]
    assert len(calls) == 2


def test_no_more_than_so_many_pairs_are_kept(client: TestClient, carry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    carry(segformer=report(0.6), deeplabv3plus=report(0.8))
    monkeypatch.setattr(differences, "_KEPT", 1)
    for a, b in (("segformer", "deeplabv3plus"), ("deeplabv3plus", "segformer")):
        assert client.get("/differences", params={"a": a, "b": b}).json()["a"] == a
    assert len(client.app.state.services.differences) == 1  # type: ignore[attr-defined]


def test_what_cannot_be_compared_is_409_with_the_reason(client: TestClient, carry: Any) -> None:
    other = report(0.8)
    other["evaluation"]["split_sha256"] = "other"
    carry(segformer=report(0.6), deeplabv3plus=other)
    answer = client.get("/differences", params={"a": "segformer", "b": "deeplabv3plus"})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    detail = (
        "segformer and deeplabv3plus were evaluated on different images; evaluate both on one split with the same"
    )
    assert answer.json()["detail"] == f"{detail} classes."


def test_a_report_without_scores_of_single_images_is_409(api: TestClient) -> None:
    answer = api.get("/differences", params={"a": "segformer", "b": "deeplabv3plus"})
    assert answer.status_code == 409
    assert "The report of segformer has no scores of single images" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("?a=unet&b=segformer", 404, "There is no model 'unet'. Known models: deeplabv3plus, segformer."),
        ("?a=segformer&b=segformer/9", 404, "There is no 'segformer/9'"),
        ("?a=segformer", 422, "The query parameter 'b' is missing."),
        ("?a=segformer&b=segformer&c=1", 422, "The query parameter 'c' is unknown"),
    ],
)
def test_a_wrong_query_says_what_to_do(api: TestClient, query: str, status: int, says: str) -> None:
    answer = api.get(f"/differences{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
