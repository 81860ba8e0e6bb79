"""The published schemas are sound and in step with the code."""

import json

import pytest
from jsonschema import Draft202012Validator

from shared.catalogue import COLUMNS
from shared.model import encode_bundle, packaged_bundle
from shared.shadow import Disagreement, ShadowState, ShadowTotals, Tally
from shared.stream import StreamState
from tests.schemas import SCHEMAS, generated_schemas, read_schema, violations

NAMES = sorted(path.stem for path in SCHEMAS.glob("*.json"))


def test_every_contract_has_a_schema() -> None:
    assert {
        *("order", "alert", "incident", "state", "dead-letter", "catalogue", "policy"),
        *("bundle", "bundle-card", "champion", "decision", "run", "shadow"),
    } <= {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_json_schema_and_says_what_it_describes(name: str) -> None:
    schema = read_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", sorted(generated_schemas()))
def test_a_generated_schema_is_in_step_with_its_type(name: str) -> None:
    assert read_schema(name) == generated_schemas()[name], "run python -m tests.schemas"


@pytest.mark.parametrize("name", NAMES)
def test_its_examples_follow_it(name: str) -> None:
    examples = read_schema(name).get("examples", [])
    assert [found for example in examples for found in violations(name, example)] == []


def test_the_catalogue_names_every_column_of_the_code() -> None:
    assert tuple(read_schema("catalogue")["required"]) == COLUMNS


def test_the_packaged_bundle_follows_the_schema() -> None:
    data, _ = encode_bundle(packaged_bundle())
    assert violations("bundle", json.loads(data)) == []


def test_a_state_document_has_the_fields_of_the_schema_and_no_others() -> None:
    place = {"hub": "orders", "consumer_group": "scorers", "partition_id": "0"}
    fields = read_schema("state")["properties"].keys()
    for version, others in ((2, {"attempts", "beside"}), (1, set())):
        stored = json.loads(json.dumps(StreamState().to_document(version)))
        document = {"id": "orders.scorers.0", **place, **stored}
        assert violations("state", document) == []
        kept = document.get("beside", {}).keys() | document.keys()
        assert kept == fields - others


def test_a_shadow_document_has_the_fields_of_the_schema_and_no_others() -> None:
    place = {"hub": "orders", "consumer_group": "scorers", "partition_id": "0"}
    named = (Disagreement("o-1", 0.1, 0.9),)
    totals = ShadowTotals("v2", ("v1",), 1, 0, Tally(), Tally(1, {"added_item": 1}, 7), 0, named)
    for state in (ShadowState(totals), ShadowState(ShadowTotals("v2"))):
        stored = json.loads(json.dumps(state.to_document()))
        document = {"id": "orders.scorers.0.v2", **place, **stored}
        assert violations("shadow", document) == []
        assert document.keys() == read_schema("shadow")["properties"].keys()
