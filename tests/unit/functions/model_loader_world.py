"""A model store made of a dictionary, and the files in it."""

import asyncio
import hashlib
import json
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from functions.model_loader import ModelLoader
from shared.errors import NotThereError, TransientError
from shared.model import encode_bundle
from shared.scoring import Scorer
from tests.bundles import a_bundle
from tests.unit.functions.world import NOON


@dataclass
class FakeFiles:
    """Files whose versions are their contents; counts what is read whole."""

    files: dict[str, bytes] = field(default_factory=dict)
    unreachable: bool = False
    read_whole: int = 0
    asked: list[str] = field(default_factory=list)

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        self.asked.append(f"{container}/{name}")
        if self.unreachable:
            raise TransientError("storage is gone")
        data = self.files.get(f"{container}/{name}")
        if data is None:
            raise NotThereError(f"{container}/{name}")
        version = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if version == known:
            return None
        self.read_whole += 1
        return data, version

    def promote(
        self,
        version: str,
        sha256: str | None = None,
        data: bytes | None = None,
        pointer: str = "champion",
        **fields: Any,
    ) -> None:
        """Put a bundle into the store, by default one of the packaged tables, and point to it."""
        if data is None:
            data, _ = encode_bundle(a_bundle(version))
        self.files[f"models/{version}/bundle.json"] = data
        digest = sha256 or hashlib.sha256(data).hexdigest()
        fields = {"schema_version": 1, "version": version, "sha256": digest} | fields
        self.files[f"models/{pointer}.json"] = json.dumps(fields).encode()


async def settled(ours: ModelLoader) -> Scorer:
    """What serves once the look is over that is due now, if one is."""
    await ours.scorer()
    if ours._look is not None:
        await asyncio.wait([ours._look])
    return await ours.scorer()


@dataclass
class Clock:
    at: float = 0

    def __call__(self) -> float:
        return self.at


def loader(files: FakeFiles, executor: Executor, clock: Clock | None = None) -> ModelLoader:
    return ModelLoader(files, executor, 30, clock=clock or Clock(), now=lambda: NOON)
