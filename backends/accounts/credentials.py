"""Finds the keys for IBM and Amazon Braket: the credentials file, then the environment, then the provider's own files.

The source that has the key decides, as a whole. For IBM an instance and URL missing there are taken from the
environment alone, and not from an environment that holds another token: they would belong to another account. For
Braket the file's region and bucket hold whichever source has the key. Keys that boto3 finds by itself are left to it.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_config_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ...model.errors import BackendError
from ...model.printable import quoted
from ...model.suggestion import suggestion
from .redaction import register

AWS_CONFIGURATION = "AWS configuration"
ENVIRONMENT = "environment"
_DEFAULT_ACCOUNTS = {  # channel → the name qiskit-ibm-runtime gives an account saved without one
    "ibm_quantum_platform": "default-ibm-quantum-platform",
    "ibm_cloud": "default-ibm-cloud",
}
_AWS_SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_AWS_ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_AWS_PROFILE_KEYS = (  # settings by which an AWS profile leads to keys; a profile may hold a region alone
    *("aws_access_key_id", "credential_process", "login_session", "role_arn", "sso_session", "sso_start_url"),
    "web_identity_token_file",
)


@dataclass(frozen=True)
class IbmCredentials:
    """What opens an IBM Quantum account.

    Attributes:
        token: The API key.
        instance: CRN or name of the instance; None: the account's own choice.
        url: A private endpoint; None for the public one.
        source: The place of the token, for people.
        options: What else was saved with an account: proxies, verify, private_endpoint, region, plans_preference, tags.
    """

    token: str = field(repr=False)
    instance: str | None
    url: str | None
    source: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def locate() -> Path | None:
    """The credentials file: `$BELLQUEUE_CREDENTIALS`, `./credentials.toml`, or the one in the user's config folder.

    Raises:
        BackendError: the environment names a file that does not exist.
    """
    named = _environment("BELLQUEUE_CREDENTIALS")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise BackendError(
                f"BELLQUEUE_CREDENTIALS: there is no file {path}; correct the path or unset the variable"
            )
        return path
    places = (Path("credentials.toml"), user_config_path("bellqueue") / "credentials.toml")
    return next((path for path in places if path.is_file()), None)


def ibm_credentials() -> IbmCredentials:
    """The IBM key: credentials file, environment (QISKIT_IBM_TOKEN), or the account saved by qiskit-ibm-runtime.

    Raises:
        BackendError: there is none, or a file is malformed or readable by others.
    """
    found = _find_ibm()
    if found is None:
        raise BackendError(
            "no IBM credentials: give [ibm] token in credentials.toml (see credentials.example.toml), or set "
            "QISKIT_IBM_TOKEN, or save an account with qiskit-ibm-runtime (QiskitRuntimeService.save_account)"
        )
    return found


def braket_credentials() -> BraketCredentials:
    """The AWS key of the credentials file, or where boto3 finds one: in the environment or the AWS configuration.

    Raises:
        BackendError: a file is malformed or readable by others.
    """
    path, given = _read_file()
    keys = given.braket
    for name in _AWS_SECRETS:
        register(_environment(name.upper()))
        register(getattr(keys, name))
    if keys.aws_access_key_id or keys.profile:
        source = str(path)
    else:
        source = ENVIRONMENT if any(_environment(name) for name in _AWS_ENVIRONMENT) else AWS_CONFIGURATION
    if not keys.aws_access_key_id:
        _aws_profile(keys.profile)
    return BraketCredentials(**keys.model_dump(), source=source)


def have_ibm() -> bool:
    """Whether there is an IBM key; asks nobody.

    Raises:
        BackendError: a file is malformed or readable by others.
    """
    return _find_ibm() is not None


def have_braket() -> bool:
    """Whether there is an AWS key; asks nobody, so the role of a cloud instance is not seen.

    Raises:
        BackendError: a file is malformed or readable by others.
    """
    found = braket_credentials()
    return found.source != AWS_CONFIGURATION or any(key in _aws_profile(None) for key in _AWS_PROFILE_KEYS)


def _stripped(value: object) -> object:
    """Without blanks around it; None if nothing is left."""
    return (value.strip() or None) if isinstance(value, str) else value


_Text = Annotated[str | None, BeforeValidator(_stripped)]
_Key = Annotated[Annotated[str, Field(pattern=r"^[!-~]+$")] | None, BeforeValidator(_stripped)]
_Secret = Annotated[_Key, Field(repr=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _Ibm(_Table):
    token: _Key = None
    instance: _Text = None
    url: _Text = None
    channel: Annotated[Literal["ibm_quantum_platform", "ibm_cloud"] | None, BeforeValidator(_stripped)] = None

    @model_validator(mode="after")
    def _nothing_without_the_token(self) -> Self:
        if self.token is None and (self.instance or self.url or self.channel):
            raise ValueError(
                "instance, url or channel without token; add the token, or give these beside the token where that is "
                "(QISKIT_IBM_INSTANCE, QISKIT_IBM_URL, QISKIT_IBM_CHANNEL)"
            )
        return self


class _Braket(_Table):
    aws_access_key_id: _Secret = None
    aws_secret_access_key: _Secret = None
    aws_session_token: _Secret = None
    region: _Text = None
    profile: _Text = None
    bucket: _Text = None

    @model_validator(mode="after")
    def _one_whole_key(self) -> Self:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("give both aws_access_key_id and aws_secret_access_key, or neither")
        if self.aws_session_token and not self.aws_access_key_id:
            raise ValueError("aws_session_token belongs to a key; give aws_access_key_id and aws_secret_access_key")
        if self.profile and self.aws_access_key_id:
            raise ValueError("give either a key or a profile, not both")
        return self


class _Proxies(_Table):
    urls: dict[str, str] | None = None
    username_ntlm: str | None = None
    password_ntlm: _Secret = None


class _SavedOptions(_Table):
    proxies: _Proxies | None = None
    verify: bool | None = None
    private_endpoint: bool | None = None
    region: str | None = None
    plans_preference: list[str] | None = None
    tags: list[str] | None = None


class BraketCredentials(_Braket):
    """What opens an AWS session; None leaves the choice to boto3.

    Attributes:
        aws_access_key_id, aws_secret_access_key, aws_session_token: The key, from the credentials file only.
        region: The AWS region to start in.
        profile: A profile of the AWS configuration.
        bucket: The S3 bucket for results, `bucket` or `bucket/prefix`; None for the SDK's default bucket.
        source: The place of the key, for people.
    """

    source: str


class _File(_Table):
    ibm: _Ibm = _Ibm()
    braket: _Braket = _Braket()


def _find_ibm() -> IbmCredentials | None:
    path, given = _read_file()
    register(given.ibm.token)
    token, instance = _environment("QISKIT_IBM_TOKEN"), _environment("QISKIT_IBM_INSTANCE")
    url, channel = _environment("QISKIT_IBM_URL"), _environment("QISKIT_IBM_CHANNEL")
    register(token)
    if given.ibm.token:
        ours = given.ibm
        if token not in (None, ours.token):
            instance = url = None
        return IbmCredentials(given.ibm.token, ours.instance or instance, ours.url or url, str(path))
    if token:
        return IbmCredentials(token, instance, url, ENVIRONMENT)
    saved = Path.home() / ".qiskit" / "qiskit-ibm.json"
    chosen = _saved_account(saved, channel or next(iter(_DEFAULT_ACCOUNTS)))
    if chosen is None:
        return None
    name, account = chosen
    register(account["token"])
    source = f"{saved}, account {name}"
    instance, url = account.get("instance") or instance, account.get("url") or url
    return IbmCredentials(account["token"], instance, url, source, _saved_options(account, source))


def _saved_account(path: Path, channel: str) -> tuple[str, Mapping[str, Any]] | None:
    """The account qiskit-ibm-runtime would choose, read without its two seconds of import and its writing of the file.

    Its order: the one marked as default; of the wanted channel the one with the name it gives by default, else the
    last; of the other channel only the one with such a name.
    """
    if not path.is_file():
        return None
    try:
        accounts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise BackendError(f"{path}: cannot be read as JSON; repair it or save the account again") from None
    if not isinstance(accounts, dict):
        raise BackendError(f"{path}: holds no table of accounts; save the account again")
    ranked = [
        (
            bool(account.get("is_default_account")),
            account["channel"] == channel,
            name == _DEFAULT_ACCOUNTS[account["channel"]],
            place,
            name,
        )
        for place, (name, account) in enumerate(accounts.items())
        if _is_account(account)
    ]
    best = max((rank for rank in ranked if any(rank[:3])), default=None)
    return None if best is None else (best[-1], accounts[best[-1]])


def _saved_options(account: Mapping[str, Any], source: str) -> dict[str, Any]:
    """What `QiskitRuntimeService` takes of a saved account besides token, instance and URL.

    Raises:
        BackendError: one of them is of another type than the client saves.
    """
    try:
        options = _SavedOptions.model_validate({name: account.get(name) for name in _SavedOptions.model_fields})
    except ValidationError as error:
        name = error.errors(include_url=False, include_input=False)[0]["loc"][0]
        raise BackendError(f"{source}: {name} is not what qiskit-ibm-runtime saves; save the account again") from None
    if options.proxies:
        register(options.proxies.password_ntlm)
        for address in (options.proxies.urls or {}).values():
            register(urlsplit(address).password)
    return options.model_dump(exclude_none=True)


def _is_account(account: object) -> bool:
    """Whether an account has a token and a channel that still exists; its other texts are texts."""
    return (
        isinstance(account, dict)
        and account.get("channel") in _DEFAULT_ACCOUNTS
        and all(isinstance(account.get(key), str | None) for key in ("token", "instance", "url"))
        and bool(account.get("token"))
    )


def _aws_profile(name: str | None) -> Mapping[str, str]:
    """The settings of a profile in AWS's own two files; the keys among them are registered as secrets."""
    name = name or _environment("AWS_PROFILE") or "default"
    settings: dict[str, str] = {}
    for variable, file in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        path = Path(_environment(variable) or f"~/.aws/{file}").expanduser()
        if not path.is_file():
            continue
        parser = RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text("utf-8"))
        except (OSError, ValueError, ConfigError):  # their texts quote the file
            raise BackendError(f"{path}: cannot be read as an AWS configuration; see `aws configure`") from None
        for section in (name, f"profile {name}"):
            if parser.has_section(section):
                settings |= parser.items(section)
    for key in _AWS_SECRETS:
        register(settings.get(key))
    return settings


def _read_file() -> tuple[Path | None, _File]:
    path = locate()
    if path is None:
        return None, _File()
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                command = f"chmod 600 {quoted(str(path))}"
                raise BackendError(f"{path}: others on this machine may read or change it; type: {command}")
            data = tomllib.loads(file.read().decode("utf-8"))
    except OSError as error:
        raise BackendError(f"{path}: cannot be read ({error.strerror}); check its owner and mode") from None
    except ValueError as error:  # TOML or UTF-8; only the place is shown, since the text may quote the file
        place = re.search(r"at line \d+, column \d+|at end of document", str(error))
        raise BackendError(
            f"{path}: not TOML{f' {place[0]}' if place else ''}; compare credentials.example.toml"
        ) from None
    try:
        return path, _File.model_validate(data)
    except ValidationError as error:
        raise BackendError(f"{path}: {_complaint(error)}") from None


def _complaint(error: ValidationError) -> str:
    """The first complaint: which field, what is wrong, what to do; never a value."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind, location = first["type"], tuple(map(str, first["loc"]))
    if kind == "extra_forbidden":
        return _unknown(location)
    where = ".".join(location[:2])
    if kind == "value_error":
        return f"{where}: {str(first['msg']).removeprefix('Value error, ')}"
    return f"{where}: " + {
        "string_type": "must be text in quotes",
        "string_pattern_mismatch": "holds a blank, line break or letter that no key has; paste the key again",
        "literal_error": f"must be {' or '.join(_DEFAULT_ACCOUNTS)}",
        "model_type": f"must be a table, [{where}]",
    }.get(kind, "is not understood; compare credentials.example.toml")


def _unknown(location: tuple[str, ...]) -> str:
    *tables, name = location
    sections: dict[str, type[_Table]] = {"ibm": _Ibm, "braket": _Braket}
    table = sections[tables[0]] if tables else _File
    valid = list(table.model_fields)
    # A name that is no plain word is not shown: it may be a secret in the wrong place.
    shown = ".".join([*tables, name]) if re.fullmatch(r"[a-z_]{1,30}", name) else ".".join([*tables, "…"])
    return f"{shown}: unknown {'key' if tables else 'table'}{suggestion(name, valid)}"


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None
