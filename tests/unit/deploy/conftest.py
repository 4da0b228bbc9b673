"""Tests of the Helm chart need helm: `make chart` unpacks it."""

import pytest

from tests.unit.deploy.chart import TOOLS


@pytest.fixture(autouse=True)
def tools() -> None:
    """Skip where helm is not there."""
    if not (TOOLS / "helm").exists():
        pytest.skip("there is no .cache/chart/helm: `make chart` unpacks it")
