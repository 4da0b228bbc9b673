"""Counts with their nouns, for people."""


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 webhook``, ``2 webhooks``, ``2 deliveries``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("ry") else f"{count} {noun}s"
