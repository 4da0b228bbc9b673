"""The judgement of `portcall doctor` on the broker's version."""

from portcall.cli.doctor.findings import Finding, ok, wrong
from portcall.cli.rabbitmq_versions import GUIDE, OLDEST, meaning, parsed


def broker(said: str) -> Finding:
    """Report a broker that answers, with its version and what that means.

    Args:
        said: The version as the broker says it; empty: it does not.
    """
    version = parsed(said)
    if version is None:
        return ok("broker", "reachable; it does not say its version", {"version": None})
    facts = {"version": said, "meaning": meaning(version)}
    found = f"reachable: RabbitMQ {version} ({meaning(version)})"
    if version.series < OLDEST.series:
        advice = f"install RabbitMQ {OLDEST.major}.{OLDEST.minor} or newer: {GUIDE}"
        return wrong("broker", found, advice, facts)
    return ok("broker", found, facts)
