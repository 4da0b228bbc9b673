"""The panels of the help pages: an option is under the title of its kind."""

from typing import get_args

import pytest

from portcall.cli.loadtest import fault_options, sink

PANELS = {
    "payload": (fault_options.Payload, "Requests"),
    "size": (fault_options.Size, "Requests"),
    "signature style": (fault_options.SigningStyle, "Requests"),
    "faults": (fault_options.Faults, "Fault injection"),
    "copies": (fault_options.Copies, "Fault injection"),
    "processed": (fault_options.Processed, "Correctness checks"),
    "conformance": (fault_options.Conformance, "Correctness checks"),
    "sink's port": (sink.Port, "The sink"),
    "sink's secret": (sink.Secrets, "The sink"),
    "sink's fail status": (sink.FailStatus, "Deliberate faults"),
}


@pytest.mark.parametrize(("option", "panel"), PANELS.values(), ids=PANELS)
def test_an_option_is_in_the_panel_of_its_kind(option: object, panel: str) -> None:
    assert get_args(option)[1].rich_help_panel == panel
