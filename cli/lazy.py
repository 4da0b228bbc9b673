"""Commands that are imported when they are called, so that ``--help`` stays fast.

`LazyCommand` is a placeholder in a group, with a name and a summary. The module with the real
command (a `typer.Typer`, or a function) is imported when the command line reaches it.
"""

from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = ["--help", "-h"]
"""The names of the option that shows the help, of every command."""


class LazyCommand(TyperCommand):
    """A command of which only the name and the summary are loaded."""

    def __init__(self, name: str, target: str, summary: str, *, panel: str, epilog: str) -> None:
        super().__init__(name, help=summary, rich_help_panel=panel, epilog=epilog or None)
        self.target = target

    def load(self) -> TyperCommand | TyperGroup:
        """Import and return the real command; ``target`` is a ``module:attribute`` in it."""
        module, _, attribute = self.target.partition(":")
        imported = import_module(f"{__package__}.{module}")
        found: typer.Typer | Callable[..., object] = getattr(imported, attribute)
        if isinstance(found, typer.Typer):
            app = found
        else:
            app = typer.Typer(add_completion=False)
            app.command(self.name, epilog=self.epilog)(found)
        command = get_command(app)
        if not isinstance(command, TyperCommand | TyperGroup):
            raise TypeError(f"{self.target} is not a typer command")
        command.name = self.name
        reflow(command)
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (typer's own types are private)
        """Pass the command line on to the real command."""
        return self.load().make_context(*args, **kwargs)


def reflow(command: TyperCommand | TyperGroup) -> None:
    """Let help texts use the terminal's full width, and put a docstring's examples at the end."""
    hide_types_of_flags(command)
    paragraphs = cleandoc((command.help or "").partition("\f")[0]).split("\n\n")
    shown = [each for each in paragraphs if each.startswith("Examples:")]
    told = [each.replace("\n", " ") for each in paragraphs if each not in shown]
    command.help = "\n\n".join(told)
    command.epilog = command.epilog or "\n".join(shown) or None
    for each in command.commands.values() if isinstance(command, TyperGroup) else ():
        if isinstance(each, TyperCommand | TyperGroup):
            reflow(each)


def hide_types_of_flags(command: TyperCommand | TyperGroup) -> None:
    """Show options that take no value without a type: ``--quiet <bool>`` reads as if they did."""
    for option in command.get_params(typer.Context(command, help_option_names=HELP)):
        if isinstance(option, TyperOption) and option.is_flag:
            option.metavar = ""
