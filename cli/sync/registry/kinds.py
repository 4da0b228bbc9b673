"""Which API a registry has: the one that the user names, or the best that answers."""

from enum import StrEnum
from typing import Any

from portcall.cli.sync.registry.catalogue import Asker, Catalogue
from portcall.cli.sync.registry.distribution import Distribution
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.harbor import ROOT, Harbor
from portcall.cli.sync.registry.zot import SEARCH, Zot

MAX_BODY = 1024 * 1024


class Api(StrEnum):
    """How a registry is asked."""

    AUTO = "auto"
    DISTRIBUTION = "distribution"
    HARBOR = "harbor"
    ZOT = "zot"


async def catalogue_of(client: Asker, api: Api) -> tuple[Api, Catalogue]:
    """The registry's catalogue; `Api.AUTO` tries what only Harbor and only zot answer.

    Raises:
        RegistryError: The registry does not answer.
    """
    if api is Api.AUTO:
        api = await _found(client)
    match api:
        case Api.HARBOR:
            return api, Harbor(client)
        case Api.ZOT:
            return api, Zot(client)
        case _:
            return Api.DISTRIBUTION, Distribution(client)


async def _found(client: Asker) -> Api:
    info = await _document(client, f"{ROOT}/systeminfo")
    if isinstance(info, dict) and "auth_mode" in info:
        return Api.HARBOR
    discovered = await _document(client, "/v2/_oci/ext/discover")
    extensions = discovered.get("extensions") if isinstance(discovered, dict) else None
    for each in extensions if isinstance(extensions, list) else []:
        endpoints = each.get("endpoints") if isinstance(each, dict) else None
        if isinstance(endpoints, list) and SEARCH in endpoints:
            return Api.ZOT
    return Api.DISTRIBUTION


async def _document(client: Asker, path: str) -> Any:  # noqa: ANN401 (JSON)
    """What a path says, if anything; a registry without it may answer with any error."""
    try:
        answer = await client.ask("GET", client.target(path), max_body=MAX_BODY)
    except RegistryError as error:
        if error.status == 0:
            raise
        return None
    return answer.document if answer.status == 200 else None
