from __future__ import annotations

import pytest
from figment_client.page import page_request


@pytest.mark.parametrize(
    ("request_", "page"),
    [
        ("/", "/"),
        ("/models", "/"),
        ("/generate?n=16", "/"),
        ("/generate?n=16&seed=7&model=m&version=2", "/#model=m&version=2&seed=7"),
        ("/generate?seed=7&truncation=0.5&label=a+cat", "/#truncation=0.5&label=a+cat&seed=7"),
        ("/generate?seeds=1,2,z:AACAPw", "/#kept=1,2,z:AACAPw"),
        ("/images/z:AACAPw.png?model=m", "/#model=m&open=picture&picture=z:AACAPw"),
        ("/images/a%20b.webp", "/#open=picture&picture=a+b"),
        ("/interpolate?seeds=1,2&loop=true", "/#kept=1,2&chosen=1,2&loop=true&open=walk"),
        ("/variations?seed=7&n=9&distance=0.3&noise=4", "/#of=7&distance=0.3&noise=4"),
        ("/mix?seeds=1,2&weights=1,2", "/#kept=1,2"),
    ],
)
def test_the_page_shows_what_a_request_draws(request_: str, page: str) -> None:
    assert page_request(request_) == page
