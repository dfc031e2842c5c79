# SPDX-License-Identifier: Apache-2.0
"""Parameters on their way from a pytest function to the cocotb module that it runs."""

import json
import os
from collections.abc import Mapping
from typing import Any

VARIABLE = "DPU_BENCH_PARAMETERS"


def bench_parameters() -> dict[str, Any]:
    """Return, inside the simulation, the parameters that ``run_cocotb`` was given."""
    parameters: dict[str, Any] = json.loads(os.environ.get(VARIABLE, "{}"))
    return parameters


def as_environment(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment that hands parameters over; they must be expressible in JSON."""
    return {VARIABLE: json.dumps(dict(parameters))}
