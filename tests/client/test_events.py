from __future__ import annotations

import pytest
from figment_client.events import EventReader

STREAM = (
    b': a comment\n\nevent: progress\ndata: {"a": 1}\n\nevent:result\r\ndata:one\r\ndata: two\r\nid: 7\r\n\r\n'
    b"data: \xe2\x80\xa8 unnamed\r\revent: empty\n\nretry: 5\ndata\n\ndata: unfinished\n"
)
EVENTS = [("progress", '{"a": 1}'), ("result", "one\ntwo"), ("message", "\u2028 unnamed"), ("message", "")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1000])
def test_events_are_read_from_pieces_of_any_size(size: int) -> None:
    reader = EventReader()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS
