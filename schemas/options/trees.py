"""What the syntax tree of an expression tells before the expression is tried on anything.

It is for checks when a person saves an expression. `compiled` does not refuse what is found here:
an expression that was saved by an earlier version keeps its meaning.
"""

from collections.abc import Iterator

from jmespath import functions

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.expressions import Node
from portcall.schemas.plurals import counted

_FIRST_ONLY = frozenset(
    {"filter_projection", "index_expression", "pipe", "projection", "subexpression",
     "value_projection"}
)  # fmt: skip
"""Their first part reads from what the whole reads from; the others read from what it gives.

Source: `visitor.TreeInterpreter` of jmespath."""
_NO_NODES = frozenset({"slice"})
"""Its children are numbers."""


def names_read(node: Node) -> Iterator[str]:
    """The names that an expression reads from the value itself: of ``a.b[?c] || d`` a and d.

    Names behind a dot or a pipe, and in a projection or its filter, are not among them.
    """
    kind = node["type"]
    if kind == "field":
        yield node["value"]
    children = () if kind in _NO_NODES else node["children"]
    for child in children[:1] if kind in _FIRST_ONLY else children:
        yield from names_read(child)


def check_calls(node: Node) -> None:
    """Check how many arguments each function is called with.

    Raises:
        InvalidValueError: One is called with too few or too many, so it would always fail.
    """
    kind = node["type"]
    if kind in _NO_NODES:
        return
    if kind == "function_expression":
        _check_call(node["value"], len(node["children"]))
    for child in node["children"]:
        check_calls(child)


def _check_call(name: str, given: int) -> None:
    wanted = functions.Functions.FUNCTION_TABLE[name]["signature"]
    is_variadic = bool(wanted) and wanted[-1].get("variadic", False)
    if given == len(wanted) or (is_variadic and given > len(wanted)):
        return
    takes = f"at least {len(wanted)}" if is_variadic else str(len(wanted))
    problem = f"calls {name}() with {counted(given, 'argument')}; it takes {takes}"
    raise InvalidValueError("", problem)
