"""The settings of the management role."""

from pydantic import Field

from runtime.settings import Address, DurationMs, LimitMs, Settings


class ManagementSettings(Settings):
    """What this role reads beyond `Settings`."""

    bind: Address = Field(
        default="127.0.0.1:8400",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MANAGEMENT_BIND",
        description="Where the API is served; port 0 is any free one.",
    )
    disable_after_ms: LimitMs = Field(
        default="5d",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_DISABLE_AFTER",
        description="For how long every attempt must fail until a webhook is disabled; or none.",
    )
    probe_after_ms: DurationMs = Field(
        default="1h",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PROBE_AFTER",
        description="When a webhook that was disabled by itself is probed first; then the pauses"
        " double up to a day.",
    )
