"""What formats keep between events: nothing that most events have of their own."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from portcall.schemas import formats
from portcall.schemas.formats.names import FormatName
from tests.unit.schemas.formats.samples import event, rendered

OPTIONS: dict[str, dict[str, str]] = {
    "template": {"template": '{"image": "{{ image }}"}'},
}
NAMES = [each.value for each in FormatName if each is not FormatName.ACR]


def caches() -> Iterator[tuple[str, int]]:
    """Every cache of the formats, and how many calls it could not answer."""
    for module in pkgutil.walk_packages(formats.__path__, "portcall.schemas.formats."):
        for name, found in vars(importlib.import_module(module.name)).items():
            if hasattr(found, "cache_info"):
                yield f"{module.name}.{name}", found.cache_info().misses


@pytest.mark.parametrize("name", NAMES)
def test_pushes_of_new_tags_are_not_kept(name: str) -> None:
    options = OPTIONS.get(name, {})
    rendered(name, event(tag="first", digest="sha256:" + "0" * 64), **options)
    before = dict(caches())
    for number in range(3):
        digest = f"sha256:{number + 1:064x}"
        rendered(name, event(tag=f"v{number}", digest=digest), **options)
    assert before
    assert dict(caches()) == before
