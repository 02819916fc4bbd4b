"""/docs works without the internet, and / leads to it."""

import re

import httpx
import pytest


async def test_the_page_asks_nobody_else_for_anything(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) >= 3
    for source in sources:
        assert httpx.URL(source).host in ("", client.base_url.host)
        assert (await client.get(source)).status_code == 200


@pytest.mark.parametrize("path", ["/"])
async def test_the_root_leads_to_the_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.is_redirect
    assert httpx.URL(answer.headers["location"]).path == "/docs"
