"""The options that commands of `portcall source` share."""

from typing import Annotated

import typer

from portcall.schemas.sources import Proof

Name = Annotated[
    str | None, typer.Argument(help="The source's name.", metavar="NAME", show_default=False)
]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        help="Your own secret; without it, create and rotate make one, and update keeps it.",
        show_default=False,
    ),
]
ProofOption = Annotated[
    Proof | None,
    typer.Option(
        "--proof",
        help="How its requests prove their sender; a new source has its kind's usual proof.",
        case_sensitive=False,
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--options",
        metavar="NAME=VALUE...",
        help='Settings of the proof and of the kind, such as header=X-Token; "" for none.',
        show_default=False,
    ),
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--networks",
        metavar="CIDR...",
        help='The networks that requests may come from; "" for all, as for a new source.',
        show_default=False,
    ),
]
