"""The installation's values of settings: they are in force for a webhook without its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defaults:
    """The values, named like the columns of a webhook.

    Attributes:
        schedule_ms: The delay before each retry, milliseconds.
        max_age_ms: The age at which a delivery is given up, milliseconds; 0: at none.
        disable_after_ms: For how long every attempt must fail until a webhook is disabled,
            milliseconds; 0: never.
    """

    schedule_ms: tuple[int, ...] = ()
    max_age_ms: int = 0
    disable_after_ms: int = 0


NO_DEFAULTS = Defaults()
"""No retries, no maximum age, and no webhook is disabled automatically."""
