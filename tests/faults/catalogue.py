"""All faults, in the order in which they are tried."""

from collections.abc import Awaitable, Callable, Mapping

from tests.faults import balancer, clients, engines, processes, stores, trainings
from tests.faults.lab import Lab
from tests.faults.outcome import Outcome

Fault = Callable[[Lab], Awaitable[Outcome]]

REAL: Mapping[str, Fault] = {
    function.__name__: function
    for function in (
        processes.sigkill_under_load,
        engines.device_out_of_memory,
        trainings.training_killed,
    )
}
"""On TensorFlow."""

FAKE: Mapping[str, Fault] = {
    function.__name__: function
    for function in (
        processes.sigterm_under_load,
        processes.sigterm_unheeded,
        processes.restarts_in_a_row,
        balancer.rolling_restart,
        stores.disk_full,
        stores.store_unmounted,
        stores.version_torn,
        engines.engine_thread_dies,
        engines.clock_jumps,
        clients.hang_ups,
        clients.slow_writers,
        clients.slow_readers,
        clients.files_exhausted,
    )
}
"""The service as it is, on an engine without TensorFlow."""

FAULTS = {**REAL, **FAKE}
