"""Read and parse each version of a file once, and remember also what was refused."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from functions.ports import Files
from shared.errors import NotThereError, SheriffError, TransientError
from shared.formats import shortened

_LONGEST_REASON = 300  # characters; what is wrong with a file may quote the file


class RefusedFileError(SheriffError):
    """A file that must not serve; ``what`` names it, ``why`` says in one line what is wrong."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


@dataclass(frozen=True, slots=True)
class _Known:
    """One version of a file: the value it holds, or why it was refused."""

    version: str
    value: Any = None
    why: str | None = None


@dataclass
class KnownFiles:
    """Reads files and remembers, by version, the value that each holds.

    Files are parsed on ``executor``. It is not the one that scores: the largest take seconds.
    """

    files: Files
    executor: Executor
    _known: dict[tuple[str, str], _Known] = field(default_factory=dict)
    _asked: set[tuple[str, str]] = field(default_factory=set)

    async def value[T](
        self, container: str, name: str, parse: Callable[[bytes], T], variant: str = ""
    ) -> T:
        """Return the value in a file; anything that ``parse`` raises refuses the file.

        Args:
            container: where the file is.
            name: its name there.
            parse: reads the value from the bytes.
            variant: tells different ways to parse the same file apart.

        Raises:
            NotThereError: there is no such file.
            RefusedFileError: the file must not serve.
            TransientError: the store cannot be read now.
        """
        path = f"{container}/{name}"
        key = (path, variant)
        self._asked.add(key)
        known = self._known.get(key)
        try:
            newer = await self._read(container, name, None if known is None else known.version)
        except NotThereError:
            self._known.pop(key, None)
            raise
        if newer is not None:
            known = self._known[key] = await self._parsed(*newer, parse)
        assert known is not None  # the store leaves out only a version that is known
        if known.why is not None:
            raise RefusedFileError(path, known.why)
        value: T = known.value
        return value

    async def there(self, container: str, name: str) -> bool:
        """Return whether there is such a file, good or bad.

        Raises:
            TransientError: the store cannot be read now.
        """
        try:
            await self._read(container, name, None)
        except NotThereError:
            return False
        return True

    def forget(self, kept: Iterable[object]) -> None:
        """Forget the files that nobody has asked for since the last call.

        Args:
            kept: the values in use, whose files need not be read again.
        """
        used = {id(value) for value in kept}
        self._known = {
            key: known
            for key, known in self._known.items()
            if key in self._asked or id(known.value) in used
        }
        self._asked.clear()

    async def _read(self, container: str, name: str, known: str | None) -> tuple[bytes, str] | None:
        try:
            return await self.files.read(container, name, known)
        except (NotThereError, TransientError):
            raise
        except Exception as error:  # it comes from the store, and says nothing about the file
            what = f"{container}/{name} cannot be read: {type(error).__name__}"
            raise TransientError(what) from error

    async def _parsed(self, data: bytes, version: str, parse: Callable[[bytes], Any]) -> _Known:
        loop = asyncio.get_running_loop()
        try:
            return _Known(version, await loop.run_in_executor(self.executor, parse, data))
        except Exception as error:  # noqa: BLE001 - the parser may raise anything on a bad file
            return _Known(version, why=reason(error))


def reason(error: Exception) -> str:
    """Return what an error says, in one line of bounded length."""
    text = " ".join(str(error).split())
    kind = "" if isinstance(error, SheriffError) and text else f"{type(error).__name__}: "
    return shortened(f"{kind}{text}".removesuffix(": "), _LONGEST_REASON)
