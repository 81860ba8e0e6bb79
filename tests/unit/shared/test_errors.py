"""The errors that Sheriff raises on purpose."""

import inspect

from shared import errors


def test_whoever_catches_a_sheriff_error_catches_every_other() -> None:
    raised = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(raised) == 9
    assert all(issubclass(kind, errors.SheriffError) for kind in raised)


def test_an_error_that_passes_is_no_answer_of_a_store() -> None:
    """A retry helps the first; the others need a decision."""
    answers = (errors.WriteConflict, errors.RefusedError, errors.NotThereError)
    assert not any(issubclass(answer, errors.TransientError) for answer in answers)


def test_an_order_error_reads_as_its_message() -> None:
    error = errors.OrderError("bad_time", "ordered_at", "ordered_at is 7, expected a time")
    assert str(error) == "ordered_at is 7, expected a time"
    assert (error.code, error.field) == ("bad_time", "ordered_at")


def test_the_module_names_every_error_in_its_table() -> None:
    assert errors.__doc__ is not None
    kinds = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    assert all(name in errors.__doc__ for name in kinds)
