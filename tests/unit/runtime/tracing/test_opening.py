import sys

import pytest

from portcall.runtime.errors import SettingsError
from portcall.runtime.settings import Settings
from portcall.runtime.tracing.opening import tracer_of
from portcall.schemas.traces import Context

NEEDED = {
    "PORTCALL_AMQP_URL": "amqp://guest:guest@127.0.0.1:5672/",
    "PORTCALL_DATABASE_URL": "sqlite:///portcall.db",
    "PORTCALL_TOKEN": "a-token-made-for-tests",
}


@pytest.fixture(autouse=True)
def nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")


@pytest.mark.parametrize(("text", "expected"), [("", False), ("off", False), ("on", True)])
def test_the_setting_is_off_by_default(text: str, *, expected: bool) -> None:
    settings = Settings.from_environment({**NEEDED, "PORTCALL_TRACING": text})
    assert settings.tracing is expected


def test_another_word_is_refused_by_its_name() -> None:
    with pytest.raises(SettingsError, match="PORTCALL_TRACING"):
        Settings.from_environment({**NEEDED, "PORTCALL_TRACING": "perhaps"})


def test_off_there_is_no_tracer() -> None:
    assert tracer_of("router", tracing=False) is None


def test_the_sdks_own_switch_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracer_of("router", tracing=True) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
    ],
)
def test_what_is_not_supported_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        tracer_of("router", tracing=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "portcall.runtime.tracing.exporting", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"requirements/tracing\.txt"):
        tracer_of("router", tracing=True)


@pytest.mark.parametrize(
    ("sampler", "argument", "parent", "expected"),
    [
        pytest.param("", "", None, True, id="all by default"),
        pytest.param("", "", True, True, id="as the parent"),
        pytest.param("", "", False, False, id="as the parent, not sampled"),
        pytest.param("always_off", "", True, False, id="never"),
        pytest.param("parentbased_traceidratio", "0", None, False, id="none of the new ones"),
        pytest.param("parentbased_traceidratio", "0", True, True, id="the parent decides"),
    ],
)
def test_the_sdks_sampler_decides_at_the_head(
    sampler: str,
    argument: str,
    parent: bool | None,  # noqa: FBT001 (a column of the table)
    expected: bool,  # noqa: FBT001 (the same)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    tracer = tracer_of("router", tracing=True)
    assert tracer is not None
    context = None if parent is None else Context("a" * 32, "b" * 16, parent)
    assert tracer.begin(context).sampled is expected
