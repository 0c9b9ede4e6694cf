"""What Amazon Braket leaves in its bucket: the files of one task in one bundle, and the outcomes in them."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model.errors import DataError
from ..protocol import OTHER_SETTINGS

Outcomes = NDArray[np.uint8]
Floats = NDArray[np.float64]
_SAME = 1e-9  # radians between two angles that are the same but for their digits
RESULTS = "results.json"
TAGS = "bellqueue-tags.json"
READERS = 8  # files read at once; a program set has one for every executable


def bundle(read: Callable[[str], str], tags: Mapping[str, str]) -> bytes:
    """Every file of a task's result as one JSON object, texts untouched by file name, and the task's tags beside them.

    Args:
        read: The text of a file of the task's folder, by its name in the folder.
        tags: Tags of the task.
    """
    files = {RESULTS: read(RESULTS)}
    level = [RESULTS]
    with ThreadPoolExecutor(READERS) as readers:
        while level:
            level = [other for name in level for other in _references(name, files[name]) if other not in files]
            files.update(zip(level, readers.map(read, level), strict=True))
    return json.dumps({**files, TAGS: json.dumps(dict(tags))}).encode()


def tag(raw: bytes, name: str) -> str | None:
    """The value of the task's tag of that name; None if there is none."""
    try:
        found = _file(raw, TAGS).get(name)
        return None if found is None else str(found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # an older download, or a damaged one, which `outcomes` refuses


def owner(raw: bytes) -> str | None:
    """The task that a result says it is of: its ARN, or what follows the ARN's last slash; None if it does not say."""
    try:
        results = _file(raw, RESULTS)
        metadata, place = results.get("taskMetadata"), results.get("s3Location")
        if isinstance(metadata, dict) and metadata.get("id"):
            return str(metadata["id"])
        return str(place[1]).rstrip("/").rpartition("/")[2] or None if place else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None  # `outcomes` says what is wrong with it


def outcomes(
    raw: bytes, shots: int, angles: Floats | None = None, pair: tuple[int, int] | None = None
) -> tuple[list[Outcomes], int]:
    """For each executable of a task the outcomes (a, b), shape (at most its shots, 2), and its shots.

    All executables of a task have the same number of shots; those that failed are missing.

    Args:
        raw: What `bundle` made.
        shots: Shots asked of the task.
        angles: alpha and beta of each trial, shape (shots, 2), to compare with those that a program set states.
        pair: The qubits that must have been measured; None: any two.

    Raises:
        DataError: the result is truncated, empty or of another task, other qubits or other settings.
    """
    try:
        files = {str(name): str(text) for name, text in json.loads(raw).items()}
        results = json.loads(files[RESULTS])
        if "programResults" in results:
            programs = _resolve(files, RESULTS, results["programResults"])
            sets = [_in_order(_resolve(files, name, content["executableResults"])) for name, content in programs]
            pieces = [piece for executables in sets for piece in executables]
            wanted, left = divmod(shots, len(pieces))
            if left:
                raise ValueError(f"{len(pieces)} executables cannot share {shots} shots evenly")
            found = [_measured(piece, wanted, pair) for piece in pieces]
            stated = [_stated(files, *program, len(each)) for program, each in zip(programs, sets, strict=True)]
            own = [each for each in stated if each is not None]
            asked = None if angles is None or len(own) < len(stated) else angles[::wanted]
            if asked is not None and not np.allclose(np.concatenate(own), asked, rtol=0, atol=_SAME):
                raise DataError(OTHER_SETTINGS)
        else:
            wanted = shots
            found = [_measured(results, wanted, pair)]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ZeroDivisionError) as error:
        raise DataError(f"the result cannot be read ({type(error).__name__}: {error}); it may be truncated") from error
    for number, bits in enumerate(found, 1):
        if len(bits) > wanted:
            raise DataError(f"executable {number} has {len(bits)} outcomes, {wanted} shots were asked for")
    return found, wanted


def _file(raw: bytes, name: str) -> Any:
    """The content of a file in a bundle."""
    return json.loads(json.loads(raw)[name])


def _in_order(executables: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The executables of a program in the order of its inputs, as each says which are its own."""
    contents = [content for _, content in executables]
    if any(content.get("inputsIndex") is None for content in contents):
        return contents
    numbers = [int(content["inputsIndex"]) for content in contents]
    if sorted(numbers) != list(range(len(numbers))):
        raise ValueError(f"the executables have the inputs {numbers}")
    return sorted(contents, key=lambda content: int(content["inputsIndex"]))


def _stated(files: Mapping[str, str], name: str, program: Mapping[str, Any], count: int) -> Floats | None:
    """alpha and beta of a program's executables as its own text states them, shape (count, 2); None: it does not."""
    source = program.get("source")
    if isinstance(source, str):
        place = posixpath.join(posixpath.dirname(name), source)
        source = json.loads(files[place]) if place in files else None
    inputs = source.get("inputs") if isinstance(source, dict) else None
    if not inputs or not {"alpha", "beta"} <= set(inputs):
        return None
    stated = np.array([inputs["alpha"], inputs["beta"]], dtype=float).T
    if stated.shape != (count, 2):
        raise ValueError(f"{count} executables have inputs of shape {stated.shape}")
    return stated


def _measured(result: Mapping[str, Any], shots: int, pair: tuple[int, int] | None) -> Outcomes:
    """Outcomes (a, b) of one executable; A's is the smaller of the two qubits in every circuit of ours."""
    if "failureMetadata" in result:
        return np.empty((0, 2), dtype=np.uint8)
    qubits = [int(qubit) for qubit in result["measuredQubits"]]
    rows = result.get("measurements")
    if rows is None:
        rows = _expand(result["measurementProbabilities"], shots)
    if len(qubits) != 2:
        raise ValueError(f"qubits {qubits} were measured instead of two")
    if pair is not None and tuple(sorted(qubits)) != pair:
        raise DataError(f"the result is of qubits {qubits}, the job asked for {list(pair)}")
    return np.array(rows, dtype=np.uint8).reshape(-1, 2)[:, np.argsort(qubits)]


def _expand(probabilities: Mapping[str, float], shots: int) -> list[list[int]]:
    """Outcomes from frequencies, if a device tells no more; their order is unknown, so they are mixed.

    The order depends on the frequencies alone, so that every download of a result gives the same trials.
    """
    rows: list[list[int]] = []
    for bits, probability in sorted(probabilities.items()):
        count = round(probability * shots)
        if abs(count - probability * shots) > 1e-3 * shots:
            raise ValueError(f"{probability} is no multiple of 1/{shots}")
        rows += [[int(bit) for bit in bits]] * count
    digest = hashlib.sha256(json.dumps(sorted(probabilities.items())).encode()).digest()
    order = np.random.default_rng(int.from_bytes(digest[:8], "big")).permutation(len(rows))
    return [rows[index] for index in order]


def _references(name: str, text: str) -> list[str]:
    """The files that a file of a program set's result names; none if all is inside it, or if it is damaged."""
    try:
        content = json.loads(text)
    except ValueError:
        return []
    if not isinstance(content, dict):
        return []
    named = [each for key in ("programResults", "executableResults") for each in content.get(key, ())]
    if "executableResults" in content:
        named.append(content.get("source"))  # with the inputs, in their order
    folder = posixpath.dirname(name)
    return [posixpath.join(folder, each) for each in named if isinstance(each, str)]


def _resolve(files: Mapping[str, str], name: str, entries: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """(file name, content) of entries that are contents themselves or names of files beside `name`."""
    resolved = []
    for entry in entries:
        if isinstance(entry, str):
            place = posixpath.join(posixpath.dirname(name), entry)
            resolved.append((place, json.loads(files[place])))
        else:
            resolved.append((name, entry))
    return resolved
