"""Networks that OpenVINO's snippets cannot take are compiled without them, and no others."""

from typing import Any

import pytest

from back.runtime.engines.openvino_compiler import compile_anyway

FAILS = "Check failed at src/common/snippets/src/lowered/pass/reduce_decomposition.cpp:196"


def test_where_snippets_fail_they_are_switched_off() -> None:
    seen: list[dict[str, Any]] = []

    def make(config: dict[str, Any]) -> str:
        seen.append(config)
        if "SNIPPETS_MODE" not in config:
            raise RuntimeError(FAILS)
        return "compiled"

    assert compile_anyway(make, {"NUM_STREAMS": 1}) == "compiled"
    assert seen == [{"NUM_STREAMS": 1}, {"NUM_STREAMS": 1, "SNIPPETS_MODE": "DISABLE"}]


def test_another_network_keeps_them() -> None:
    assert compile_anyway(dict, {"NUM_STREAMS": 1}) == {"NUM_STREAMS": 1}


def test_another_failure_is_told() -> None:
    def make(config: dict[str, Any]) -> str:
        assert "SNIPPETS_MODE" not in config
        raise RuntimeError("no such layer")

    with pytest.raises(RuntimeError, match="no such layer"):
        compile_anyway(make, {})
