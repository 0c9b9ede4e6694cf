"""Talking to Amazon Braket: sessions by region, devices by name, failures in three kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any

from ...model.errors import BackendError, RefusedError, UnreachableError
from ...model.suggestion import suggestion
from ..accounts.cost import exact_dollars
from ..accounts.credentials import braket_credentials
from ..accounts.redaction import register
from ..jobs.provider_calls import CONNECT, Patience, Provider, causes
from ..protocol import plain

DEFAULT_REGION = "us-east-1"
LISTING = "listing devices"
_THROTTLED = ("ThrottlingException", "TooManyRequestsException", "Throttling", "SlowDown", "RequestLimitExceeded")


@dataclass(frozen=True)
class DeviceEntry:
    """One device as the service lists it.

    Attributes:
        arn: Its name to the service.
        name: For people.
        kind: `QPU` or `SIMULATOR`.
        status: ONLINE, OFFLINE or RETIRED.
        provider: Who makes it, for people.
    """

    arn: str
    name: str
    kind: str
    status: str
    provider: str


@cache
def sign_in(region: str) -> Any:
    """An AwsSession in a region, with the account's keys, without repetitions and with a limit on every read.

    Raises:
        RefusedError: there are no credentials, or the profile is unknown.
    """
    import boto3
    from botocore.config import Config
    from braket.aws import AwsSession

    def connect() -> Any:
        keys = braket_credentials()
        boto = boto3.Session(
            aws_access_key_id=keys.aws_access_key_id,
            aws_secret_access_key=keys.aws_secret_access_key,
            aws_session_token=keys.aws_session_token,
            profile_name=keys.profile,
            region_name=region,
        )
        found = boto.get_credentials()
        if found is None:
            raise RefusedError(
                "no AWS credentials: give [braket] keys or profile in credentials.toml (see credentials.example.toml), "
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure the AWS command line"
            )
        key = found.get_frozen_credentials()  # not all of it is secret: the account's number is part of every ARN
        for secret in (key.access_key, key.secret_key, key.token):
            register(secret)
        seconds = Patience.from_environment().answer
        # `max_attempts: 1` would mean one repetition; this means none.
        config = Config(connect_timeout=CONNECT, read_timeout=seconds, retries={"total_max_attempts": 1})
        return AwsSession(boto_session=boto, config=config)

    return ask(connect, "signing in to AWS")


def home_region() -> str:
    """The region of the account's configuration, for devices that live in all of them.

    Raises:
        RefusedError: the profile is unknown.
    """
    import boto3

    keys = braket_credentials()
    own = ask(lambda: boto3.Session(profile_name=keys.profile).region_name, "reading the AWS configuration")
    return keys.region or own or DEFAULT_REGION


def region_of(arn: str) -> str:
    """The region in an ARN, or the account's own if the ARN has none."""
    parts = arn.split(":")
    return (parts[3] if len(parts) > 3 else "") or home_region()


def devices(say: Callable[[str], None]) -> tuple[DeviceEntry, ...]:
    """Every device the account sees, in every region Braket has devices in; retired ones left out.

    Args:
        say: Gets a line about the regions that refuse, and one about those that do not answer.

    Raises:
        RefusedError: the credentials are not accepted in any region.
        UnreachableError: no region gives a usable answer.
    """
    from braket.aws import AwsDevice

    found: dict[str, DeviceEntry] = {}
    failed: dict[type[BackendError], tuple[str, list[str]]] = {}  # what the first region of a kind says, and all of it
    regions = tuple(dict.fromkeys((home_region(), *AwsDevice.REGIONS)))
    for region in regions:
        try:
            for entry in ask(partial(_listed, region), LISTING):
                found.setdefault(entry.arn, entry)
        except BackendError as error:
            failed.setdefault(type(error), (str(error), []))[1].append(region)
    lines = {kind: said.replace(LISTING, f"{LISTING} in {', '.join(some)}", 1) for kind, (said, some) in failed.items()}
    if sum(len(some) for _, some in failed.values()) == len(regions):
        raise next(kind(line) for kind, line in lines.items())
    for line in lines.values():
        say(line)
    return tuple(found.values())


def _listed(region: str) -> list[DeviceEntry]:
    return [
        DeviceEntry(
            arn=plain(each["deviceArn"]),
            name=plain(each["deviceName"]),
            kind=plain(each["deviceType"]),
            status=plain(each["deviceStatus"]),
            provider=plain(each["providerName"]),
        )
        for each in sign_in(region).search_devices()
    ]


def find_device(name: str) -> str:
    """The ARN meant by a name: an ARN, or part of a device's name such as `garnet`, `forte` or `sv1`.

    Raises:
        BackendError: none or several are called so.
    """
    if name.startswith("arn:"):
        return name
    wanted = _letters(name)
    failures: list[str] = []
    listed = devices(failures.append)
    exact = [each for each in listed if wanted in (_letters(each.name), _letters(each.arn.rsplit("/", 1)[-1]))]
    alike = exact or [each for each in listed if wanted in _letters(each.name)]
    if len(alike) == 1:
        return alike[0].arn
    names = [each.name.lower().replace(" ", "-") for each in listed]
    if alike:
        raise BackendError(f"braket: {name!r} means several devices: {', '.join(each.arn for each in alike)}; give one")
    hint = suggestion(name, names, listing="bellqueue backends")
    raise BackendError("; ".join([f"braket: no device is called {name!r}{hint}", *failures]))


def spending_limits(arn: str) -> tuple[tuple[Decimal, str], ...]:
    """What each spending limit in force for a device leaves, in US dollars, and a line about it.

    There are none if boto3 is too old to know of any.

    Raises:
        RefusedError: the account may not read them.
        UnreachableError: no usable answer.
    """
    client = sign_in(region_of(arn)).braket_client
    if not hasattr(client, "search_spending_limits"):
        return ()

    def search() -> tuple[tuple[Decimal, str], ...]:
        filters = [{"name": "deviceArn", "operator": "EQUAL", "values": [arn]}]
        pages = client.get_paginator("search_spending_limits").paginate(filters=filters)
        now = datetime.now(UTC)
        listed = [each for page in pages for each in page["spendingLimits"]]
        return tuple(
            _left_of(each) for each in listed if each["timePeriod"]["startAt"] <= now <= each["timePeriod"]["endAt"]
        )

    return ask(search, "reading spending limits")


def _left_of(listed: Mapping[str, Any]) -> tuple[Decimal, str]:
    """What a spending limit leaves once the tasks that wait are paid for as well, and a line about it."""
    limit, spent, queued = (Decimal(listed[name]) for name in ("spendingLimit", "totalSpend", "queuedSpend"))
    left = max(limit - spent - queued, Decimal(0))
    shown = f"{exact_dollars(left)} of {exact_dollars(limit)} left until {listed['timePeriod']['endAt']:%Y-%m-%d}"
    return left, f"spending limit of this device: {shown}"


def _failure(error: Exception, what: str, posts: bool) -> BackendError:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        NoRegionError,
        PartialCredentialsError,
        ProfileNotFound,
    )

    text = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    chain = list(causes(error))
    for cause in chain:
        if isinstance(cause, ClientError):
            code = cause.response.get("Error", {}).get("Code", "")
            if said := cause.response.get("Error", {}).get("Message"):
                text = f"{str(said)[:300]} ({code})"
            status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in _THROTTLED or status == 429:
                kind = RefusedError if posts else UnreachableError
                return kind(f"{what}: too many requests ({code}); try again later")
            if 400 <= status < 500:
                return RefusedError(f"{what}: {text}")
            return UnreachableError(f"{what}: {text}")
        if isinstance(cause, (NoCredentialsError, NoRegionError, PartialCredentialsError, ProfileNotFound)):
            return RefusedError(f"{what}: {text}; see credentials.example.toml")
        if isinstance(cause, BotoCoreError):
            return UnreachableError(f"{what}: {text}")
    # The client makes a reply without its parts of a truncated or empty answer, and stumbles over what is missing.
    return UnreachableError(f"{what}: the answer lacks {text}" if isinstance(error, KeyError) else f"{what}: {text}")


ask = Provider("Amazon Braket", _failure).ask


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
