import asyncio
import time

import pytest

from back.problems import Problem
from back.workers import Workers


async def _never() -> bool:
    return False


def test_one_too_many_is_told_when_to_come_back() -> None:
    async def scenario() -> Problem:
        workers = Workers(cpus=1, max_requests=2)
        async with workers.admit(), workers.admit():
            with pytest.raises(Problem) as caught:
                async with workers.admit():
                    pass
        async with workers.admit():  # there is room again
            assert workers.admitted == 1
        return caught.value

    problem = asyncio.run(scenario())
    assert (problem.status_code, problem.cause) == (503, "overloaded")
    assert problem.headers is not None
    assert 1 <= int(problem.headers["Retry-After"]) <= 30


def test_only_a_few_hold_a_photo_at_a_time() -> None:
    most = 0

    async def scenario() -> int:
        workers = Workers(cpus=2, max_requests=100)

        async def request() -> None:
            nonlocal most
            async with workers.admit(), workers.turn(_never):
                most = max(most, workers.working)
                await asyncio.sleep(0.001)

        await asyncio.gather(*(request() for _ in range(30)))
        assert (workers.admitted, workers.working) == (0, 0)
        return workers.parallel

    parallel = asyncio.run(scenario())
    assert most == parallel == 3


def test_failure_inside_gives_the_place_back() -> None:
    async def scenario() -> None:
        workers = Workers(cpus=1, max_requests=1)
        for _ in range(10):
            with pytest.raises(ZeroDivisionError):
                async with workers.admit(), workers.turn(_never):
                    await workers.run(lambda: 1 // 0)
        assert (workers.admitted, workers.working) == (0, 0)

    asyncio.run(scenario())


@pytest.mark.alone
def test_event_loop_is_free_and_those_who_have_their_turn_work_side_by_side() -> None:
    async def scenario() -> tuple[float, float]:
        workers = Workers(cpus=2, max_requests=10)
        start = time.perf_counter()
        tasks = [asyncio.ensure_future(workers.run(time.sleep, 0.2)) for _ in range(workers.parallel)]
        await asyncio.sleep(0.01)
        free_after = time.perf_counter() - start
        await asyncio.gather(*tasks)
        return free_after, time.perf_counter() - start

    free_after, all_after = asyncio.run(scenario())
    assert free_after < 0.15
    assert all_after < 0.5


def test_large_photos_take_turns_one_at_a_time_and_hold_up_no_small_one() -> None:
    most = {True: 0, False: 0}

    async def scenario() -> None:
        workers = Workers(cpus=2, max_requests=100)
        working = {True: 0, False: 0}

        async def request(large: bool) -> None:
            async with workers.admit(), workers.turn(_never, large):
                working[large] += 1
                most[large] = max(most[large], working[large])
                await asyncio.sleep(0.001)
                working[large] -= 1

        await asyncio.gather(*(request(i < 8) for i in range(30)))

    asyncio.run(scenario())
    assert most[True] == 1
    assert most[False] >= 3


def test_when_the_service_ends_who_works_finishes_and_who_waits_is_told() -> None:
    async def scenario() -> list[object]:
        workers = Workers(cpus=1, max_requests=100)
        finish = asyncio.Event()

        async def request() -> str:
            async with workers.admit(), workers.turn(_never):
                await finish.wait()
                return "answered"

        requests = [asyncio.create_task(request()) for _ in range(10)]
        await asyncio.sleep(0.01)
        workers.drain()
        finish.set()
        return await asyncio.gather(*requests, request(), return_exceptions=True)

    answers = asyncio.run(scenario())
    assert answers.count("answered") == 3
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert len(refused) == len(answers) - 3
    assert {problem.status_code for problem in refused} == {503}
    assert all(problem.headers is not None and problem.headers["Retry-After"] for problem in refused)
