"""The service as a deployment graph of Ray Serve: ingresses, which speak HTTP and encode, before generator replicas.

serve run deploy/ray/serve.yaml
"""

import asyncio
import gc
import sys

import ray
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from bundle.store import Store
from deploy.ray.generator import Generator
from deploy.ray.metrics import tell
from deploy.ray.remote import RemoteBatcher, Replicas, remote_loader
from service.app import create_app
from service.cli import GC_THRESHOLD, SWITCH_INTERVAL
from service.settings import Settings


@serve.ingress()
class Ingress:
    """The HTTP side: the application of `service.app`, whose engines are the generator replicas."""

    async def __init__(self, generators: DeploymentHandle) -> None:  # type: ignore[misc]  # Serve awaits it
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.set_threshold(*GC_THRESHOLD)
        self._replicas = Replicas(generators, asyncio.get_running_loop())

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The application; Serve asks for it once the replica is made."""
        settings = Settings()
        return create_app(settings, Store(settings.models), remote_loader(self._replicas), RemoteBatcher)


class Replica(Generator):
    """A generator as Serve ends it; with a port it tells Prometheus of itself at its node's address."""

    async def __init__(self, metrics_port: int) -> None:  # type: ignore[misc]  # Serve awaits it
        self._telling: asyncio.Task[None] | None = None
        await super().__init__()  # type: ignore[misc]
        if metrics_port:
            telling = tell(self.registry, ray.util.get_node_ip_address(), metrics_port)
            self._telling = asyncio.create_task(telling, name="metrics")

    async def __del__(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        await self.close()


class Options(BaseModel):
    """The `args` of the application in serve.yaml; all else is set by FIGMENT_ variables on the nodes."""

    model_config = ConfigDict(extra="forbid")

    metrics_port: int = Field(default=0, ge=0, le=65535)
    """At which each generator answers Prometheus, at its node's address; 0: none does."""


def build(options: Options) -> Application:
    """The graph."""
    generators = serve.deployment(Replica, name="Generator").bind(options.metrics_port)
    return serve.deployment(Ingress).bind(generators)
