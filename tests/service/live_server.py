"""The service on a socket, with a fake engine: for other people's clients, which open sockets themselves."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bundle.store import Bundle, Store
from service.app import create_app
from service.server import build_server, listen
from service.settings import Settings
from tests.service.fake_engine import PATIENCE, ConditionalEngine, FakeEngine


@contextmanager
def listening(store: Store, **settings: object) -> Iterator[str]:
    """Serves a store on 127.0.0.1 in a thread; gives host:port once the models are loaded."""

    def load(bundle: Bundle) -> FakeEngine:
        image, shares = bundle.manifest.image, bundle.manifest.class_shares
        shape = (image.height, image.width, image.channels)
        return ConditionalEngine(shares, shape) if shares else FakeEngine(shape, version=bundle.manifest.version)

    chosen = Settings.model_validate({"models": store.root, "log_level": "error", "grace": 0} | settings)
    app = create_app(chosen, store, load)
    with logging_as_it_was():
        server = build_server(chosen, app, app.state.catalogue, app.state.refusals)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _wait_until_loaded(app.state.catalogue)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """Undo what a block does to logging, as a server does for its own process: other tests look at what is logged."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("", "figment", "uvicorn")}
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _wait_until_loaded(catalogue: object) -> None:
    end = time.monotonic() + PATIENCE
    while catalogue.loading:  # type: ignore[attr-defined]
        assert time.monotonic() < end, "the models were not loaded"
        time.sleep(0.002)
