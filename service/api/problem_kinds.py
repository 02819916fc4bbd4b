"""The closed set of problems: what each means, and what to do. `problem_pages` makes pages and docs/errors.md of it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A problem type: its HTTP status, its title, what it means, what to do about it, and an example's own fields."""

    status: int
    title: str
    meaning: str
    remedy: str
    example: dict[str, Any]


KINDS = {
    "invalid-parameter": Kind(
        422,
        "Invalid parameter",
        "A parameter is out of range, of the wrong type, given twice, empty or unknown; or the body is not what this "
        "request takes. `errors` names each, with what is allowed and what was got. Nothing was drawn.",
        "Change what `errors` names; /docs and docs/http.md say what each request takes. The same request will fail "
        "again.",
        {
            "detail": "n: Input should be less than or equal to 64 (got '100')",
            "errors": [{"parameter": "n", "message": "Input should be less than or equal to 64", "got": "100"}],
        },
    ),
    "unauthorized": Kind(
        401,
        "Unauthorized",
        "The service asks for a key, and there is none, one that it does not know, or one that has ended. `detail` "
        "says which.",
        "Send the key as `Authorization: Bearer KEY` or `X-Api-Key: KEY`. Who runs the service makes one with "
        "`python -m service.access new`.",
        {"detail": "a key is needed, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`"},
    ),
    "forbidden": Kind(
        403,
        "Forbidden",
        "The key is good, but not for this: it lacks the scope that `detail` names.",
        "Use another key, or ask whoever runs the service for that scope. The same request will fail again.",
        {"detail": "the key 'shop' has the scope generate; project is needed"},
    ),
    "not-found": Kind(
        404,
        "Not found",
        "There is no such path.",
        "Look for it in /docs. Paths are compared letter by letter, and one with a slash at its end is another path.",
        {"detail": "there is no /faces; see /docs"},
    ),
    "method-not-allowed": Kind(
        405,
        "Method not allowed",
        "The path exists, but not for this method, such as DELETE.",
        "Use one of the methods of the header `Allow`.",
        {"detail": "DELETE is not allowed on /generate; allowed: GET, HEAD, POST"},
    ),
    "not-acceptable": Kind(
        406,
        "Not acceptable",
        "The header `Accept` names only formats that this request cannot be answered in. `offered` lists those it can.",
        "Ask for one of `offered`, add `*/*` to `Accept`, or name the format in the query: `format=png`.",
        {
            "detail": "no format that Accept names is offered; there are: image/png, image/webp",
            "offered": ["image/png", "image/webp"],
        },
    ),
    "slow-request": Kind(
        408,
        "Request timeout",
        "The request, its head or its body, was not there within FIGMENT_SEND_SECONDS of its beginning. The connection "
        "is closed.",
        "Send it again, in one piece. On a slow line send less; who runs the service can raise FIGMENT_SEND_SECONDS.",
        {"detail": "the head did not come within 20 s"},
    ),
    "too-large": Kind(
        413,
        "Too large",
        "The body of the request is longer than what is read, or becomes so when it is unpacked.",
        "Send less: fewer latents in a request, binary instead of JSON, or a smaller picture. `detail` has the limit.",
        {"detail": "the body is longer than the 1048576 bytes that are read"},
    ),
    "url-too-long": Kind(
        414,
        "URL too long",
        "The URL is longer than what is read. The connection is closed.",
        "Send the parameters as JSON by POST: it takes all that a query does. `detail` has the limit.",
        {"detail": "the URL has more than 65535 bytes"},
    ),
    "unsupported-media": Kind(
        415,
        "Unsupported media type",
        "The body of the request is of a kind, or compressed in a way, that this request does not read.",
        "Send it as `detail` says, and name it in `Content-Type` and `Content-Encoding`.",
        {"detail": "text/plain is not read; send a picture, or a form with the field image"},
    ),
    "rate-limited": Kind(
        429,
        "Too many images",
        "The key, or where there is none the address, has had the images that it may have in this time. Nothing was "
        "drawn.",
        "Ask again after the seconds of `Retry-After`, or for fewer images: the header `RateLimit` says how many are "
        "left (`r`) and for how long (`t`), `RateLimit-Policy` how many there are (`q`) in how many seconds (`w`).",
        {"detail": "16 images are asked for, and 4 of 600/minute are left; in 12 s there are 600 again"},
    ),
    "headers-too-large": Kind(
        431,
        "Headers too large",
        "The headers of the request are longer, or more, than what is read. The connection is closed.",
        "Send fewer or shorter ones; a browser may have collected cookies. `detail` has the limit.",
        {"detail": "the headers are longer than what is read"},
    ),
    "not-http": Kind(
        400,
        "Not HTTP",
        "What was sent is no request of HTTP/1.1. The connection is closed.",
        "Speak HTTP/1.1 without TLS to this port: `http://`, not `https://`; text beyond ASCII in a URL is "
        "percent-encoded.",
        {"detail": "what was sent is no request of HTTP/1.1"},
    ),
    "unknown-model": Kind(
        404,
        "Unknown model",
        "No model of that name is served, or the store has no good version of that number. `models` lists what there "
        "is.",
        "Take a name or version of `models`, or leave them out. If one should be there, `GET /models` says under "
        "`skipped` why it is not served.",
        {"detail": "no model 'cats'; there are: adventurer", "models": ["adventurer"]},
    ),
    "too-many-connections": Kind(
        503,
        "Too many connections",
        "As many connections are open as may be. Nothing of the request was read.",
        "Ask again after the seconds of `Retry-After`, keep a connection instead of opening others, and close those "
        "that are not used. Who runs the service can raise FIGMENT_CONNECTIONS.",
        {"detail": "1000 connections are open, which is as many as may be"},
    ),
    "overloaded": Kind(
        503,
        "Overloaded",
        "The answer would come too late: as many images wait as may, or those that wait take longer than the deadline "
        "leaves. Nothing was drawn.",
        "Ask again after the seconds of `Retry-After`, which come from measured times. Fewer images in a request are "
        "served sooner. Who runs the service can add machines, or raise FIGMENT_QUEUE and FIGMENT_DEADLINE.",
        {"detail": "1024 images wait already; come again in about 3 s"},
    ),
    "not-ready": Kind(
        503,
        "Not ready",
        "The service is starting or stopping, no model is served, or not the one of FIGMENT_DEFAULT_MODEL, or the "
        "device hangs. `detail` says which.",
        "Ask again after the seconds of `Retry-After`. If it stays, `GET /readyz` and the log say what is missing.",
        {"detail": "starting: the models are being loaded"},
    ),
    "not-live": Kind(
        503,
        "Not live",
        "The device hangs: a batch runs for much longer than it should, FIGMENT_WEDGED seconds and more, and no end is "
        "in sight. `detail` says what. Only `GET /livez` answers so.",
        "Restart the service. Kubernetes does so by its liveness probe; Docker alone does not. If it comes again, look "
        "at the machine: a GPU's driver, memory that is swapped, a processor that is taken by others.",
        {"detail": "a batch of 16 of adventurer/1 has run for 75 s; 0.04 s were expected"},
    ),
    "timeout": Kind(
        504,
        "Timeout",
        "The answer was not there at the deadline: FIGMENT_DEADLINE, or what the client said in `Prefer: wait`.",
        "Ask again, for fewer images at a time, or wait longer: `Prefer: wait` up to FIGMENT_DEADLINE.",
        {"detail": "not answered within 30 s"},
    ),
    "inference-failed": Kind(
        500,
        "Inference failed",
        "The model failed on this request; others are served. `detail` has the reason.",
        "Try another seed or model. Who runs the service finds the whole error in its log.",
        {"detail": "the model failed: InvalidArgumentError; the service's log says more"},
    ),
    "internal": Kind(
        500,
        "Internal error",
        "An error of Figment's own. It is in the log and not in the answer, since it may name what is private.",
        "Ask again. If it comes again, report it with the request and the lines of the log.",
        {"detail": "an error in the service; its log says more"},
    ),
}
"""Every problem type by the last part of its address, `/problems/KIND`."""
