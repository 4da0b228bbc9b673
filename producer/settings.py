"""What the producer reads from the environment beyond what every role reads."""

from pydantic import Field

from portcall.runtime.settings import Address, Settings


class ProducerSettings(Settings):
    """The producer's settings."""

    bind: Address = Field(
        default="127.0.0.1:8401",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_PRODUCER_BIND",
        description="Where registries send their events; port 0 is any free one.",
    )
