"""Where keys are looked for, in which order, and that no message shows one."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from bellqueue.backends.accounts.credentials import (
    AWS_CONFIGURATION,
    ENVIRONMENT,
    braket_credentials,
    have_braket,
    have_ibm,
    ibm_credentials,
    locate,
)
from bellqueue.backends.accounts.redaction import MASK, redact
from bellqueue.model.errors import BackendError

EXAMPLE = Path(__file__).parents[3] / "credentials.example.toml"
SECRET = "s3cr3tValue-0123456789"
OTHER = "an0therValue-987654321"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, an empty working folder and an environment without keys."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "QISKIT_", "BELLQUEUE_", "XDG_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


def write(text: str, path: Path = Path("credentials.toml"), mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def save_account(home: Path, accounts: Any) -> None:
    write(json.dumps(accounts), home / ".qiskit" / "qiskit-ibm.json")


def account(token: str, **more: Any) -> dict[str, Any]:
    return {"token": token, "channel": "ibm_quantum_platform", "url": "https://cloud.ibm.com", **more}


def test_the_first_file_found_is_read(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate() is None
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "settings"))
    from platformdirs import user_config_path

    own = write("", user_config_path("bellqueue") / "credentials.toml")
    assert own.is_relative_to(home)
    assert locate() == own
    here = write("")
    assert locate() == here
    named = write("", tmp_path / "elsewhere.toml")
    monkeypatch.setenv("BELLQUEUE_CREDENTIALS", str(named))
    assert locate() == named
    monkeypatch.setenv("BELLQUEUE_CREDENTIALS", "")
    assert locate() == here


def test_a_named_file_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("")
    monkeypatch.setenv("BELLQUEUE_CREDENTIALS", str(tmp_path / "missing.toml"))
    with pytest.raises(BackendError, match=r"BELLQUEUE_CREDENTIALS.*missing\.toml"):
        ibm_credentials()


def test_file_then_environment_then_saved_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not have_ibm()
    with pytest.raises(BackendError, match=r"credentials\.toml.*QISKIT_IBM_TOKEN.*save_account"):
        ibm_credentials()
    save_account(home, {"default-ibm-quantum-platform": account("saved-token-1", instance="saved")})
    found = ibm_credentials()
    assert (found.token, found.instance, found.url) == ("saved-token-1", "saved", "https://cloud.ibm.com")
    assert found.source == f"{home / '.qiskit' / 'qiskit-ibm.json'}, account default-ibm-quantum-platform"

    monkeypatch.setenv("QISKIT_IBM_TOKEN", "environment-token")
    found = ibm_credentials()
    assert (found.token, found.instance, found.url) == ("environment-token", None, None)
    assert found.source == ENVIRONMENT

    write('[ibm]\ntoken = "file-token"\n')
    found = ibm_credentials()
    assert (found.token, found.instance, found.url, found.source) == ("file-token", None, None, "credentials.toml")
    assert have_ibm()


def test_the_environment_completes_a_token_but_only_of_its_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[ibm]\ntoken = "file-token"\nurl = "https://private"\n')
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", "crn:environment")
    monkeypatch.setenv("QISKIT_IBM_URL", "https://environment")
    found = ibm_credentials()
    assert (found.instance, found.url) == ("crn:environment", "https://private")
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "file-token")
    assert ibm_credentials().instance == "crn:environment"
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "another-token")
    found = ibm_credentials()
    assert (found.token, found.instance, found.url) == ("file-token", None, "https://private")


@pytest.mark.parametrize(
    "accounts",
    [
        {"a": account("t-a"), "z": account("t-z")},
        {"a": account("t-a"), "default-ibm-quantum-platform": account("t-d"), "z": account("t-z")},
        {"a": account("t-a", is_default_account=True), "default-ibm-quantum-platform": account("t-d")},
        {"default-ibm-cloud": account("t-c", channel="ibm_cloud"), "z": account("t-z")},
        {"default-ibm-cloud": account("t-c", channel="ibm_cloud")},
        {"c": account("t-c", channel="ibm_cloud", is_default_account=True), "z": account("t-z")},
        {"default-ibm-quantum": account("t-old", channel="ibm_quantum"), "z": account("t-z")},
    ],
)
@pytest.mark.parametrize("channel", [None, "ibm_cloud"])
def test_the_saved_account_is_the_one_the_client_would_choose(
    accounts: dict[str, Any], channel: str | None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qiskit_ibm_runtime.accounts import AccountManager, AccountNotFoundError

    if channel:
        monkeypatch.setenv("QISKIT_IBM_CHANNEL", channel)
    save_account(home, accounts)
    try:
        expected = AccountManager.get(filename=str(home / ".qiskit" / "qiskit-ibm.json"))
    except AccountNotFoundError:
        assert not have_ibm()
    else:
        assert ibm_credentials().token == expected.token


def test_an_account_saved_by_the_client_is_read(home: Path) -> None:
    from qiskit_ibm_runtime import QiskitRuntimeService

    file = home / ".qiskit" / "qiskit-ibm.json"
    QiskitRuntimeService.save_account(token=SECRET, instance="crn:v1:x", filename=str(file))
    found = ibm_credentials()
    (name,) = QiskitRuntimeService.saved_accounts(filename=str(file))
    assert (found.token, found.instance) == (SECRET, "crn:v1:x")
    assert found.source.endswith(f", account {name}")


def test_what_else_an_account_was_saved_with_is_passed_on(home: Path) -> None:
    options = {
        "proxies": {"urls": {"https": "http://me:pr0xyPassword@proxy:3128"}},
        "verify": False,
        "private_endpoint": True,
        "region": "eu-de",
        "plans_preference": ["open", "premium"],
        "tags": ["laboratory"],
    }
    save_account(home, {"default-ibm-quantum-platform": account("saved-token-1", **options)})
    found = ibm_credentials()
    assert found.options == options
    assert "proxies" not in repr(found)
    assert redact("http://me:pr0xyPassword@proxy:3128") == f"http://me:{MASK}@proxy:3128"
    save_account(home, {"default-ibm-quantum-platform": account("saved-token-1", proxies=None)})
    assert ibm_credentials().options == {}


def test_the_client_is_given_what_the_account_was_saved_with(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import qiskit_ibm_runtime
    from bellqueue.backends.ibm import session

    given: dict[str, Any] = {}
    monkeypatch.setattr(qiskit_ibm_runtime, "QiskitRuntimeService", lambda **arguments: given.update(arguments))
    monkeypatch.setattr(session, "harden", lambda service: None)
    save_account(home, {"default-ibm-quantum-platform": account("saved-token-1", verify=False, region="eu-de")})
    session.sign_in()
    assert given["token"] == "saved-token-1"
    assert (given["verify"], given["region"]) == (False, "eu-de")
    assert "proxies" not in given


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"proxies": "http://me:pr0xyPassword@proxy"}, "proxies"),
        ({"proxies": {"url": "http://me:pr0xyPassword@proxy"}}, "proxies"),
        ({"verify": "no"}, "verify"),
        ({"plans_preference": "open"}, "plans_preference"),
    ],
)
def test_a_mistake_in_a_saved_account_is_one_line_without_the_value(
    options: dict[str, Any], name: str, home: Path
) -> None:
    save_account(home, {"mine": account("saved-token-1", **options)})
    with pytest.raises(BackendError) as refusal:
        ibm_credentials()
    assert f"account mine: {name} is not what qiskit-ibm-runtime saves" in str(refusal.value)
    assert "pr0xy" not in str(refusal.value)


@pytest.mark.parametrize("text", [f'{{"a": "{SECRET}"', f'["{SECRET}"]'])
def test_a_broken_saved_account_names_the_file(text: str, home: Path) -> None:
    write(text, home / ".qiskit" / "qiskit-ibm.json")
    with pytest.raises(BackendError, match=r"qiskit-ibm\.json") as caught:
        ibm_credentials()
    assert SECRET not in str(caught.value)


def test_asking_leaves_no_file_behind(home: Path) -> None:
    assert not have_ibm()
    assert not have_braket()
    assert list(home.iterdir()) == []


def test_braket_file_then_environment_then_aws_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = braket_credentials()
    assert found.source == AWS_CONFIGURATION
    assert not have_braket()

    write("[default]\nregion = us-east-1\n", home / ".aws" / "config")
    assert not have_braket()
    write(f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n", home / ".aws" / "credentials")
    assert have_braket()
    assert braket_credentials().source == AWS_CONFIGURATION
    assert redact(SECRET) == MASK

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OTHER)
    write('[braket]\nregion = "us-west-1"\nbucket = "results/bell"\n')
    found = braket_credentials()
    assert (found.aws_access_key_id, found.aws_secret_access_key, found.source) == (None, None, ENVIRONMENT)
    assert (found.region, found.bucket) == ("us-west-1", "results/bell")
    assert redact(OTHER) == MASK

    write('[braket]\naws_access_key_id = "AKIAFILE"\naws_secret_access_key = "file-secret"\n')
    found = braket_credentials()
    assert (found.aws_access_key_id, found.aws_secret_access_key) == ("AKIAFILE", "file-secret")
    assert (found.aws_session_token, found.region, found.profile, found.bucket) == (None, None, None, None)
    assert found.source == "credentials.toml"

    write('[braket]\nprofile = "lab"\n')
    found = braket_credentials()
    assert (found.profile, found.aws_access_key_id, found.source) == ("lab", None, "credentials.toml")


def test_the_profile_in_force_decides_whether_there_is_an_aws_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("[default]\nregion = us-east-1\n[profile lab]\nsso_session = lab\n", home / ".aws" / "config")
    assert not have_braket()
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert have_braket()
    assert braket_credentials().source == ENVIRONMENT


def test_a_broken_aws_configuration_names_the_file(home: Path) -> None:
    write(f"{SECRET}\n", home / ".aws" / "credentials")
    with pytest.raises(BackendError, match=r"\.aws/credentials") as caught:
        braket_credentials()
    assert SECRET not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o622])
def test_a_file_open_to_others_is_refused_with_the_remedy(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    os.chdir(folder)
    path = write('[ibm]\ntoken = "file-token"\n', mode=mode)
    for call in (ibm_credentials, braket_credentials, have_ibm, have_braket):
        with pytest.raises(BackendError, match=r"chmod 600 credentials\.toml"):
            call()
    path.chmod(stat.S_IRUSR)
    assert ibm_credentials().token == "file-token"


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
def test_the_command_to_type_quotes_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("", tmp_path / "my keys.toml", mode=0o644)
    monkeypatch.setenv("BELLQUEUE_CREDENTIALS", str(path))
    with pytest.raises(BackendError) as caught:
        ibm_credentials()
    assert str(caught.value).endswith(f"chmod 600 '{path}'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"[ibm]\ntoken = {SECRET}\n", "line 2"),
        (f'[ibm]\ntoken = "{SECRET}\n', "line 2"),
        (f'[ibm]\n{SECRET} = "a"\n{SECRET} = "b"\n', "not TOML"),
        (f'[ibm]\ntokn = "{SECRET}"\n', "ibm.tokn: unknown key; did you mean token?"),
        (f'[ibm]\n{SECRET} = "a"\n', "ibm.…: unknown key"),
        (f'[imb]\ntoken = "{SECRET}"\n', "imb: unknown table; did you mean ibm?"),
        (f'token = "{SECRET}"\n', "token: unknown table; valid: ibm, braket"),
        (f'ibm = "{SECRET}"\n', "ibm: must be a table, [ibm]"),
        (f'[ibm]\ntoken = ["{SECRET}"]\n', "ibm.token: must be text"),
        (f'[ibm.token]\nvalue = "{SECRET}"\n', "ibm.token: must be text"),
        (f'[ibm]\ntoken = "{SECRET} {SECRET}"\n', "ibm.token: holds a blank"),
        (
            f'[ibm]\ntoken = "{SECRET}"\nchannel = "{SECRET}"\n',
            "ibm.channel: must be ibm_quantum_platform or ibm_cloud",
        ),
        (f'[ibm]\ninstance = "{SECRET}"\n', "ibm: instance, url or channel without token"),
        (f'[braket]\naws_secret_access_key = "{SECRET}"\n', "braket: give both"),
        (f'[braket]\naws_session_token = "{SECRET}"\n', "braket: aws_session_token belongs to a key"),
        (
            f'[braket]\naws_access_key_id = "{SECRET}"\naws_secret_access_key = "{SECRET}"\nprofile = "{SECRET}"\n',
            "braket: give either a key or a profile",
        ),
        (f'[braket]\nregion = 5\naws_session_token = "{SECRET}"\n', "braket.region: must be text"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_field_and_no_value(text: str, expected: str) -> None:
    write(text)
    for call in (ibm_credentials, braket_credentials):
        with pytest.raises(BackendError) as caught:
            call()
        assert "credentials.toml: " in str(caught.value)
        assert expected in str(caught.value)
        assert SECRET not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8() -> None:
    Path("credentials.toml").write_bytes(b'[ibm]\ntoken = "\xff\xfe"\n')
    Path("credentials.toml").chmod(0o600)
    with pytest.raises(BackendError, match="not TOML"):
        have_ibm()


def test_blanks_around_a_key_are_dropped_and_an_empty_text_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[ibm]\ntoken = "  "\ninstance = ""\n')
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "  ")
    assert not have_ibm()
    write('[ibm]\ntoken = " file-token\\n"\n')
    assert ibm_credentials().token == "file-token"


def test_no_repr_shows_a_secret_and_every_secret_is_redacted() -> None:
    values = [f"{SECRET}-{name}" for name in ("token", "id", "key", "session")]
    token, key_id, key, session = values
    write(
        f'[ibm]\ntoken = "{token}"\n[braket]\naws_access_key_id = "{key_id}"\n'
        f'aws_secret_access_key = "{key}"\naws_session_token = "{session}"\n'
    )
    shown = f"{ibm_credentials()!r} {ibm_credentials()} {braket_credentials()!r} {braket_credentials()}"
    assert "credentials.toml" in shown
    for value in values:
        assert value not in shown
        assert redact(value) == MASK


def test_the_example_lists_every_key_and_gives_nothing() -> None:
    text = EXAMPLE.read_text("utf-8")
    assert "chmod 600" in text
    data = tomllib.loads(text)
    assert set(data["ibm"]) == {"token", "instance", "url", "channel"}
    keys = {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
    assert set(data["braket"]) == keys | {"region", "profile", "bucket"}
    write(text)
    assert not have_ibm()
    assert not have_braket()
    assert braket_credentials().source == AWS_CONFIGURATION
