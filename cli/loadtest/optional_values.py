"""Options with an optional value, which typer does not support."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup

from portcall.cli.errors import UsageError

MAY_STAND_ALONE = ("--dashboard",)


class Lenient(TyperGroup):
    """A command whose `MAY_STAND_ALONE` options may have no value, which then is empty."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (click's, hidden in typer)
        """Parse the command line."""
        return super().parse_args(ctx, completed(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 (as above)
        """Find the subcommand, and tell who writes an address in its place where that belongs."""
        if args and "://" in args[0]:
            raise UsageError(
                "the address of the consumer belongs behind --uri:"
                " portcall loadtest --uri ADDRESS ..."
            )
        return super().resolve_command(ctx, args)


def completed(args: Sequence[str]) -> list[str]:
    """Return the same words, with ``--dashboard=`` if no value follows."""
    found = []
    for number, word in enumerate(args):
        follows = args[number + 1] if number + 1 < len(args) else "-"
        alone = word in MAY_STAND_ALONE and follows.startswith("-")
        found.append(f"{word}=" if alone else word)
    return found
