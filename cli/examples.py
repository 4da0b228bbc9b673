"""Examples at the end of a help page: apart, because every start of the command needs them."""


def examples(*lines: str) -> str:
    """The end of a help page: examples, shown as they are to be typed."""
    return "\n".join(["Examples:", *(line.replace("[", "\\[") for line in lines)])
