"""What `portcall doctor` checks about secrets: keys, certificates, tokens, addresses."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from portcall.cli.account import read_account
from portcall.cli.commands.schema import schema_problem
from portcall.cli.commands.topology import environ_of_role
from portcall.cli.doctor import findings
from portcall.cli.doctor.checks import DATABASE, CheckedInstallation
from portcall.cli.doctor.findings import Finding, ok, unknown, wrong
from portcall.management.tls.certificates import days_left, is_signed_by, read_identity
from portcall.management.tls.files import CA_FILE, CERT_FILE, KEY_FILE, OwnFiles
from portcall.runtime.errors import SettingsError
from portcall.runtime.settings import SERVERS, is_loopback, server_names
from portcall.runtime.variables import complaint, unknown_variables
from portcall.schemas.errors import InvalidValueError
from portcall.store.engine import open_store
from portcall.store.errors import KeyFileError, StoreUnavailableError, WrongKeyError
from portcall.store.secrets.keys import FILE_VARIABLE, VARIABLE, KeySource
from portcall.store.secrets.sealing import PLAIN, Sealing
from portcall.store.secrets.vault import Vault

SOON_DAYS = 14
"""Certificates with less time left are reported; those of the local CA are renewed at 30."""
INSECURE = "PORTCALL_INSECURE_BIND"
SEALS = "restart management: it seals them when it starts"


def environ_of(site: CheckedInstallation) -> Mapping[str, str]:
    """Return the environment of the running management role, else of this shell."""
    return {**site.environ, **environ_of_role("management", site.ready or {})}


def encryption(site: CheckedInstallation) -> Iterator[Finding]:
    """Check the encryption keys: they exist, are private, and fit the database."""
    source = KeySource.of(environ_of(site), site.home)
    try:
        keys = source.keys()
    except KeyFileError as error:
        advice = f"restore the right key; {FILE_VARIABLE} names its file, or {VARIABLE} contains it"
        yield wrong("encryption keys", str(error), advice)
        return
    if keys and source.path is not None:
        mode = source.path.stat().st_mode
        yield findings.private("encryption key file", str(source.path), mode, 0o600)
    yield _sealed(site, source)


def _sealed(site: CheckedInstallation, source: KeySource) -> Finding:
    """Check whether the database's secrets are sealed, and whether these keys open them."""
    named = str((site.ready or {}).get("database_url") or environ_of(site).get(DATABASE) or "")
    try:
        if not named or schema_problem(named):
            return unknown("encryption keys", "there is no database to try them on")
        vault = source.vault()
        store = open_store(named, vault)
    except (InvalidValueError, StoreUnavailableError):
        return unknown("encryption keys", "the database does not answer")
    try:
        store.sealing.check(source.name)
        return _opens(source, vault, store.sealing)
    except WrongKeyError as error:
        advice = "restore the key; if it is lost for good, `portcall secrets discard`"
        return wrong("encryption keys", str(error), advice)
    except StoreUnavailableError:
        return unknown("encryption keys", "the database does not answer")
    finally:
        store.close()


def _opens(source: KeySource, vault: Vault, sealing: Sealing) -> Finding:
    needed, lost = sealing.key_ids(), sealing.unopened()
    facts = {"has": vault.key_ids, "needs": needed}
    if lost:
        found = f"{', '.join(lost)} cannot be opened: changed after sealing"
        advice = "restore the database from a backup, or `portcall secrets discard`"
        return wrong("encryption keys", found, advice, facts)
    if PLAIN in needed:
        return wrong("encryption keys", "there are secrets in the clear", SEALS, facts)
    if not vault.first:
        return ok("encryption keys", "none yet, and nothing is sealed", facts)
    return ok("encryption keys", f"{source.name}: opens all that is sealed", facts)


def tls(site: CheckedInstallation) -> Iterator[Finding]:
    """Check the certificate that management serves: the user's own, or one of the local CA."""
    environ = environ_of(site)
    named = [environ.get(name) for name in (CERT_FILE, KEY_FILE, CA_FILE)]
    if environ.get("PORTCALL_MANAGEMENT_TLS_BIND", "").lower() == "none":
        yield ok("certificate", "not needed: TLS is switched off")
    elif named[0] and named[1]:
        authority = Path(named[2]) if named[2] else None
        yield from _own(OwnFiles(Path(named[0]), Path(named[1]), authority))
    elif (site.home / "tls" / "server.pem").exists():
        yield from _local(site.home / "tls")
    else:
        yield unknown("certificate", "not created yet: management creates it when it starts")


def _own(files: OwnFiles) -> Iterator[Finding]:
    now = dt.datetime.now(dt.UTC)
    try:
        files.ensure(now)
        certificate = x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]
    except SettingsError as error:
        advice = "replace them by correct files: a running server loads them within a minute"
        yield wrong("certificate", str(error), advice)
        return
    yield _lasts(str(files.certificate), certificate, now, "replace it")
    yield findings.private("certificate key", str(files.key), files.key.stat().st_mode, 0o600)


def _local(folder: Path) -> Iterator[Finding]:
    now, server, key = dt.datetime.now(dt.UTC), folder / "server.pem", folder / "ca-key.pem"
    renew = f"restart management, which renews it; if it does not, remove {server} first"
    try:
        content = server.read_bytes()
        certificate = read_identity(content, content).certificate
        authority = read_identity((folder / "ca.pem").read_bytes(), key.read_bytes()).certificate
    except (ValueError, OSError) as error:
        yield wrong("certificate", f"{folder}: {str(error).partition(chr(10))[0]}", renew)
        return
    if not is_signed_by(certificate, authority):
        yield wrong("certificate", f"{server} is not signed by ca.pem beside it", renew)
        return
    yield _lasts(str(server), certificate, now, renew)
    for path in (server, key):
        yield findings.private(f"key {path.name}", str(path), path.stat().st_mode, 0o600)


def _lasts(path: str, certificate: x509.Certificate, now: dt.datetime, advice: str) -> Finding:
    left = days_left(certificate, now)
    facts = {"path": path, "expires": certificate.not_valid_after_utc.isoformat()}
    if left <= 0:
        found = f"{path} expired on {certificate.not_valid_after_utc.date()}"
        return wrong("certificate", found, advice, facts)
    if left < SOON_DAYS:
        return wrong("certificate", f"{path} expires in {left:.0f} days", advice, facts)
    return ok("certificate", f"{path}: matches its key, valid for {left:.0f} days", facts)


def tokens(site: CheckedInstallation) -> Iterator[Finding]:
    """Check that files which give access to the API are private, and are what they should be."""
    for name in ("token", "client.json"):
        path = site.home / name
        if path.exists():
            yield findings.private(name, str(path), path.stat().st_mode, 0o600)
    path = site.home / "client.json"
    try:
        problem = read_account(path)[1]
    except OSError:
        return  # it belongs to somebody else, as the line above has said
    if problem:
        yield wrong(
            "client.json",
            f"{path} {problem}: az cannot sign in with it",
            "restart `portcall up`: it makes another principal, and writes the file anew",
        )


def variables(site: CheckedInstallation) -> Finding:
    """Check that no variable of this shell is a mistyped setting."""
    found = unknown_variables(site.environ)
    mistyped = {name: nearest for name, nearest in found.items() if nearest}
    if mistyped:
        said = "; ".join(complaint(*each) for each in mistyped.items())
        return wrong("variables", said, "correct the name, and restart", {"unknown": mistyped})
    if found:
        said = f"not settings of Portcall, and ignored: {', '.join(found)}"
        return ok("variables", said, {"unknown": found})
    return ok("variables", "each that begins with PORTCALL_ is a setting")


def binds(site: CheckedInstallation) -> Finding:
    """Check what other machines can reach without TLS."""
    environ = environ_of(site)
    try:
        asked = server_names(environ.get(INSECURE, ""))
    except ValueError as error:
        return wrong("binds", f"{INSECURE} {error}", "correct that variable")
    beyond = {name: bind for name, bind in _plain(site, environ).items() if not _is_local(bind)}
    told = ", ".join(f"{name} at {bind}" for name, bind in beyond.items())
    if not beyond:
        return ok("binds", "plain HTTP is served to this machine only")
    if beyond.keys() <= asked:
        found = f"without TLS, because {INSECURE} asks for it: {told}"
        return ok("binds", found, {"beyond": beyond})
    return wrong(
        "binds",
        f"without TLS for other machines: {told}; tokens are sent unencrypted",
        "listen on 127.0.0.1, behind a proxy with TLS; or, if you trust the network, set"
        f" {INSECURE}={','.join(sorted(beyond))}",
        {"beyond": beyond},
    )


def _plain(site: CheckedInstallation, environ: Mapping[str, str]) -> dict[str, str]:
    """Return where plain HTTP is served, by server name: by running roles, else as set."""
    found = {
        name: environ[variable]
        for name in sorted(SERVERS)
        if environ.get(variable := f"PORTCALL_{name.upper()}_BIND")
    }
    for name in ("management", "producer"):
        if url := (site.ready or {}).get(f"{name}_url"):
            found.setdefault(name, urlsplit(str(url)).netloc)
    return found


def _is_local(bind: str) -> bool:
    return is_loopback(bind.rpartition(":")[0].strip("[]"))
