"""What is expensive is made once in a run of the tests, by whichever of its processes needs it first."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

Made = TypeVar("Made")


class Shared:
    """Things kept in files of a folder that all the processes know."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, key: object) -> Path:
        """The file of what a key stands for."""
        return self._folder / f"shared-{hashlib.sha256(pickle.dumps(key)).hexdigest()}"

    def keep(self, key: object, made: object) -> None:
        """Nobody ever sees half of a file; where a test takes the disk away there is none."""
        part = self._folder / f"part-{os.getpid()}-{threading.get_ident()}"
        with suppress(OSError):
            part.write_bytes(pickle.dumps(made))
            part.replace(self.place(key))

    def __call__(self, key: object, make: Callable[[], Made]) -> Made:
        """What is kept, or else made and kept."""
        if self.place(key).exists():
            kept: Made = pickle.loads(self.place(key).read_bytes())
            return kept
        made = make()
        self.keep(key, made)
        return made


class SharedBounds(OrderedDict[tuple[object, ...], Any]):
    """Frontiers by workload, those that another process found among them."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared

    def __contains__(self, key: object) -> bool:
        if not super().__contains__(key) and self._shared.place(key).exists():
            super().__setitem__(key, pickle.loads(self._shared.place(key).read_bytes()))  # type: ignore[index]
        return super().__contains__(key)

    def __setitem__(self, key: tuple[object, ...], found: Any) -> None:
        super().__setitem__(key, found)
        self._shared.keep(key, found)
