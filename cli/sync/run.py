"""One sync from its first request to its last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from portcall.cli.errors import CliError, ServiceError
from portcall.cli.output import note
from portcall.cli.progress import progress
from portcall.cli.sync.adopt import adopt
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.progress_file import ProgressFile
from portcall.cli.sync.publish import Destination, Publishing
from portcall.cli.sync.registry.catalogue import Catalogue
from portcall.cli.sync.registry.client import RegistryClient, is_exposed, tls_context
from portcall.cli.sync.registry.credentials import Credentials
from portcall.cli.sync.registry.kinds import Api, catalogue_of
from portcall.cli.sync.registry.renamed import Renamed
from portcall.cli.sync.report import Report, counted_events
from portcall.cli.sync.scan import GoneTag, Scan
from portcall.runtime.clock import now_ms
from portcall.schemas.options.aliases import Aliases
from portcall.schemas.plurals import counted
from portcall.schemas.timestamps import acr_timestamp


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants.

    Attributes:
        registry: The registry's name in Portcall.
        address: The registry's address.
        api: How it is asked.
        repositories: Only these, as the registry names them; empty: all.
        aliases: Other names for its repositories, as its source has them.
        with_deletes: Whether missed deletes are published, too.
        is_adopting: Whether missed tags count as seen, and nothing is published.
        is_dry: Whether nothing is published or adopted.
        rate: Events per second; 0: as fast as possible.
        most: More events than that are refused; None: no limit.
        concurrency: Requests to the registry at a time.
        ca_file: Further authorities, in PEM.
        state: The file with the progress.
    """

    registry: str
    address: str
    api: Api
    repositories: Sequence[str]
    aliases: Aliases
    with_deletes: bool
    is_adopting: bool
    is_dry: bool
    rate: float
    most: int | None
    concurrency: int
    ca_file: str | None
    state: Path

    @property
    def subject(self) -> dict[str, object]:
        """What the progress is of: a run with another subject begins anew."""
        return {
            "registry": self.registry.lower(),
            "address": self.address,
            "api": self.api.value,
            "repositories": sorted(self.repositories),
            **({"aliases": [list(each) for each in self.aliases]} if self.aliases else {}),
        }


class Sync:
    """One sync.

    Args:
        order: What the user wants.
        credentials: For the registry.
        known: What Portcall knows.
        destination: Where events go.
        confirm: Asks the user whether to go on, with what would happen.
    """

    def __init__(
        self,
        order: Order,
        *,
        credentials: Credentials,
        known: KnownTags,
        destination: Destination,
        confirm: Callable[[str], bool],
    ) -> None:
        self._order = order
        self._credentials = credentials
        self._known = known
        self._destination = destination
        self._confirm = confirm
        self.report = Report(order.registry, order.address)

    async def run(self) -> None:
        """Scan, count, ask, and publish or adopt; `report` says what was done, also after an error.

        Raises:
            CliError: Something does not answer, or there are more events than the user wants.
        """
        order = self._order
        if self._credentials and is_exposed(order.address):
            note("The credentials are sent without TLS: use an https address where there is one.")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            client = RegistryClient(
                order.address,
                http,
                self._credentials,
                tls=tls_context(order.ca_file),
                concurrency=order.concurrency,
            )
            api, catalogue = await catalogue_of(client, order.api)
            self.report.api = api.value
            wanted = order.repositories
            if order.aliases:
                catalogue = Renamed(catalogue, order.aliases)
                wanted = catalogue.named(wanted)
            with ProgressFile(order.state, order.subject, now_ms()) as file:
                await self._run(http, catalogue, file, wanted)

    async def _run(
        self,
        http: aiohttp.ClientSession,
        catalogue: Catalogue,
        file: ProgressFile,
        repositories: Sequence[str],
    ) -> None:
        order, report = self._order, self.report
        self._tell_resumed(file)
        if not await self._known.catch_up() and not order.is_adopting:
            note(
                f"Portcall knows no tag of {order.registry} yet, so every tag counts as missed."
                " With --adopt they count as seen, without events."
            )
        with progress("repositories") as advance:
            scan = Scan(catalogue, self._known, file, now=acr_timestamp(now_ms()), advance=advance)
            report.totals = await scan.run(repositories)
            if order.with_deletes:
                report.gone = await scan.gone(report.totals)
        report.unreadable = catalogue.unreadable
        if await self._may_go_on():
            if order.is_adopting:
                report.adopted = await adopt(
                    catalogue, self._known, report.totals.missed, self._forgotten()
                )
            else:
                await self._publish(http, catalogue, file)
        file.finished()

    async def _may_go_on(self) -> bool:
        """Say what was found, and ask whether to go on."""
        order, report = self._order, self.report
        missed = counted_events(report.missed)
        note(f"Missed: {missed}, of {counted(report.totals.tags, 'tag')}.")
        for line in report.examples():
            note(line)
        forgotten = self._forgotten()
        if order.is_dry or not (report.missed or forgotten):
            return False
        if order.most is not None and len(report.missed) > order.most and not order.is_adopting:
            raise ServiceError(
                f"{len(report.missed)} events were missed, more than --max {order.most}: nothing"
                " was published"
            )
        if order.is_adopting:
            wish = f"let {counted(len(report.missed), 'tag')} count as seen, without events"
        else:
            wish = f"publish {missed}"
        told = f", and forget {counted(len(forgotten), 'tag')}" if forgotten else ""
        return self._confirm(f"For the registry {order.registry}: {wish}{told}?")

    def _forgotten(self) -> list[GoneTag]:
        """Tags that are not there any more, and for which there is no event."""
        report = self.report
        if self._order.is_adopting:
            return report.totals.gone
        # ACR has no event for a tag that was removed alone.
        return report.gone.untagged if report.gone else []

    async def _publish(
        self, http: aiohttp.ClientSession, catalogue: Catalogue, file: ProgressFile
    ) -> None:
        report = self.report
        with progress("events", len(report.missed)) as advance:
            publishing = Publishing(
                http=http,
                destination=self._destination,
                catalogue=catalogue,
                known=self._known,
                progress=file,
                rate=self._order.rate,
                advance=advance,
            )
            if report.missed:
                await publishing.run(report.missed, report.tally)
        await adopt(catalogue, self._known, [], self._forgotten())

    def _tell_resumed(self, file: ProgressFile) -> None:
        earlier = file.earlier
        if earlier is None:
            return
        self.report.in_doubt = earlier.in_doubt
        doubt = f", {counted(earlier.in_doubt, 'event')} in doubt" if earlier.in_doubt else ""
        note(
            f"Resuming an earlier run: repositories compared: {len(earlier.compared)},"
            f" {counted(earlier.accepted, 'event')} published{doubt}."
        )


def add_rest(error: CliError, report: Report) -> None:
    """Add to the error of a sync that was cut off what was done, and how to go on."""
    if report.tally.accepted:
        done = f"{counted(report.tally.accepted, 'event')} published"
        error.args = (f"{error}. {done}: the same command publishes the others",)
