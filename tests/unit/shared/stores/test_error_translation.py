"""What the SDKs' errors mean to us."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError

from shared.errors import ConfigurationError, RefusedError, TransientError, WriteConflict
from shared.stores.error_translation import missing_is_fine, named_setting, translated


def refusal(status: int, code: str = "") -> HttpResponseError:
    error = HttpResponseError("a key or an order may stand here")
    error.status_code, error.reason = status, "Reason"
    if code:
        error.error_code = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, RefusedError),
        (413, RefusedError),
        (409, WriteConflict),
        (412, WriteConflict),
        *((status, TransientError) for status in (401, 403, 404, 408, 429, 449, 500, 503)),
    ],
)
def test_a_status_has_one_meaning_and_the_message_names_no_content(
    status: int, meaning: type[Exception]
) -> None:
    with (
        pytest.raises(meaning, match=f"^write an alert: {status} Reason$"),
        translated("write an alert"),
    ):
        raise refusal(status)


@pytest.mark.parametrize(
    "error", [ServiceRequestError("no route"), OSError("reset"), TimeoutError("late")]
)
def test_a_network_that_fails_may_work_next_time(error: Exception) -> None:
    with pytest.raises(TransientError, match=f"^read: {type(error).__name__}$"), translated("read"):
        raise error


def test_an_address_that_makes_no_request_is_a_wrong_setting() -> None:
    with (
        pytest.raises(
            ConfigurationError,
            match=r"^read: a setting of the store cannot be used \(ValueError\)$",
        ),
        translated("read"),
    ):
        raise ValueError("port 99999")


def test_a_bug_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), translated("read"):
        raise ZeroDivisionError


def test_a_missing_blob_is_fine_and_a_missing_container_is_not() -> None:
    with missing_is_fine():
        raise refusal(404, "BlobNotFound")
    with missing_is_fine():
        error = ResourceNotFoundError("gone")
        error.status_code = 404
        raise error
    for error in (refusal(404, "ContainerNotFound"), refusal(403)):
        with pytest.raises(HttpResponseError), missing_is_fine():
            raise error


def test_a_setting_that_cannot_be_read_is_named_and_its_key_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as raised, named_setting("BLOB_CONNECTION", "a name"):
        raise ValueError("AccountKey=secret")
    assert str(raised.value) == "BLOB_CONNECTION cannot be used: expected a name"
    assert raised.value.__cause__ is None
