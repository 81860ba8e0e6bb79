"""Documents as a store gives them back."""

from shared.documents import own_fields


def test_what_cosmos_db_adds_to_a_document_is_left_out() -> None:
    stored = {
        "id": "o-1.0",
        "rep_id": "Bo Ek",
        "_rid": "AAAA",
        "_self": "dbs/AAAA/",
        "_etag": '"0000"',
        "_attachments": "attachments/",
        "_ts": 1_772_366_400,
    }
    assert own_fields(stored) == {"id": "o-1.0", "rep_id": "Bo Ek"}
    assert "_etag" in stored
