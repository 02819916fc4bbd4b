"""The application: only wiring."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi

from bundle.environment import prepare_tensorflow
from bundle.store import Store
from service.api import (
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
from service.engine.protocol import Loader
from service.projection.desk import Desk
from service.settings import Settings
from service.startup import Startup, without

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
    """
    startup = Startup()
    load = loader or _tensorflow(settings, startup)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(catalogue.watch(load), name="watch")
        yield
        watching.cancel()
        await asyncio.wait([watching])
        await catalogue.close()
        desk.close()

    catalogue = Catalogue(settings, store, startup=startup, batching=batching)
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
    app.state.catalogue, app.state.desk = catalogue, desk
    pictures = (generate, interpolate, variations, mix, project, inspect)
    routers = [module.router for module in (*pictures, models, health, metrics)]
    routers += [openinference.router, v2_models.router, v2_models.index_router]
    routers += [openai.router, openai.images_router]
    routers += [tfserving.router, tfserving.predict_router]
    routers += [problem_pages.router, page.make_router()]
    problems.install(app, [*app.routes, *(route for router in routers for route in router.routes)])
    for router in routers:
        app.include_router(router)
    app.add_middleware(shedding.Shedding, catalogue=catalogue)
    app.add_middleware(head.HeadAsGet)
    _document_problems(app)
    return app


def _tensorflow(settings: Settings, startup: Startup) -> Loader:
    prepare_tensorflow()
    with startup.part("TensorFlow"), without("keras"):
        from service.engine.savedmodel import open_device

    return open_device(settings.device, settings.trust == "all", settings.precision)


def _document_problems(app: FastAPI) -> None:
    """Put the schema that the documented problems refer to into the OpenAPI document."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        document["security"] = []  # nobody is asked who they are
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schema = problems.ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {"ProblemDetails": schema}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
