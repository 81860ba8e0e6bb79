"""The published schemas of docs/schemas; tests check documents by them.

``python -m tests.schemas`` writes the schemas that follow from a type of the code.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator

from functions.progress import Watch
from shared.decision import Decision
from shared.model import ModelBundle
from shared.policy import Policy
from training.models.model_card import ModelCard
from training.nightly.results import Result

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"


def read_schema(name: str) -> dict[str, Any]:
    """Read docs/schemas/{name}.json."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return schema


def violations(name: str, document: Any) -> list[str]:
    """Return how a document breaks a published schema; [] if it does not."""
    errors = Draft202012Validator(read_schema(name)).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]


def generated_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas that follow from a type of the code, by name."""
    dialect = {"$schema": Draft202012Validator.META_SCHEMA["$id"]}
    types = {
        "policy": Policy,
        "bundle": ModelBundle,
        "decision": Decision,
        "bundle-card": ModelCard,
        "run": Result,
        "hub": Watch,
    }
    schemas = {name: dialect | msgspec.json.schema(kind) for name, kind in types.items()}
    as_json: dict[str, dict[str, Any]] = json.loads(json.dumps(schemas))
    return as_json


if __name__ == "__main__":
    for schema_name, schema_document in generated_schemas().items():
        text = json.dumps(schema_document, indent=2, ensure_ascii=False) + "\n"
        (SCHEMAS / f"{schema_name}.json").write_text(text, encoding="utf-8")
