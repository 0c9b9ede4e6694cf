"""Signing in to IBM Quantum with a client that never repeats a submission, never hangs and never sends the bare key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ...model.errors import BackendError, RefusedError, UnreachableError
from ..accounts.credentials import ibm_credentials
from ..jobs.provider_calls import CONNECT, Patience, Provider, causes
from ..protocol import plain

if TYPE_CHECKING:
    from requests import PreparedRequest

ASK_AGAIN = (408, 425, 429)  # the only 4xx that say nothing about the request itself


def sign_in() -> Any:
    """A QiskitRuntimeService of the account.

    Raises:
        RefusedError: the key or the instance is not accepted.
        UnreachableError: no usable answer.
        BackendError: there is no key.
    """
    from qiskit_ibm_runtime import QiskitRuntimeService

    logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)  # it warns that it was given a token
    keys = ibm_credentials()

    def connect() -> Any:
        return QiskitRuntimeService(
            channel="ibm_quantum_platform",
            token=keys.token,
            instance=keys.instance or "auto",
            url=keys.url,
            **keys.options,
        )

    service = ask(connect, "signing in")
    harden(service)
    return service


def harden(service: Any) -> None:
    """Take from the client what costs money or hangs.

    As delivered it repeats POST /jobs after a 5xx, without a key by which the service could tell the two apart, so a
    504 after acceptance makes two jobs. It waits for ever on a connection that stalls, and if the token cannot be
    renewed it sends the API key itself.

    Raises:
        BackendError: this version of the client is built differently.
    """
    from requests.adapters import HTTPAdapter

    try:
        for client in {service._active_api_client, *service._api_clients.values()}:
            session = client._session
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(max_retries=0))
            assert isinstance(session._timeout, tuple)
            session._timeout = (CONNECT, Patience.from_environment().answer)
            session.auth = _TokenOnly(session.auth.tm.get_token, session.auth.crn)
        assert isinstance(service._backends_info_per_instance, dict)
        assert service._account.token
    except (AttributeError, AssertionError):
        raise BackendError(
            f"qiskit-ibm-runtime {version('qiskit-ibm-runtime')} is built differently from the versions known here, so "
            "its repeated submissions cannot be switched off; install a version that pyproject.toml names"
        ) from None


def plan_name(service: Any, instance: str) -> str:
    """The plan of an instance, given by its CRN, by which it is billed."""
    instances = ask(service.instances, "listing instances")
    return next((plain(str(each["plan"])) for each in instances if each["crn"] == instance), "unknown")


def device_names(service: Any, *, mocks: bool = False) -> tuple[str, ...]:
    """The devices that the instances listed at the sign-in, or the mocks that take dry runs; few instances have any."""
    listed = [entry for entries in service._backends_info_per_instance.values() for entry in entries]
    return tuple(dict.fromkeys(str(entry["name"]) for entry in listed if (entry.get("class") == "mock") is mocks))


def mock_name(device: str) -> str:
    """What the client calls the mock of a device."""
    return re.sub(r"^[^_]+", "mock", device)


def silent_instances(service: Any) -> Iterator[str]:
    """A line for each instance that gave no list of devices; the client says nothing about it."""
    for each in ask(service.instances, "listing instances"):
        wanted = service._account.instance in (None, each["crn"])
        if wanted and each["crn"] not in service._backends_info_per_instance:
            name = plain(str(each["name"]))
            yield f"IBM Quantum, listing devices: the instance {name} gives no list; its devices are left out"


def _failure(error: Exception, what: str, posts: bool) -> BackendError:
    from qiskit.providers.exceptions import QiskitBackendNotFoundError
    from qiskit_ibm_runtime.accounts.exceptions import AccountsError
    from qiskit_ibm_runtime.api.exceptions import RequestsApiError
    from qiskit_ibm_runtime.exceptions import IBMInputValueError, IBMNotAuthorizedError
    from requests import RequestException

    chain = list(causes(error))
    for cause in chain:
        status = _status(cause)
        if isinstance(cause, IBMNotAuthorizedError) or status == 401:
            return RefusedError(f"{what}: IBM Quantum does not accept the credentials; check token and instance")
        if status == 429 and posts:
            return RefusedError(f"{what}: IBM Quantum takes no more jobs just now (429); try again later")
        if status is not None and 400 <= status < 500 and status not in ASK_AGAIN:
            return RefusedError(f"{what}: {_first_line(cause)}")
        if status is not None or isinstance(cause, (RequestsApiError, RequestException, ConnectionError, TimeoutError)):
            return UnreachableError(f"{what}: {_first_line(cause)}")
    for cause in chain:
        if isinstance(cause, (AccountsError, IBMInputValueError)):
            return RefusedError(f"{what}: {_first_line(cause)}")
        if isinstance(cause, QiskitBackendNotFoundError):
            return BackendError(f"{what}: {_first_line(cause)}")
    # Truncated and empty answers surface as whatever the client stumbles over.
    return UnreachableError(f"{what}: {type(error).__name__}: {_first_line(error)}")


ask = Provider("IBM Quantum", _failure).ask


def _status(error: BaseException) -> int | None:
    """The HTTP status an error carries, if any."""
    for source in (error, getattr(error, "response", None), getattr(error, "http_response", None)):
        for name in ("status_code", "code"):
            value = getattr(source, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    return None


def _first_line(error: BaseException) -> str:
    """What the service said, without the address and the JSON around it."""
    text = str(error).strip().strip("'\"") or type(error).__name__
    if broken := re.search(r"HTTPS?Connection(?:Pool)?\(host='([^']+)'", text):
        why = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(read timed out)", text, re.IGNORECASE)
        cause = f" ({why[1] or why[2]})" if why else ""
        return f"no answer from {broken[1]}{cause}; check the network and the proxy, or try again later"
    said = re.search(r'"message"\s*:\s*"([^"]+)"', text)
    first = re.sub(r" for url: \S+", "", text.splitlines()[0]).partition(". {")[0][:300]
    return f"{first}: {said[1]}" if said else first


class _TokenOnly:
    """Puts the bearer token on a request; without a token the request fails instead of carrying the API key."""

    def __init__(self, token: Callable[[], str], crn: str) -> None:
        self._token, self._crn = token, crn

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers.update({"Service-CRN": self._crn, "Authorization": f"Bearer {self._token()}"})
        return request
