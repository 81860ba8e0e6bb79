"""What a process remembers is its own, and it computes on one thread."""

import threading

from tests.unit.functions.world import World


def test_every_process_has_a_name_of_its_own_and_remembers_nothing_of_others() -> None:
    world = World()
    first, second = world.context(), world.context()
    assert first.owner != second.owner
    first.begun[object()] = 1  # type: ignore[index]  # any key
    assert second.begun == {}
    assert first.conditions is not second.conditions


def test_all_computing_of_a_process_is_done_on_one_thread() -> None:
    executor = World().context().executor
    barrier = [executor.submit(threading.get_ident) for _ in range(20)]
    threads = {future.result() for future in barrier}
    assert len(threads) == 1
    assert threading.get_ident() not in threads
