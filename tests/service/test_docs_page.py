"""/docs works without the internet, and the page at / leads to it."""

import re

import httpx


async def test_the_page_asks_nobody_else_for_anything(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) >= 3
    for source in sources:
        assert httpx.URL(source).host in ("", client.base_url.host)
        assert (await client.get(source)).status_code == 200


async def test_the_root_leads_to_the_page(client: httpx.AsyncClient) -> None:
    assert 'href="docs"' in (await client.get("/")).text
