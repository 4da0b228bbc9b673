"""Whether a recorder leads, by its lease in the database, and whether another one stands by."""

from portcall.cli.doctor.checks import CheckedInstallation
from portcall.cli.doctor.findings import Finding, ok, unknown, wrong
from portcall.recorder.identity import in_words
from portcall.schemas.errors import InvalidValueError
from portcall.store.engine import open_store
from portcall.store.errors import StoreUnavailableError
from portcall.store.records.lease import NOBODY, LeaseState

CHECK = "recorder"


def leading(site: CheckedInstallation) -> Finding:
    """Check the lease; a leader without a standby does not renew it, so its age says nothing."""
    try:
        store = open_store(site.database_url)
        try:
            return judge(store.lease.look())
        finally:
            store.close()
    except (StoreUnavailableError, InvalidValueError):
        return unknown(CHECK, "the database does not answer")


def judge(seen: LeaseState) -> Finding:
    """Judge the lease."""
    stands_by = seen.awaited_ms > 0
    leader = in_words(seen.owner)
    facts = {"leader": leader, "term": seen.term, "standby": stands_by}
    if seen.owner == NOBODY:
        return wrong(CHECK, "none leads", "start a recorder: `portcall run recorder`", facts)
    if seen.is_free:
        found = f"{leader} leads no more, and no standby has taken over yet"
        return wrong(CHECK, found, "ask again in 10 s; then look at the recorders' logs", facts)
    told = "another one stands by" if stands_by else "none stands by"
    return ok(CHECK, f"{leader} leads; {told}", facts)
