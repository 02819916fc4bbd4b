import pytest

from service.observability.request_id import LONGEST, is_request_id, new_request_id


@pytest.mark.parametrize("text", ["7", "a" * LONGEST, "01J9Z-x_y.z:1/2+3=4@5", "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_ids_that_are_taken(text: str) -> None:
    assert is_request_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "a" * (LONGEST + 1), "a b", 'a"b', "a\nb", "a\n", "ä", "a{b}", "<b>", "-a", "a;b", "a,b", "a\x00", "\ud800"],
)
def test_ids_that_are_not(text: str) -> None:
    assert not is_request_id(text)


def test_new_ones_are_taken_and_differ() -> None:
    ids = {new_request_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(map(is_request_id, ids))
