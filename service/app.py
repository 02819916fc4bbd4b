"""The application: only wiring."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi

from bundle.store import Store
from service.access.protection import Protection
from service.api import (
    examples,
    generate,
    head,
    health,
    inspect,
    interpolate,
    metrics,
    mix,
    models,
    openai,
    openinference,
    page,
    problem_pages,
    problems,
    project,
    shedding,
    tfserving,
    v2_models,
    variations,
)
from service.catalogue import Catalogue
from service.engine.batcher import Batcher
from service.engine.device import Device
from service.engine.protocol import Loader
from service.limits.refusals import Refusals
from service.loading import tensorflow_loader
from service.observability.batches import BatchObserver
from service.observability.collector import CatalogueCollector
from service.observability.metrics import Metrics
from service.observability.middleware import watch
from service.observability.tracing import open_traces
from service.projection.desk import Desk
from service.settings import Settings
from service.startup import Startup

DESCRIPTION = """Images drawn by a generative adversarial network.

The same seed gives the same pixels. Every error is `application/problem+json`."""


def create_app(
    settings: Settings, store: Store, loader: Loader | None = None, batching: type[Batcher] = Batcher
) -> FastAPI:
    """Build the service.

    Args:
        settings: see `Settings`.
        store: where the bundles are.
        loader: what loads them; TensorFlow, on the device of the settings, if left out.
        batching: a model's queue, where it is not before this process's own device.

    Raises:
        EngineError: the settings ask for a GPU and there is none.
        KeyFileError: the file of keys cannot be read, or is wrong.
        TracesUnavailable: they ask for traces, and OpenTelemetry is not installed.
    """
    startup, instruments, protection = Startup(), Metrics(), Protection(settings)
    traces = open_traces(settings.traces)
    load = loader or tensorflow_loader(settings, startup)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watching = [asyncio.create_task(catalogue.watch(load), name="watch"), *protection.tasks()]
        yield
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
        await catalogue.close()
        desk.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)

    device = Device(settings.in_flight, observer=BatchObserver(instruments, traces))
    catalogue = Catalogue(settings, store, device, startup, batching)
    instruments.registry.register(CatalogueCollector(catalogue))
    desk = Desk(catalogue)
    app = FastAPI(
        title="Figment",
        version="0.1.0",
        description=DESCRIPTION,
        servers=[{"url": "/"}],
        lifespan=lifespan,
        docs_url=None,  # fastapi_swagger serves /docs itself, without a request to anybody else's server
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,  # the address would be a guess behind a load balancer
    )
    patch_fastapi(app, redirect_from_root_to_docs=False)
    app.state.catalogue, app.state.desk, app.state.metrics = catalogue, desk, instruments
    app.state.refusals = Refusals(instruments.refuse)
    pictures = (generate, interpolate, variations, mix, project, inspect)
    routers = [module.router for module in (*pictures, models, health, metrics)]
    routers += [openinference.router, v2_models.router, v2_models.index_router]
    routers += [openai.router, openai.images_router]
    routers += [tfserving.router, tfserving.predict_router]
    routers += [problem_pages.router, page.make_router()]
    routes = [*app.routes, *(route for router in routers for route in router.routes)]
    problems.install(app, routes)
    for router in routers:
        app.include_router(router)
    app.add_middleware(shedding.Shedding, catalogue=catalogue)
    protection.install(app)
    app.add_middleware(head.HeadAsGet)
    protection.install_outside(app)
    watch(app, routes, instruments, traces)
    _document(app, protection)
    return app


def _document(app: FastAPI, protection: Protection) -> None:
    """Put the schema that the documented problems refer to, examples, and who may ask into the OpenAPI document."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        protection.describe(document)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schema = problems.ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {"ProblemDetails": schema}
        examples.put_into(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
