"""The service's page for people: what it shows stands in the fragment of its address."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

from .points import points_of_request

_COMMON = ("model", "version", "truncation", "label")


def page_request(request: str) -> str:
    """The path and fragment of the page that shows what a request, a path and query, draws."""
    url = urlsplit(request)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    points = points_of_request(request)
    state = {name: query[name] for name in _COMMON if name in query}
    if url.path.startswith("/images/"):
        state |= {"open": "picture", "picture": points[0]}
    elif url.path.startswith("/variations"):
        state |= {"of": query.get("seed", "")}
        state |= {name: query[name] for name in ("distance", "noise") if name in query}
    elif url.path.startswith("/interpolate"):
        chosen = ",".join(points)
        state |= {"kept": chosen, "chosen": chosen, "loop": query.get("loop", "false"), "open": "walk"}
    elif "seeds" in query:
        state |= {"kept": ",".join(points)}
    elif points and points[0].isdecimal():
        state |= {"seed": points[0]}
    fragment = urlencode({name: value for name, value in state.items() if value}, safe=",:")
    return f"/#{fragment}" if fragment else "/"
