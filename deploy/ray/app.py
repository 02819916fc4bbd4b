"""The service as a deployment graph of Ray Serve: ingresses, which speak HTTP and encode, before generator replicas.

serve run deploy/ray/serve.yaml
"""

import asyncio
import gc
import sys

from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle

from bundle.store import Store
from deploy.ray.generator import Generator
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
    """A generator as Serve ends it."""

    async def __del__(self) -> None:
        await self.close()


def build(options: dict[str, str]) -> Application:
    """The graph; what can be set is set in serve.yaml, and by FIGMENT_ variables on the nodes."""
    if options:
        raise ValueError(f"there are no arguments, got {', '.join(options)}: set FIGMENT_ variables on the nodes")
    generators = serve.deployment(Replica, name="Generator").bind()
    return serve.deployment(Ingress).bind(generators)
