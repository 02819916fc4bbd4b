"""A service in memory that answers as the contract says, for httpx.MockTransport."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

import httpx
import numpy as np
import PIL.Image
import PIL.PngImagePlugin

from tests.client.contract import body_names, operation, query_names

LISTING: dict[str, Any] = {
    "models": [
        {
            "name": "adventurer",
            "version": 3,
            "versions": [3, 1],
            "latent_dim": 128,
            "image_shape": [64, 64, 3],
            "seed_scheme": "numpy-randomstate-v1",
            "class_names": ["cat", "dog"],
            "digest": "sha256:1f",
            "license": "CC0-1.0",
            "attribution": "drawn for the tests",
            "default": True,
            "batch_sizes": [1, 2, 4],
        }
    ],
    "skipped": [{"path": "broken/1", "reason": "no manifest"}],
}
MEDIA_TYPES = {
    **{name: f"image/{name}" for name in ("png", "webp", "jpeg", "avif", "gif", "apng")},
    **{"mp4": "video/mp4", "zip": "application/zip", "npz": "application/x-npz", "json": "application/json"},
}
ENDINGS = {"jpg": "jpeg"}
MP4 = b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\0\x0bmdat\1\2\3"


class FakeService:
    """Answers, and remembers the requests in `asked`. `redrawn` moves the colour of every picture by as much."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.redrawn = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if (refusal := refused(request)) is not None:
            return refusal
        if path == "/models":
            return httpx.Response(200, json=LISTING)
        if path in ("/readyz", "/livez"):
            return httpx.Response(200, json={"ready": True})
        if path == "/inspect":
            return inspected(request.content)
        if path == "/project":
            return projected(request)
        if path.startswith(("/generate", "/images/", "/interpolate", "/variations", "/mix")):
            return self._drawn(request)
        return problem("not-found", 404)

    def _drawn(self, request: httpx.Request) -> httpx.Response:
        options = options_of(request)
        if int(options.get("n", 1)) > 64:
            fault = {"parameter": "n", "message": "at most 64", "got": str(options["n"])}
            return problem("invalid-parameter", 422, detail="n: at most 64", errors=[fault])
        if options.get("model", "adventurer") != "adventurer":
            return problem("unknown-model", 404, models=["adventurer"])
        points = points_of(request.url.path, options)
        replay = replay_of(request, options)
        name = options.get("format") or ("webp" if request.url.path == "/interpolate" else "png")
        provenance = provenance_of(replay, points, options)
        headers = {
            "Content-Type": MEDIA_TYPES[name],
            "Figment-Model": "adventurer/3",
            **{f"Figment-{key}": provenance[f"figment:{key.lower()}"] for key in ("Seeds", "Labels")},
            "Figment-Seed": points[0] if points[0].isdecimal() else "",
            "Figment-Request": replay,
        }
        kept = {key: value for key, value in headers.items() if value and len(value) <= 4000}
        return httpx.Response(200, headers=kept, content=written(name, points, provenance, self.redrawn))


def refused(request: httpx.Request) -> httpx.Response | None:
    """The problem of a request that the service's own OpenAPI document does not have, or None."""
    described = operation(request.method, request.url.path)
    if described is None:
        elsewhere = operation("POST" if request.method == "GET" else "GET", request.url.path)
        return problem("not-found", 404) if elsewhere is None else problem("method-not-allowed", 405)
    unknown = set(parse_qs(request.url.query.decode(), keep_blank_values=True)) - query_names(described)
    if request.headers.get("Content-Type") == "application/json":
        unknown |= set(json.loads(request.content)) - body_names(described)
    if not unknown:
        return None
    faults = [{"parameter": name, "message": "there is no such parameter", "got": None} for name in sorted(unknown)]
    detail = f"{', '.join(sorted(unknown))}: there is no such parameter"
    return problem("invalid-parameter", 422, detail=detail, errors=faults)


def options_of(request: httpx.Request) -> dict[str, Any]:
    """The query's or the body's parameters, and the format that the path's ending names."""
    options: dict[str, Any] = {k: v[0] for k, v in parse_qs(request.url.query.decode(), strict_parsing=False).items()}
    if request.method == "POST":
        assert not options, "a parameter given twice is an error"
        assert request.headers["Content-Type"] == "application/json"
        options = json.loads(request.content)
    if request.url.path.startswith("/images/"):
        ending = request.url.path.rpartition(".")[2]
        options["format"] = ENDINGS.get(ending, ending)
    return options


def replay_of(request: httpx.Request, options: dict[str, Any]) -> str:
    if request.method == "GET":
        return request.url.raw_path.decode()
    latents = ",".join(
        "z:" + base64.urlsafe_b64encode(np.array(row, "<f4").tobytes()).decode().rstrip("=")
        for row in options.get("latents", [])
    )
    query = {name: value for name, value in options.items() if name != "latents"}
    return f"{request.url.path}?{urlencode({**query, **({'seeds': latents} if latents else {})}, quote_via=quote)}"


def points_of(path: str, options: Mapping[str, Any]) -> list[str]:
    if path.startswith("/images/"):
        texts = [unquote(path.removeprefix("/images/")).rpartition(".")[0]]
    elif "latents" in options:
        return ["z:"] * len(options["latents"])
    elif "seeds" in options:
        texts = [each for part in options["seeds"].split(",") for each in ranged(part)]
    elif path == "/interpolate":
        texts = ["1", "2", "3"]
    else:
        texts = [str(options.get("seed", 7))]
        if texts[0].isdecimal():
            texts = [str(int(texts[0]) + i) for i in range(int(options.get("n", 1)))]
    return [text if text.isdecimal() or text.startswith("z:") else str(zlib.crc32(text.encode())) for text in texts]


def ranged(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    if dash and first.isdecimal() and last.isdecimal():
        return [str(number) for number in range(int(first), int(last) + 1)]
    return [text]


def provenance_of(replay: str, points: list[str], options: Mapping[str, Any]) -> dict[str, str]:
    label = {None: "", "dog": "1", "1": "1"}.get(options.get("label"), "0")
    return {
        "figment:request": replay,
        "figment:seeds": ",".join(points) if all(point.isdecimal() for point in points) else "",
        "figment:labels": ",".join([label] * len(points)) if label else "",
        "figment:model": "adventurer/3",
        "figment:digest": "sha256:1f",
        "figment:precision": "float32",
    }


def written(name: str, points: list[str], provenance: Mapping[str, str], shift: int = 0) -> bytes:
    if name == "mp4":
        return MP4
    if name == "json":
        return json.dumps({"images": [{"point": point, "label": None} for point in points]}).encode()
    if name == "npz":
        file = io.BytesIO()
        np.savez(
            file, images=np.zeros((len(points), 2, 3, 3), np.uint8), latents=np.zeros((len(points), 4), np.float32)
        )
        return file.getvalue()
    if name == "zip":
        return zipped(points, provenance, shift)
    return encoded(points, provenance, name, shift)


def zipped(points: list[str], provenance: Mapping[str, str], shift: int) -> bytes:
    file, taken = io.BytesIO(), set()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("figment.json", "{}")
        for number, point in enumerate(points):
            name = f"{point}.png" if point.isdecimal() else f"image-{number:03}.png"
            name = f"{number:03}-{name}" if name in taken else name
            taken.add(name)
            own = {**provenance, "figment:labels": provenance.get("figment:labels", "").split(",")[0]}
            archive.writestr(name, encoded([point], own, "png", shift))  # seeds and request are those of the archive
    return file.getvalue()


def encoded(points: list[str], provenance: Mapping[str, str], name: str = "png", shift: int = 0) -> bytes:
    """A picture of a few pixels: one column of three for each point, in its colour."""
    image = PIL.Image.new("RGB", (3 * len(points), 2))
    for number, point in enumerate(points):
        colour = zlib.crc32(point.encode()) % 200 + shift
        image.paste((colour, 255 - colour, 10), (3 * number, 0, 3 * number + 3, 2))
    file, texts = io.BytesIO(), PIL.PngImagePlugin.PngInfo()
    for keyword, text in provenance.items():
        if text:
            texts.add_text(keyword, text, zip=len(text) > 60)
    exif = PIL.Image.Exif()
    exif[0x010E] = provenance.get("figment:request", "")
    options = {"pnginfo": texts} if name in ("png", "apng") else {"exif": exif} if name != "gif" else {}
    frames = {"save_all": True, "append_images": [image.transpose(1)]} if name == "apng" else {}
    image.save(file, "PNG" if name == "apng" else name.upper(), **options, **frames)
    return file.getvalue()


def inspected(content: bytes) -> httpx.Response:
    try:
        with PIL.Image.open(io.BytesIO(content)) as image:
            texts = image.text if isinstance(image, PIL.PngImagePlugin.PngImageFile) else {}
            request = texts.get("figment:request") or image.getexif().get(0x010E)
    except OSError:
        return problem("unsupported-media", 415, detail="the body is no picture")
    if request is None:
        return problem("invalid-parameter", 422, detail="the picture does not say what made it")
    seeds, labels = texts.get("figment:seeds"), texts.get("figment:labels")
    document = {
        "request": request,
        "url": f"http://127.0.0.1:8000{request}",
        "command": "figment generate --seed 7",
        "seeds": [int(seed) for seed in seeds.split(",")] if seeds else [],
        "labels": [int(label) for label in labels.split(",")] if labels else [],
        "model": "adventurer",
        "version": 3,
        "digest": "sha256:1f",
        "precision": "float32",
        "served": True,
    }
    return httpx.Response(200, json=document)


def projected(request: httpx.Request) -> httpx.Response:
    """Three steps and a result, as events where they are asked for, among comments that keep the connection open."""
    if not request.content.startswith(b"\x89PNG"):
        return problem("unsupported-media", 415)
    png = base64.b64encode(encoded(["near"], {})).decode()
    asked = int(request.url.params.get("steps", 3))
    steps = [{"step": i, "steps": asked, "distance": 0.3 / i, "seconds": 0.1 * i, "png": png} for i in (1, 2, 3)]
    steps[1]["point"] = "z:AAAAPw"
    result = {"point": "z:AACAPw", "distance": 0.1, "steps": 3, "seconds": 0.4, "model": "adventurer", "version": 3}
    result |= {"label": 1, "png": png, "request": "/images/z:AACAPw.png?model=adventurer&version=3"}
    if "text/event-stream" not in request.headers["Accept"]:
        return httpx.Response(200, json=result)
    events = [("progress", step) for step in steps] + [("result", result)]
    body = ": here\n\n" + ": still here\n\n".join(
        f"event: {name}\n:\ndata: {json.dumps(document)}\n\n" for name, document in events
    )
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=body.encode())


def problem(kind: str, status: int, headers: Mapping[str, str] | None = None, **members: object) -> httpx.Response:
    document = {"type": f"/problems/{kind}", "title": kind.capitalize(), "status": status, **members}
    every = {"Content-Type": "application/problem+json", **(headers or {})}
    return httpx.Response(status, headers=every, json=document)
