#!/usr/bin/env python3
"""Says how many throughput units a deployment should ask for.

    az eventhubs namespace list ... --query '[].sku.capacity' > there.json
    python3 infra/pipelines/throughput.py parameters.json there.json

Auto-inflate raises the units of a namespace and never lowers them. A deployment that writes the
parameter `throughputUnits` back would throttle producers at once, so it asks for what is there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def units(parameters: Any, there: Any) -> int:
    """The units to ask for: those that are there, but no fewer than the parameters say.

    At most one less than the maximum: Azure wants the maximum greater than the capacity (GitHub,
    MicrosoftDocs/azure-docs-cli 4411). ``there`` is a list with the capacity of the namespace, or
    an empty one before the first deployment.

    Raises:
        ValueError: one of the two is of another form.
    """
    try:
        given = parameters["parameters"]
        least = given["throughputUnits"]["value"]
        most = given["throughputUnitsMaximum"]["value"]
        inflated = max(there, default=0)
        return int(max(least, min(inflated, most - 1)))
    except (KeyError, TypeError) as error:
        raise ValueError(f"expected parameters, and a list of capacities: {error!r}") from error


def main(parameters: str, there: str) -> int:
    """Print the number; 1 where a file cannot be read."""
    try:
        print(units(*(json.loads(Path(file).read_text("utf-8")) for file in (parameters, there))))
    except (OSError, ValueError) as error:
        print(f"throughput.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
