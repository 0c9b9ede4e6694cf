"""No secret leaves the process through logging, warnings, print or a traceback."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import subprocess
import sys
import textwrap
import threading
import urllib.parse
import warnings
from collections.abc import Iterator
from typing import TextIO, cast

import numpy as np
import pytest
from bellqueue.backends.accounts import redaction
from bellqueue.backends.accounts.redaction import MASK, RedactedText, redact, register
from rich.console import Console
from rich.panel import Panel

SECRET = "kQ7/x+v9Zt=Lw2&mN4pR8sT1"
JWT = "eyJhbGciOiJub25lIn0.eyJpYXQiOjF9."


@pytest.fixture(autouse=True)
def known() -> None:
    """The secret is registered."""
    register(SECRET)


@pytest.fixture
def installed() -> Iterator[None]:
    """Everything redacted for the length of a test."""
    before = logging.getLogRecordFactory(), warnings.showwarning, sys.stdout, sys.stderr
    redaction.install()
    yield
    logging.setLogRecordFactory(before[0])
    warnings.showwarning, sys.stdout, sys.stderr = before[1:]


@pytest.fixture
def log(installed: None) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A child logger with its own handler that passes nothing on, as qiskit-ibm-runtime has, and what it writes."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("provider.client.session")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger, text
    logger.removeHandler(handler)
    logger.propagate = True


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process that has registered and installed; the secret is not in the code itself."""
    start = f"""
        import sys, logging, threading, warnings
        from bellqueue.backends.accounts.redaction import install, register
        SECRET = bytes.fromhex({SECRET.encode().hex()!r}).decode()
        register(SECRET)
        install()
    """
    script = textwrap.dedent(start) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        urllib.parse.quote(SECRET),
        urllib.parse.quote_plus(SECRET),
        urllib.parse.urlencode({"a": SECRET})[2:],
        "kQ7%2fx%2bv9Zt%3dLw2%26mN4pR8sT1",  # escapes in lower case
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_written_form_is_replaced_and_the_rest_stays(written: str) -> None:
    text = redact(f"before {written} after")
    assert text.startswith(f"before {MASK}")
    assert text.endswith(" after")
    assert written.rstrip("=")[:-3] not in text


@pytest.mark.parametrize("user", ["", "u", "us", "use", "user"])
def test_basic_authorization_does_not_show_the_secret(user: str) -> None:
    """Whatever stands before it, at most a few bits at the ends of the secret remain."""
    encoded = base64.b64encode(f"{user}:{SECRET}:tail".encode()).decode()
    left, masked, right = redact(encoded).partition(MASK)
    assert masked
    pad = "A" * (len(encoded) - len(left) - len(right))
    assert SECRET[2:-2] not in base64.b64decode(left + pad + right).decode("latin-1")
    assert len(pad) * 6 >= (len(SECRET) - 2) * 8


def test_quotes_and_backslashes_are_found_in_json_and_repr() -> None:
    secret = "back\\slash\"quote'both"
    register(secret)
    for text in (json.dumps({"key": secret}), repr({"key": secret})):
        assert "slash" not in redact(text)


@pytest.mark.parametrize("width", [12, 20, 30])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_secret_folded_and_coloured_by_the_console_is_found(width: int, terminal: bool) -> None:
    under = io.StringIO()
    secret = "f0ld=17_/x9:True'c0l0ur'-None.42-" * 3
    register(secret)
    console = Console(file=cast(TextIO, RedactedText(under)), width=width, force_terminal=terminal)
    console.print("token", secret)
    console.print(Panel(secret))
    assert under.getvalue().count(MASK) == 2
    assert not re.search("f0l|c0l|0ur", under.getvalue())


def test_short_values_are_ordinary_text() -> None:
    register("abcde")
    register("")
    assert redact("abcde") == "abcde"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {JWT}",
        "{'Authorization': 'Bearer Zm9vYmFyYmF6cXV4eA'}",
        "Authorization: apikey Zm9vYmFyYmF6cXV4eA",
        "grant_type=urn&apikey=Zm9vYmFyYmF6cXV4eA&x=1",
        '{"refresh_token": "Zm9vYmFyYmF6cXV4eA"}',
        "{'X-Amz-Security-Token': b'Zm9vYmFyYmF6cXV4eA'}",
        "AWS_SECRET_ACCESS_KEY=Zm9vYmFyYmF6cXV4eA",
        f"token {JWT}c2lnbmF0dXJl.",
    ],
)
def test_unregistered_tokens_are_known_by_their_looks(text: str) -> None:
    clean = redact(text)
    assert MASK in clean
    assert "Zm9v" not in clean
    assert "eyJ" not in clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "the bearer of this ticket",
        "API key of your IBM Cloud account",
        "valid: aws_access_key_id, aws_secret_access_key, aws_session_token",
        "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef0123456789abcdef:1-2-3::",
        "arn:aws:braket:us-east-1::device/qpu/ionq/Aria-1",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_a_message_with_arguments(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, text = log
    logger.warning("100 %% sure: %s and %r, %d", SECRET, {"key": SECRET}, 7)
    logger.warning("key %(key)s", {"key": SECRET})
    assert text.getvalue() == f"100 % sure: {MASK} and {{'key': '{MASK}'}}, 7\nkey {MASK}\n"


def test_an_exception_and_a_stack(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, text = log
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(f"refused {SECRET}") from cause
    except ValueError:
        logger.exception("asking failed", stack_info=True)
    assert f"ValueError: refused {MASK}" in text.getvalue()
    assert f"KeyError: '{MASK}'" in text.getvalue()
    assert "Traceback" in text.getvalue()
    assert "Stack (most recent call last)" in text.getvalue()
    assert SECRET not in text.getvalue()


def test_a_record_without_secrets_is_untouched(installed: None) -> None:
    error = ValueError("plain")
    made = logging.getLogger("a").makeRecord("a", 20, "f", 1, "n = %d", (3,), (ValueError, error, None))
    assert (made.msg, made.args, made.exc_info, made.exc_text) == ("n = %d", (3,), (ValueError, error, None), None)


def test_arguments_that_do_not_fit_are_reported_without_the_secret() -> None:
    done = run_python("logging.getLogger('a.b').error('one %d', SECRET)\nprint('still here')")
    assert done.stdout == "still here\n"
    assert "Logging error" in done.stderr
    assert MASK in done.stderr
    assert SECRET not in done.stderr


def test_print_and_standard_error() -> None:
    done = run_python("""
        print("key", SECRET, 1)
        print(SECRET, file=sys.stderr)
        sys.stdout.write("half " + SECRET[:9]); sys.stdout.write(SECRET[9:] + " end\\n")
        sys.stdout.writelines([SECRET, "\\n"])
        sys.stdout.buffer.write(SECRET.encode() + b" \\xc3\\xa9 \\n")
        print(SECRET[:12], end="")
    """)
    assert done.returncode == 0
    assert done.stdout == f"key {MASK} 1\nhalf {MASK} end\n{MASK}\n{MASK} é \n{SECRET[:12]}"
    assert done.stderr == f"{MASK}\n"


def test_warnings_and_their_source_line() -> None:
    done = run_python("""
        class Odd(UserWarning):
            def __init__(self, a, b): super().__init__(a + b)
        warnings.warn("token " + SECRET)
        warnings.warn(Odd("odd ", SECRET))
        kept = sys.stderr
        sys.stderr = sys.__stderr__   # the message is clean even where the stream is not ours
        warnings.warn("again " + SECRET)
    """)
    assert f"UserWarning: token {MASK}" in done.stderr
    assert f"Odd: odd {MASK}" in done.stderr or f"UserWarning: odd {MASK}" in done.stderr
    assert f"again {MASK}" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("thread", [False, True])
def test_an_uncaught_exception(thread: bool) -> None:
    call = "t = threading.Thread(target=fail); t.start(); t.join()" if thread else "fail()"
    done = run_python(f"def fail():\n    raise RuntimeError('refused ' + SECRET)\n{call}\n")
    assert f"RuntimeError: refused {MASK}" in done.stderr
    assert "Traceback" in done.stderr
    assert SECRET not in done.stderr


def test_installing_twice_wraps_once(installed: None) -> None:
    redaction.install()  # pytest has put its own streams back since the fixture
    before = logging.getLogRecordFactory(), warnings.showwarning, sys.stdout, sys.stderr
    redaction.install()
    assert before == (logging.getLogRecordFactory(), warnings.showwarning, sys.stdout, sys.stderr)


def test_a_factory_that_was_there_is_still_used() -> None:
    done = run_python("""
        class Record(logging.LogRecord):
            pass
        from bellqueue.backends.accounts import redaction
        logging.setLogRecordFactory(Record)
        redaction.install()
        print(type(logging.makeLogRecord({})).__name__)
    """)
    assert done.stdout == "Record\n"


def test_the_stream_is_otherwise_the_one_underneath() -> None:
    below = io.BytesIO()
    under = io.TextIOWrapper(below, encoding="utf-8", write_through=True)
    stream = RedactedText(under)
    assert (stream.encoding, stream.isatty(), stream.errors, stream.closed) == ("utf-8", False, "strict", False)
    with pytest.raises(io.UnsupportedOperation):
        stream.fileno()
    stream.reconfigure(encoding="ascii", errors="replace")
    assert stream.write("é") == 1
    with pytest.raises(TypeError):
        stream.write(cast(str, b"bytes"))
    under.flush()
    assert below.getvalue() == b"?"
    stream.close()
    assert under.closed


def test_what_is_held_back_comes_with_the_flush() -> None:
    under = io.StringIO()
    stream = RedactedText(under)
    stream.write(f"prompt {SECRET[:3]}")
    assert under.getvalue() == "prompt "
    stream.flush()
    assert under.getvalue() == f"prompt {SECRET[:3]}"


def test_any_cut_of_a_secret_is_caught() -> None:
    for cut in range(1, len(SECRET)):
        under = io.StringIO()
        stream = RedactedText(under)
        for part in ("key=", SECRET[:cut], SECRET[cut:], " end\n"):
            stream.write(part)
        assert under.getvalue() == f"key={MASK} end\n"


def test_threads_that_register_and_write_at_once() -> None:
    """Each thread's secret is covered as soon as its own register returns."""
    rng = np.random.default_rng(3)
    secrets = [[rng.bytes(12).hex() for _ in range(3)] for _ in range(4)]
    under = io.StringIO()
    stream = RedactedText(under)

    def work(mine: list[str]) -> None:
        for secret in mine:
            register(secret)
            stream.write(f"<{secret}>\n")

    threads = [threading.Thread(target=work, args=(mine,)) for mine in secrets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert under.getvalue() == f"<{MASK}>\n" * 12
