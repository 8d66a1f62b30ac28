"""One profile for everybody: no deadline, more examples when DEALREADY_EXAMPLES asks for a soak, sweeps as rare as in use."""

from __future__ import annotations

import gc
import os

from dealready.cli import SWEEP_AFTER
from hypothesis import HealthCheck, settings

settings.register_profile(
    "dealready",
    max_examples=int(os.environ.get("DEALREADY_EXAMPLES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("dealready")
gc.set_threshold(SWEEP_AFTER)  # the rules are a large heap to sweep
