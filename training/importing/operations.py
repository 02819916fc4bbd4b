"""Foreign graphs that could do something to this machine are refused, before anything of them runs."""

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from bundle.operations import reaching_outside
from training.importing.questions import Refused


def check_operations(model: SavedModel) -> None:
    """Refuse a graph that holds operations which reach files, Python or other machines.

    Raises:
        Refused: names the operations.
    """
    if found := reaching_outside(model):
        raise Refused(
            f"the graph holds {', '.join(found)}: operations that reach files, Python or other machines, which a "
            "generator does not need; --trust takes it nevertheless, if you trust whoever made it"
        )
