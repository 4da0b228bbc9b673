"""Request bodies of the intake."""

from typing import Annotated

from pydantic import Field

from portcall.management.http.bodies import Body


class IntakePut(Body):
    """The body of a PUT of the intake.

    Attributes:
        stopped: Whether the producers refuse all events.
    """

    stopped: Annotated[bool, Field(strict=True)]
