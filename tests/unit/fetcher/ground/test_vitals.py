"""What the fetcher does side by side beats each for itself."""

from __future__ import annotations

import asyncio

from dcp_fetcher.ground.vitals import Vitals
from dcp_fetcher.ground.wall import Unforeseen, in_thread
from dcp_pipeline.observe.pulse import Pulse


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_that_stands_still_is_not_hidden_by_those_that_go_on() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    vitals = Vitals(pulse)

    async def still(over: asyncio.Event) -> None:
        with vitals.doing("still.csv"):
            await in_thread(vitals.alive, "reads")
            await over.wait()

    async def both() -> None:
        over = asyncio.Event()
        standing = asyncio.create_task(still(over))
        with vitals.doing("moving.csv"):
            for clock.now in (0.0, 200.0, 400.0):
                await asyncio.sleep(0)
                await in_thread(vitals.alive, "reads")
            assert pulse.stuck() == ["fetcher: still.csv: reads, silent for 400 s"]
        vitals.alive("nothing")
        over.set()
        await standing
        clock.now = 9999.0
        assert pulse.stuck() == []

    asyncio.run(both())


def test_a_thread_hands_on_what_it_raises_whatever_that_is() -> None:
    class Panic(BaseException):
        pass

    def raising(error: BaseException) -> None:
        raise error

    async def outcome(error: BaseException) -> str:
        try:
            await asyncio.wait_for(in_thread(raising, error), 60)
        except Exception as found:  # noqa: BLE001
            return f"{type(found).__name__} {found}"
        return ""

    assert asyncio.run(outcome(StopIteration())).startswith(Unforeseen.__name__)
    assert "Panic: x" in asyncio.run(outcome(Panic("x")))
    assert asyncio.run(outcome(ValueError("y"))) == "ValueError y"
