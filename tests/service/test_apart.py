import threading

import pytest

from service.apart import apart


@pytest.mark.parametrize("quick", [False, True])
async def test_what_is_quick_is_done_here_and_all_else_in_a_thread(quick: bool) -> None:
    thread = await apart(threading.current_thread, quick=quick)
    assert (thread is threading.current_thread()) is quick


@pytest.mark.parametrize("quick", [False, True])
async def test_its_error_is_the_caller_s(quick: bool) -> None:
    with pytest.raises(ZeroDivisionError):
        await apart(lambda: 1 / 0, quick=quick)
