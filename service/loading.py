"""What loads bundles onto this process's device. TensorFlow is imported here, when it is asked for."""

from bundle.environment import prepare_tensorflow
from service.engine.protocol import Loader
from service.settings import Settings
from service.startup import Startup, without


def tensorflow_loader(settings: Settings, startup: Startup) -> Loader:
    """The loader of the settings' device, graphs that are trusted, and precision; its time is a part of the startup.

    Raises:
        EngineError: the settings ask for a GPU and there is none.
    """
    prepare_tensorflow()
    with startup.part("TensorFlow"), without("keras"):
        from service.engine.savedmodel import open_device

    return open_device(settings.device, settings.trust == "all", settings.precision)
