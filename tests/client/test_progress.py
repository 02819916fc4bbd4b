from __future__ import annotations

import io

import pytest
from figment_client.progress import WIDTH, Bar

from tests.client.conftest import Stdout


def test_without_a_terminal_nothing_is_written() -> None:
    stream = io.StringIO()
    with Bar(stream) as bar:
        bar.update(1, 2)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("done", "total", "filled"), [(0, 10, 0), (1, 2, 15), (2, 2, 30), (3, 2, 30), (1, 0, 0)])
def test_on_a_terminal_a_line_is_drawn_over_and_cleared(done: int, total: int, filled: int) -> None:
    stream = Stdout(terminal=True)
    with Bar(stream) as bar:
        bar.update(done, total, "text")
    bar_drawn = "#" * filled + " " * (WIDTH - filled)
    assert stream.bytes.getvalue().decode() == f"\r[{bar_drawn}] {done}/{total} text\x1b[K\r\x1b[K"
