"""What can be wrong with a value or a message: every error of this package on one screen."""


class PortcallError(Exception):
    """The root of Portcall's own errors."""


class InvalidValueError(PortcallError):
    """A value that a person or a client sent breaks a rule; the sender can mend it.

    Attributes:
        field: The dotted path of the field at fault, as the sender knows it, e.g. ``target.tag``.
        problem: What is wrong and what would be right, fit to be shown to the sender.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field
        self.problem = problem


class FrameError(PortcallError):
    """A message is not a frame that this version can ever read: it goes to ``portcall.dead``."""


class NewerFrameError(FrameError):
    """A frame of a later version than this process knows: an upgraded process must read it."""
