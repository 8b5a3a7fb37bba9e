"""docs/grafana.json: a dashboard over metrics that there are, with labels that they have."""

import json
import re
from pathlib import Path

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from back.main import create_app
from back.server import Server
from tests.api import PHOTO, Store, serving

BOARD = json.loads((Path(__file__).resolve().parents[2] / "docs" / "grafana.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
GIVEN = {"job", "instance", "le"}  # by Prometheus


def _labels(client: TestClient) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_query_names_a_metric_and_labels_that_exist(shared_store: Store) -> None:
    app = create_app(shared_store.settings())
    Server(app).connections.ended["silent"] += 1
    with serving(app) as client:
        client.post("/predict", files={"image": PHOTO})
        labels = _labels(client)
    assert len(QUERIES) >= 8
    for query in QUERIES:
        names = set(re.findall(r"\bstreetseg_\w+", query))
        assert names, query
        assert names <= set(labels), query
        used = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in re.split(r",\s*", group)}
        assert used <= GIVEN.union(*(labels[name] for name in names)), query


def test_the_panels_lie_side_by_side_and_have_a_title() -> None:
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in BOARD["panels"]}
    assert len(places) == len(BOARD["panels"])
    assert all(panel["title"] for panel in BOARD["panels"])
