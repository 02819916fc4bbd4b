import asyncio

import numpy as np
import pytest

from service.engine.answers import answer, as_engine_error
from service.engine.protocol import EngineError
from service.engine.work import Work


def work(callers: int = 1) -> Work:
    future = asyncio.get_running_loop().create_future()
    return Work(None, np.zeros((2, 4), np.float32), b"", 0.0, 1, future, callers)


async def test_rows_come_in_their_order_from_another_thread() -> None:
    asked = work()
    asked.parts = {1: np.full((1, 2, 2, 3), 9, np.uint8), 0: np.zeros((1, 2, 2, 3), np.uint8)}
    await asyncio.to_thread(answer, [asked])
    assert (await asked.waiter)[:, 0, 0, 0].tolist() == [0, 9]


async def test_parts_that_do_not_fit_together_are_an_error_of_the_engine() -> None:
    asked = work()
    asked.parts = {0: np.zeros((1, 2, 2, 3), np.uint8), 1: np.zeros((1, 3, 2, 3), np.uint8)}
    await asyncio.to_thread(answer, [asked])
    with pytest.raises(EngineError, match="ValueError"):
        await asked.waiter


async def test_whom_nobody_waits_for_is_left_alone() -> None:
    left, asked = work(callers=0), work()
    left.error = asked.error = EngineError("burst")
    await asyncio.to_thread(answer, [left, asked])
    with pytest.raises(EngineError, match="burst"):
        await asked.waiter
    assert not left.waiter.done()


def test_of_an_error_that_nobody_foresaw_the_text_stays_here() -> None:
    assert "/etc/secret" not in str(as_engine_error(OSError("/etc/secret")))
    error = EngineError("burst")
    assert as_engine_error(error) is error
