"""Convert az's options with several words into the form that typer understands.

In az, ``--actions push delete`` is one option with two values. Typer's options take one value and
may be repeated, so the option is repeated before each of its words.
"""

from collections.abc import Callable, Sequence

Takes = Callable[[str], bool]


def _word(_word: str) -> bool:
    return True


def _pair(word: str) -> bool:
    """Return whether the word is ``key=value`` and not an argument that follows the option."""
    return "=" in word


def _network(word: str) -> bool:
    """Return whether the word is an address or a network, and not a name that follows."""
    return any(mark in word for mark in ".:/")


_SOURCE: dict[str, Takes] = {"--options": _pair, "--networks": _network}

_WEBHOOK: dict[str, Takes] = {
    "--actions": _word,
    "--headers": _word,
    "--tags": _word,
    "--scopes": _word,
    "--filters": _word,
    "--format": _word,
    "--final-answers": _word,
}

SEVERAL: dict[tuple[str, str], dict[str, Takes]] = {
    ("webhook", "create"): _WEBHOOK,
    ("webhook", "update"): _WEBHOOK,
    ("webhook", "test-scope"): {"--actions": _word, "--scopes": _word, "--filters": _word},
    ("webhook", "test-format"): {"--format": _word, "--filters": _word},
    ("registry", "create"): {"--tags": _pair},
    ("source", "create"): _SOURCE,
    ("source", "update"): _SOURCE,
    ("source", "try"): {"--options": _pair},
}  # fmt: skip
"""For each command: the options that take several words, and which words they accept."""


def spread(arguments: Sequence[str]) -> list[str]:
    """Repeat an option before each of its words: ``--tags a=1 b=2`` is ``--tags a=1 --tags b=2``.

    The first word after the option is always its value. Any word that begins with ``-`` ends the
    list, and so does ``--``.
    """
    several = SEVERAL.get((arguments[0], arguments[1])) if len(arguments) > 2 else None
    if several is None:
        return list(arguments)
    spread_out: list[str] = []
    option, first = "", False
    for position, word in enumerate(arguments):
        if word == "--":
            return spread_out + list(arguments[position:])
        if word in several:
            option, first = word, True
        elif option and not first and not word.startswith("-") and several[option](word):
            spread_out.append(option)
        elif first and not word.startswith("--"):
            first = False
        else:
            option, first = "", False
        spread_out.append(word)
    return spread_out
