"""Opening: a role's tracer, where tracing is on; the SDK is imported only then."""

import os

from portcall.runtime.errors import SettingsError
from portcall.runtime.tracing.spans import Tracer

EXTRA = (
    "PORTCALL_TRACING: on needs the packages of requirements/tracing.txt,"
    " or: pip install 'portcall[tracing]'"
)
_CHOICES = {
    "OTEL_TRACES_EXPORTER": ("otlp", "none"),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("http/protobuf",),
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ("http/protobuf",),
}
"""Variables of which we support some values only; the first one is the default."""


def tracer_of(role: str, *, tracing: bool) -> Tracer | None:
    """The tracer of a role; None: tracing is off.

    Args:
        role: The name of the role.
        tracing: The setting.

    Raises:
        SettingsError: A variable has a value that is not supported, or the SDK is not installed.
    """
    if not tracing or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    for name in [
        name for name, text in os.environ.items() if name.startswith("OTEL_") and not text
    ]:
        del os.environ[name]  # empty counts as unset, which the SDK does not always follow
    chosen = {name: _chosen(name, values) for name, values in _CHOICES.items()}
    try:
        from portcall.runtime.tracing import exporting  # noqa: PLC0415 (the SDK is large)
    except ImportError as error:
        raise SettingsError(f"{EXTRA} ({error})") from error
    return exporting.open_tracer(role, exports=chosen["OTEL_TRACES_EXPORTER"] == "otlp")


def _chosen(name: str, values: tuple[str, ...]) -> str:
    text = os.environ.get(name, "").strip().lower() or values[0]
    if text not in values:
        raise SettingsError(f"{name}: must be {' or '.join(values)} here")
    return text
