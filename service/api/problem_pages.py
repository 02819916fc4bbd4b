"""The pages of the problems, `/problems/KIND`, and docs/errors.md: both of the text of `problem_kinds`.

`make errors` writes docs/errors.md; a test compares.
"""

import base64
import hashlib
import html
import re
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from service.api.problem_kinds import KINDS, Kind
from service.api.problems import responses
from service.api.queries import NoQuery
from service.api.route import only

STYLE = """
:root { color-scheme: light dark; }
body { font: 1.05rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
code { font: 0.95em ui-monospace, monospace; }
"""

STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"
"""The page needs nothing but its own style (Content Security Policy, level 3)."""

HEAD = """# Errors

Every error of Figment's own interface is `application/problem+json` (RFC 9457). The last part of its `type` is one
of these; its address, `/problems/KIND`, is served as a page with the same text. Below `/v1` and `/v2` the same errors
come in the shapes of [those protocols](protocols.md), with 400 for 422.

This page is written by `make errors`.
"""

router = APIRouter(tags=["health"], dependencies=[only(NoQuery)])


@router.get(
    "/problems/{kind}",
    operation_id="problem",
    summary="What a problem means",
    response_class=HTMLResponse,
    responses=responses("invalid-parameter", "not-found"),
)
async def problem_page(kind: Annotated[str, Path(examples=["overloaded"])], request: Request) -> Response:
    """Say what a problem means and what to do, as a page for people."""
    if kind not in KINDS:
        raise HTTPException(404)
    caching = "public, max-age=3600"
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(page(kind, KINDS[kind]), headers=headers)


def page(name: str, kind: Kind) -> str:
    """The HTML of a problem's page."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{kind.title} · Figment</title>
<style>{STYLE}</style>
<main>
<h1>{kind.title}</h1>
<p><code>{name}</code>, HTTP status {kind.status}</p>
<h2>What it means</h2>
<p>{_with_code(kind.meaning)}</p>
<h2>What to do</h2>
<p>{_with_code(kind.remedy)}</p>
</main>
</html>
"""


def _with_code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def markdown() -> str:
    """The text of docs/errors.md; the anchor of a problem is its name."""
    return HEAD + "".join(
        f'\n<a id="{name}"></a>\n\n## `{name}`: {kind.title}, {kind.status}\n\n{kind.meaning}\n\n{kind.remedy}\n'
        for name, kind in KINDS.items()
    )
