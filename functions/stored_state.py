"""The state document of a partition, as it was last read or written."""

from dataclasses import dataclass
from typing import Self

from functions.ports import StateStore
from shared.stream import StreamState
from shared.stream_key import StreamKey


@dataclass(slots=True)
class StoredState:
    """A partition's state, its version, and the one way to replace both."""

    store: StateStore
    key: StreamKey
    state: StreamState
    version: str | None

    @classmethod
    async def read(cls, store: StateStore, key: StreamKey) -> Self:
        """Read the state of a partition.

        Raises:
            TransientError: it may be there next time.
        """
        return cls(store, key, *await store.read(key))

    async def write(self, state: StreamState) -> None:
        """Replace the state that was last read or written; if that fails, keep it.

        Raises:
            WriteConflict: another process was first; read the state again.
            TransientError: it may be written next time.
        """
        self.version = await self.store.write(self.key, state, self.version)
        self.state = state
