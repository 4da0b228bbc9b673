"""Examples at the end of a help page; separate because every start of the command needs it."""


def examples(*lines: str) -> str:
    """Return the end of a help page: examples, exactly as the user types them."""
    return "\n".join(["Examples:", *(line.replace("[", "\\[") for line in lines)])
