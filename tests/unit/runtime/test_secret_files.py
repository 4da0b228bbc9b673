"""Secrets in files: what is read, what is refused, and which settings may come so."""

from pathlib import Path

import pytest

from portcall.deliverer.settings import DelivererSettings
from portcall.management.settings import ManagementSettings
from portcall.producer.settings import ProducerSettings
from portcall.router.settings import RouterSettings
from portcall.runtime.errors import SettingsError
from portcall.runtime.secret_files import MAX_BYTES, SECRETS, with_secret_files
from portcall.runtime.settings import Settings

TOKEN = "0123456789abcdef"  # noqa: S105 (of no server)
REST = {"PORTCALL_AMQP_URL": "amqp://u:p@broker/", "PORTCALL_DATABASE_URL": "sqlite:///x.db"}


@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n\n"])
def test_a_secret_is_read_without_the_end_of_its_line(tmp_path: Path, end: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(f"{TOKEN}{end}".encode())
    settings = Settings.from_environment({**REST, "PORTCALL_TOKEN_FILE": str(file)})
    assert settings.token == TOKEN


def test_every_setting_that_is_not_shown_may_be_in_a_file() -> None:
    models = (
        Settings,
        RouterSettings,
        ProducerSettings,
        DelivererSettings,
        ManagementSettings,
    )
    hidden = {
        field.alias for model in models for field in model.model_fields.values() if not field.repr
    }
    assert hidden - {"PORTCALL_ENCRYPTION_KEY"} == set(SECRETS)


def test_an_environment_without_files_stays_as_it_is() -> None:
    environ = {**REST, "PORTCALL_TOKEN_FILE": ""}
    assert with_secret_files(environ) is environ


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"one\ntwo\n", "has more than one line"),
        (b"\xff\xfe", "is no text in UTF-8"),
        (b"x" * (MAX_BYTES + 1), "a secret has at most 64 KiB"),
    ],
)
def test_a_file_that_cannot_be_a_secret_is_named(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({**REST, "PORTCALL_TOKEN_FILE": str(file)})
    assert str(refused.value) == f"PORTCALL_TOKEN_FILE: {file}: {problem}"


def test_files_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    environ = {
        "PORTCALL_TOKEN_FILE": str(tmp_path / "none"),
        "PORTCALL_AMQP_URL_FILE": str(tmp_path),
    }
    with pytest.raises(SettingsError) as refused:
        with_secret_files(environ)
    assert str(refused.value).splitlines() == [
        f"PORTCALL_TOKEN_FILE: {tmp_path}/none: No such file or directory",
        f"PORTCALL_AMQP_URL_FILE: {tmp_path}: Is a directory",
    ]


def test_a_secret_and_its_file_are_not_both_taken(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    environ = {**REST, "PORTCALL_TOKEN": "another-token-of-16", "PORTCALL_TOKEN_FILE": str(file)}
    with pytest.raises(SettingsError, match="PORTCALL_TOKEN is set, too: keep one of them"):
        Settings.from_environment(environ)
