import threading
import time

from back.runtime.engines.hot_sizes import HOT, MAX_NETWORKS, WINDOW, HotSizes


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the background work did not end"
        time.sleep(0.002)


def ask(sizes, size, times):
    return [sizes.network_for(size) for _ in range(times)]


def test_a_size_that_comes_up_often_gets_its_network():
    sizes = HotSizes(lambda size: f"network {size}")
    assert ask(sizes, (32, 64), HOT) == [None] * HOT
    until(lambda: sizes.network_for((32, 64)) == "network (32, 64)")


def test_rare_sizes_compile_nothing():
    compiled = []
    sizes = HotSizes(compiled.append)
    for side in range(32, 32 * 200, 32):
        assert ask(sizes, (side, side), HOT - 1) == [None] * (HOT - 1)
    assert compiled == []


def test_requests_do_not_wait_for_the_compilation():
    gate = threading.Event()
    sizes = HotSizes(lambda size: gate.wait(10) and "ready")
    ask(sizes, (32, 32), HOT)
    assert ask(sizes, (32, 32), 20) == [None] * 20
    gate.set()
    until(lambda: sizes.network_for((32, 32)) == "ready")


def test_a_network_stays_while_its_size_comes_up_and_makes_room_when_it_does_not():
    sizes = HotSizes(lambda size: size)
    used = [(32, 32 * i) for i in range(1, MAX_NETWORKS + 1)]
    for size in used:
        sizes.prepare(size)
        assert sizes.network_for(size) == size
    ask(sizes, (64, 64), HOT + 2)
    assert all(sizes.network_for(size) == size for size in used), "a size in use lost its network"
    ask(sizes, (64, 64), WINDOW)
    until(lambda: sizes.network_for((64, 64)) == (64, 64))
    assert sum(sizes.network_for(size) is not None for size in used) == MAX_NETWORKS - 1


def test_a_failed_compilation_is_not_tried_again_and_harms_no_request():
    calls = []

    def fail(size):
        calls.append(size)
        raise RuntimeError("out of memory")

    sizes = HotSizes(fail)
    ask(sizes, (32, 32), HOT)
    until(lambda: len(calls) == 1)
    until(lambda: sizes._compiling is None)
    assert ask(sizes, (32, 32), 50) == [None] * 50
    assert len(calls) == 1


def test_prepared_sizes_answer_from_the_first_request():
    compiled = []
    sizes = HotSizes(lambda size: compiled.append(size) or "ready")
    sizes.prepare((32, 96))
    sizes.prepare((32, 96))
    assert sizes.network_for((32, 96)) == "ready"
    assert compiled == [(32, 96)]


def test_requests_for_none_of_the_networks_count_against_every_size():
    compiled = []
    sizes = HotSizes(lambda size: compiled.append(size) or size, hot=WINDOW // 2, most=1)
    for _ in range(2 * WINDOW):
        assert sizes.network_for(None) is None
        assert sizes.network_for((32, 32)) is None
        sizes.network_for(None)
    assert compiled == []
    ask(sizes, (32, 32), WINDOW // 2)
    until(lambda: sizes.networks() == [(32, 32)])


def test_it_keeps_no_more_networks_than_asked():
    sizes = HotSizes(lambda size: size, most=1)
    sizes.prepare((32, 32))
    sizes.prepare((32, 64))
    assert sizes.networks() == [(32, 64)]
