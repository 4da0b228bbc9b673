"""The order of stopping, of processes and of the roles in one process."""

from collections.abc import Collection
from dataclasses import dataclass

SPARE_S = 5.0
"""How much longer than one attempt stopping may take."""
ROLES = ("producer", "router", "deliverer", "recorder", "management")
COMPACT = "compact"
"""The role of the process that runs all roles."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of stopping.

    Attributes:
        roles: The roles that are asked to end in this step.
        patience_s: How long the next step waits for them; they may take longer to end.
    """

    roles: Collection[str]
    patience_s: float


def stages(attempt_timeout_s: float) -> list[Stage]:
    """Return the stages of stopping: first the roles that take in work, last their receivers.

    The times before the last stage add up to 3 s beyond one attempt; the private node needs 1.1 s.
    """
    return [
        Stage({"producer", "management"}, patience_s=0.75),
        Stage({"router"}, patience_s=0.75),
        Stage({"deliverer"}, patience_s=attempt_timeout_s + 0.5),
        Stage({"recorder"}, patience_s=1.0),
        Stage({"rabbitmq"}, patience_s=SPARE_S),
    ]


def compact_stages(attempt_timeout_s: float) -> list[Stage]:
    """Return the same for a compact process, which itself stops its roles in their stages."""
    *roles, broker = stages(attempt_timeout_s)
    return [Stage({COMPACT}, patience_s=sum(each.patience_s for each in roles)), broker]
