"""JMESPath expressions of people, on the bodies of strangers: bounded in length and in work.

============================  ====================================================================
bound                         why
============================  ====================================================================
`MAX_LENGTH`, `MAX_NODES`     parsing and each evaluation stay short
`MAX_STEPS` of one request    a body of a megabyte has 500,000 items, and each costs about 1 µs
no ``&``, ``{...}``, and      without them each step gives a part of what it gets, so no expression
``[a, b]`` only in ``join``   can double a value again and again
`FUNCTIONS` only              the others are of no use here; ``to_string`` may double its text
``join`` up to `MAX_TEXT`     it could repeat a long text for each item of an array
============================  ====================================================================

docs/decisions/0053 says more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jmespath import exceptions, functions, parser, visitor

from portcall.schemas.errors import InvalidValueError

MAX_LENGTH = 256
"""Characters of an expression."""
MAX_NODES = 64
"""Of its syntax tree."""
MAX_STEPS = 200_000
"""Visited nodes and listed items of one request; about 0.2 s."""
MAX_TEXT = 4_096
"""Characters that ``join`` gives at most."""
FUNCTIONS = (
    "contains", "ends_with", "join", "keys", "length", "not_null", "starts_with", "type", "values"
)  # fmt: skip
_REFUSED = {"expref": "&", "multi_select_dict": "{...}"}

Node = Mapping[str, Any]


class Budget:
    """How much work is left for the expressions of one request, or of one body.

    Attributes:
        steps: Left; below 0 there is none.

    Args:
        steps: How many there are at first.
    """

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.steps = steps
        self._allowed = steps

    def spend(self, steps: int) -> None:
        """Use some.

        Raises:
            InvalidValueError: There is not as much left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise InvalidValueError("", f"takes more than {self._allowed:,} steps on this body")


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression.

    Attributes:
        text: As a person wrote it.
        tree: Its syntax tree, whose form is the library's.
        path: The names, if it is nothing but names with dots: they need no interpreter, which
            takes ten times as long. Empty: it is more.
    """

    text: str
    tree: Node
    path: tuple[str, ...] = ()

    def search(self, value: object, budget: Budget) -> object:
        """What the expression gives on a JSON value; None: nothing.

        Raises:
            InvalidValueError: It fails on this value, or there is no more budget.
        """
        if self.path:
            return _at(self.path, value, budget)
        try:
            found: object = _Interpreter(budget).visit(self.tree, value)
        except InvalidValueError:
            raise
        except (exceptions.JMESPathError, ValueError, TypeError, ArithmeticError) as error:
            raise InvalidValueError("", f"fails on this body: {_first_line(error)}") from None
        except RecursionError:
            raise InvalidValueError("", "fails on this body: it is nested too deeply") from None
        return found


@lru_cache(maxsize=1024)
def compiled(text: str) -> Expression:
    """Parse and check an expression; those in use are kept.

    Raises:
        InvalidValueError: It is no JMESPath, or uses what is not allowed here.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidValueError("", f"is longer than {MAX_LENGTH} characters")
    try:
        tree: Node = parser.Parser().parse(text).parsed
    except exceptions.JMESPathError as error:
        raise InvalidValueError("", f"is no JMESPath: {_syntax(error)}") from None
    except (ValueError, RecursionError):
        raise InvalidValueError("", "is no JMESPath that can be read") from None
    nodes = _checked(tree)
    if nodes > MAX_NODES:
        raise InvalidValueError("", f"has {nodes} parts; at most {MAX_NODES} are allowed")
    return Expression(text, tree, _path_of(tree))


def _checked(node: Node, parent: str = "") -> int:
    """The number of nodes in a tree.

    Raises:
        InvalidValueError: One is not allowed here.
    """
    kind = node["type"]
    if kind in _REFUSED:
        raise InvalidValueError("", f"uses {_REFUSED[kind]}, which is not allowed here")
    if kind == "multi_select_list" and parent != "join":
        raise InvalidValueError("", "uses [a, b], which is allowed as an argument of join() only")
    if kind == "function_expression" and node["value"] not in FUNCTIONS:
        raise InvalidValueError("", f"uses {node['value']}(); allowed are {', '.join(FUNCTIONS)}")
    if kind == "slice":
        _check_slice(node)
        return 1
    name = node["value"] if kind == "function_expression" else ""
    return 1 + sum(_checked(child, name) for child in node["children"])


def _check_slice(node: Node) -> None:
    """Check a slice, whose children are numbers."""
    if node["children"][2] == 0:
        raise InvalidValueError("", "has a slice with a step of 0")


def _path_of(node: Node) -> tuple[str, ...]:
    """The names of an expression that is nothing else; empty: it is more."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return ()
    parts = [_path_of(child) for child in node["children"]]
    return tuple(name for part in parts for name in part) if all(parts) else ()


def _at(path: tuple[str, ...], value: object, budget: Budget) -> object:
    """What the interpreter gives for a path of names, for as many steps."""
    budget.spend(2 * len(path) - 1)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, list):
            budget.spend(len(value))
    return value


class _Functions(functions.Functions):
    """The library's functions, with a bound on the one that makes longer texts."""

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, between: str, texts: list[str]) -> str | None:
        """Join texts; None: the result is too long."""
        length = len(between) * len(texts) + sum(map(len, texts))
        return between.join(texts) if length <= MAX_TEXT else None


_FUNCTIONS = _Functions()


class _Interpreter(visitor.TreeInterpreter):
    """The library's interpreter, which pays for each step."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(visitor.Options(custom_functions=_FUNCTIONS))
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (the library's)
        self._budget.spend(1)
        result = super().visit(node, *args, **kwargs)
        if isinstance(result, list):
            self._budget.spend(len(result))
        return result


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _syntax(error: exceptions.JMESPathError) -> str:
    """What a parser complains about, and where."""
    if isinstance(error, exceptions.EmptyExpressionError):
        return "it is empty"
    if isinstance(error, exceptions.IncompleteExpressionError):
        return "it is incomplete"
    position = getattr(error, "lex_position", getattr(error, "lexer_position", None))
    word = getattr(error, "token_value", "")
    if position is None:
        return _first_line(error)
    if word == "":
        return "it is incomplete"
    return f"{str(word)[:32]!r} is unexpected at character {position + 1}"
