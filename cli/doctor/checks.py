"""The checks of `portcall doctor`: each one looks at one thing and returns findings."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from portcall.cli.client import Document
from portcall.cli.commands.schema import schema_problem
from portcall.cli.commands.topology import TopologySettings, settings_of
from portcall.cli.doctor import broker_version, findings
from portcall.cli.doctor.direct_way import direct_way
from portcall.cli.doctor.findings import Finding, ok, unknown, wrong
from portcall.cli.errors import NotRunningError, UsageError
from portcall.cli.server import home_folder, read_ready
from portcall.cli.transport import HttpTransport
from portcall.runtime.broker.declaring import apply, depths, ping
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError, SettingsError
from portcall.runtime.http.health import REFUSED_AGAIN
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.topology import Topology
from portcall.store.engine import open_store
from portcall.store.errors import StoreUnavailableError

DATABASE = "PORTCALL_DATABASE_URL"
PATIENCE_S = 5.0
"""How long a role may take to answer."""

START = "start `portcall up`, or set PORTCALL_HOME to the folder where it runs"


@dataclass(frozen=True, slots=True)
class CheckedInstallation:
    """The installation that is checked.

    Attributes:
        home: Its folder.
        environ: The environment of this shell.
        ready: The content of ready.json; None if it cannot be read.
        problem: Why not.
    """

    home: Path
    environ: Mapping[str, str]
    ready: Document | None
    problem: str = ""

    @property
    def database_url(self) -> str:
        """The URL of its database; empty: not known."""
        return str((self.ready or {}).get("database_url") or self.environ.get(DATABASE) or "")

    @property
    def alone(self) -> bool:
        """Whether roles may run without `portcall up`: the environment has their settings."""
        needed = ("PORTCALL_AMQP_URL", DATABASE)
        return self.ready is None and all(self.environ.get(name) for name in needed)


def site_of(environ: Mapping[str, str]) -> CheckedInstallation:
    """Find the installation to check."""
    home = home_folder(environ)
    try:
        return CheckedInstallation(home, environ, read_ready(home))
    except NotRunningError as error:
        return CheckedInstallation(home, environ, None, str(error))


def home(site: CheckedInstallation) -> Finding:
    """Check the home folder: it exists, and only its owner can use it."""
    try:
        status = site.home.stat()
    except OSError as error:
        if site.alone:
            return unknown("home", f"{site.home} is not used by roles that run on their own")
        return wrong("home", f"{site.home}: {error.strerror}", START)
    if status.st_uid != os.geteuid():
        return wrong("home", f"{site.home} belongs to another user", "use the account that owns it")
    return findings.private("home", str(site.home), status.st_mode, 0o700)


def running(site: CheckedInstallation) -> Iterator[Finding]:
    """Check ready.json, and the processes that it names."""
    if site.ready is None:
        if site.alone:
            yield unknown("ready.json", "not found: roles run on their own here, if any run")
        else:
            yield wrong("ready.json", site.problem.partition(". ")[0], START)
        return
    path = site.home / "ready.json"
    yield findings.private("ready.json", str(path), path.stat().st_mode, 0o600)
    told = [each for each in site.ready.get("processes", ()) if isinstance(each, dict)]
    yield findings.processes(told, lives)


def lives(pid: int) -> bool:
    """Whether a process of that id runs, and is not a zombie."""
    try:
        # The state follows the name in parentheses, which may contain anything.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {"Z", "X"}


def broker(site: CheckedInstallation) -> Iterator[Finding]:
    """Check the broker: it is reachable, has the right queues, and how many messages wait."""
    try:
        settings = settings_of(site.environ, site.ready or {})
    except UsageError:
        yield unknown("broker", "no broker is known, because `portcall up` is not running here")
        return
    except SettingsError as error:
        yield wrong("settings", " ".join(str(error).splitlines()), "correct that variable")
        return
    yield from asyncio.run(_broker(settings))


async def _broker(settings: TopologySettings) -> list[Finding]:
    try:
        version = await ping(settings.amqp_url)
        counts = await depths(settings.amqp_url, [each.name for each in settings.topology.queues])
    except BrokerError as error:
        advice = "start it, or correct PORTCALL_AMQP_URL; until then the producer answers 503"
        return [wrong("broker", str(error), advice)]
    missing = [name for name, count in counts.items() if count is None]
    difference = None if missing else await _difference(settings)
    return [
        broker_version.broker(version),
        findings.topology(missing, difference),
        await direct_way(settings, is_whole=not missing),
        findings.queues(counts),
    ]


async def _difference(settings: TopologySettings) -> str | None:
    """Return the missing or different queues: declaring an existing queue changes nothing."""
    queues = Topology(exchanges=(), queues=settings.topology.queues, bindings=())
    try:
        await apply(settings.amqp_url, queues)
    except BrokerError as error:
        return str(error)
    return None


def database(site: CheckedInstallation) -> Finding:
    """Check the database: it is reachable, and has this version's schema."""
    if not site.database_url:
        return unknown(
            "database", "no database is known, because `portcall up` is not running here"
        )
    try:
        problem = schema_problem(site.database_url)
    except StoreUnavailableError as error:
        return wrong("database", str(error), "start it, or correct PORTCALL_DATABASE_URL")
    except InvalidValueError as error:
        return wrong("database", error.problem, "correct PORTCALL_DATABASE_URL")
    if problem:
        return wrong("database", problem.found, problem.advice)
    return ok("database", "reachable, schema up to date")


def ignored(site: CheckedInstallation) -> Finding:
    """Check for notifications that did not become events, as far as the store has them."""
    if not site.database_url:
        return unknown("ignored events", "no database is known")
    try:
        if schema_problem(site.database_url):
            return unknown("ignored events", "the database does not have them yet")
        store = open_store(site.database_url)
    except (StoreUnavailableError, InvalidValueError):
        return unknown("ignored events", "the database does not answer")
    since_ms = now_ms() - findings.DAY_MS
    try:
        kinds = store.journal.ignored_kinds(since_ms)
        return findings.ignored(kinds, store.journal.newest_unread(since_ms, 1), now_ms())
    except StoreUnavailableError:
        return unknown("ignored events", "the database does not answer")
    finally:
        store.close()


def webhooks(site: CheckedInstallation) -> Finding:
    """Check for webhooks that were disabled automatically."""
    if not site.database_url:
        return unknown("webhooks", "no database is known")
    try:
        store = open_store(site.database_url)
        try:
            found = store.known.disabled_by_themselves()
            at_ms = now_ms()
            day = store.traffic.series(since_ms=at_ms - findings.DAY_MS, until_ms=at_ms)
        finally:
            store.close()
    except (StoreUnavailableError, InvalidValueError):
        return unknown("webhooks", "the database does not answer")
    named_webhooks = [(each.registry, each.name, each.reason) for each in found]
    return findings.webhooks(named_webhooks, day.total.refused)


def roles(site: CheckedInstallation) -> Iterator[tuple[Finding, float | None]]:
    """Yield a finding for each role with a run file, and its server's clock (Unix time)."""
    for path in sorted((site.home / "run").glob("*.json")):
        try:
            run = json.loads(path.read_bytes())
            yield from _role(path.stem, str(run["health_url"]))
        except (OSError, ValueError, KeyError, TypeError):
            advice = "restart that role; it rewrites the file"
            yield wrong(f"role {path.stem}", f"{path} cannot be read", advice), None


def _role(name: str, url: str) -> Iterator[tuple[Finding, float | None]]:
    with HttpTransport(url, token="", patience_s=PATIENCE_S) as http:
        try:
            http.request("GET", "/live")
            reply = http.request("GET", "/ready")
        except NotRunningError as error:
            found = f"not live: {str(error).partition(': ')[0]}"
            advice = "`portcall up` restarts a role that dies; its output gives the reason"
            yield wrong(f"role {name}", found, advice, {"url": url}), None
            return
    said: Document = reply.document if isinstance(reply.document, dict) else {}
    problems, warnings = said.get("problems", {}), said.get("warnings", {})
    again = {key: said for key, said in warnings.items() if key.startswith(f"{REFUSED_AGAIN} ")}
    sources = {key: said for key, said in warnings.items() if key.startswith("source ")}
    others = {key: said for key, said in warnings.items() if key not in {*again, *sources}}
    finding = findings.role(name, url, reply.status, problems, others)
    yield finding, _date_s(reply.headers.get("date"))
    for key, told in again.items():
        yield findings.refused(name, key.removeprefix(f"{REFUSED_AGAIN} "), told), None
    for key, told in sources.items():
        yield findings.source(name, key.removeprefix("source "), told), None


def _date_s(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None


def clock(server_s: float | None) -> Finding:
    """Compare the clock of this machine with that of a role."""
    return findings.clock(time.time(), server_s)


def disk(site: CheckedInstallation) -> Finding:
    """Check the disk of the home folder, whether the folder exists yet or not."""
    folder = site.home.resolve()
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    return findings.disk(str(standing), shutil.disk_usage(standing).free)
