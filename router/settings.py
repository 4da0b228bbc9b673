"""The router's settings from the environment."""

from pydantic import Field

from portcall.runtime.settings import Settings


class RouterSettings(Settings):
    """Settings of a router."""

    prefetch: int = Field(
        default=128,
        ge=1,
        le=2000,
        alias="PORTCALL_ROUTER_PREFETCH",
        description="Frames of events that a router works on at once, or that wait for their ack.",
    )
