#!/usr/bin/env python3
"""Turns a deployment's outputs into pipeline variables: names and addresses, no secrets.

az deployment group show ... --query properties.outputs > outputs.json
python3 infra/pipelines/outputs.py outputs.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NEEDED = (
    "ORDERS_HUB",
    "ORDERS_CONSUMER_GROUP",
    "EventHubConnection__fullyQualifiedNamespace",
    "COSMOS_ENDPOINT",
    "COSMOS_DATABASE",
    "BLOB_ACCOUNT_URL",
    "MLFLOW_TRACKING_URI",
    "scorerAppName",
    "trainerAppName",
    "deskAppName",
)
"""Outputs of infra/main.bicep that steps of the pipeline use."""


def commands(outputs: Any) -> Iterator[str]:
    """Yield a command to the agent for every needed output.

    Azure does not keep the case of their names: `ORDERS_HUB` comes back as `orderS_HUB` (GitHub,
    Azure/azure-dev 512). So case does not matter here.

    Raises:
        ValueError: an output is missing, or is more than one line of text; says which.
    """
    given = outputs if isinstance(outputs, dict) else {}
    known = {name.casefold(): output for name, output in given.items()}
    for name in NEEDED:
        output = known.get(name.casefold())
        value = output.get("value") if isinstance(output, dict) else None
        if not isinstance(value, str) or not value or not value.isprintable():
            raise ValueError(f"output {name} is {value!r}: expected one line of text")
        yield f"##vso[task.setvariable variable={name}]{value}"


def main(path: str) -> int:
    """Print the commands; return 1 if an output is missing."""
    try:
        print("\n".join(commands(json.loads(Path(path).read_text(encoding="utf-8")))))
    except (OSError, ValueError) as error:
        print(f"##vso[task.logissue type=error]{path}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
