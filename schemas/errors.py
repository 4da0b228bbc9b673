"""Errors in values and messages: all errors of this package on one screen."""


class PortcallError(Exception):
    """The base class of Portcall's own errors."""


class InvalidValueError(PortcallError):
    """A value from a person or a client breaks a rule; the sender can correct it.

    Attributes:
        field: The dotted path of the wrong field, as the sender knows it, e.g. ``target.tag``.
        problem: What is wrong and what would be right, for the sender to read.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field
        self.problem = problem


class FrameError(PortcallError):
    """A message is not a frame that any version can read: it goes to ``portcall.dead``."""


class NewerFrameError(FrameError):
    """A frame of a later version than this process knows: only an upgraded process can read it."""
