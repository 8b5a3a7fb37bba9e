"""Tables of the Runs page."""

import pytest

from front.runs.metric_info import METRICS, info_of
from front.runs.tables import duration, listing_key, parameter_table, rows_of, run_colours, run_table, unique_names
from tests.front.fake_records import history_of, run_of


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0 s"), (40, "40 s"), (720, "12 min"), (5400, "1 h 30 min"), (3600, "1 h")]
)
def test_durations_are_written_for_people(seconds: int, written: str) -> None:
    assert duration(1000, 1000 + 1000 * seconds) == written
    assert duration(1000, None) == "—"


def test_runs_of_one_name_are_told_apart() -> None:
    a, b = run_of("segformer") | {"run_id": "abcdef99"}, run_of("segformer") | {"run_id": "123456aa"}
    assert unique_names([a, b]) == ["segformer scenes (abcdef)", "segformer scenes (123456)"]
    assert unique_names([a]) == ["segformer scenes"]


def test_chosen_runs_are_found_again_in_a_longer_list() -> None:
    runs = [run_of(name) for name in ("a", "b", "c")]
    assert rows_of([run_of("new"), *runs], ["run-b", "run-gone"]) == [2]
    assert rows_of(runs, []) == []
    assert rows_of([run_of("x") | {"model": None}, *runs], None) == [1, 2]
    assert rows_of([run | {"model": None} for run in runs], None) == [0, 1]
    assert listing_key(runs) == listing_key([dict(run) for run in runs]) != listing_key(runs[::-1])


def test_a_run_has_its_model_s_colour_and_no_two_have_the_same() -> None:
    of_models = {"deeplabv3plus": "green", "segformer": "brown"}
    runs = [run_of("segformer"), run_of("segformer"), run_of("x") | {"model": None}, run_of("deeplabv3plus")]
    assert run_colours(runs, of_models, ["green", "brown", "blue", "red"]) == ["brown", "blue", "red", "green"]


def test_a_parameter_that_one_run_lacks_differs() -> None:
    a, b = run_of("segformer"), run_of("segformer")
    b = b | {"params": b["params"] | {"momentum": "0.9"}}
    table, differing = parameter_table([a, b])
    assert differing == ["momentum"]
    assert table.iloc[0].tolist() == ["—", "0.9"]


def test_a_run_without_metrics_or_end_is_listed() -> None:
    table = run_table([run_of("segformer") | {"metrics": {}, "end_time": None, "status": "RUNNING", "model": None}])
    assert table.loc[0, "Took"] == "—"
    assert table.loc[0, "State"] == "Running"
    assert table.loc[0, "mIoU"] is None or table["mIoU"].isna()[0]


def test_every_metric_that_training_logs_has_a_sentence() -> None:
    for metric in history_of("segformer"):
        info = info_of(metric)
        assert info.reading.endswith(".")
        assert "no description" not in info.reading
    assert "no description" in info_of("gpu_temperature").reading
    assert set(METRICS) >= {"train_loss", "val_miou", "images_per_second", "learning_rate"}
