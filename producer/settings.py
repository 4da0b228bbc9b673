"""The producer's settings, in addition to those of every role."""

from pydantic import Field

from portcall.runtime.settings import Address, KeySettings


class ProducerSettings(KeySettings):
    """The producer's settings."""

    bind: Address = Field(
        default="127.0.0.1:8401",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PRODUCER_BIND",
        description="Address that registries send events to; port 0 is any free one.",
    )
