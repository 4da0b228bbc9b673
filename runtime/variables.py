"""The names of all environment variables that Portcall reads, and what is like one and is none.

A process reads the variables of its own settings and leaves the others alone, because they are for
other roles. So a mistyped name would be ignored without a word: it is compared with all names here.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from portcall.runtime.secret_files import SECRETS

PREFIX = "PORTCALL_"
CHILD_OF = "PORTCALL_CHILD_OF"
"""Marks the children of `portcall up`, which looks at the environment for all of them."""
_WORDS = """
    ALLOW_PORTS ALLOW_TARGETS AMQP_URL ATTEMPT_TIMEOUT AUTH_FAILURES_PER_S CA_FILE CHILD_OF
    CLIENT_CERT_FILE CLIENT_KEY_FILE DATABASE_URL DELIVERER_PREFETCH DIRECT_WEBHOOKS DISABLE_AFTER
    ENCRYPTION_KEY ENCRYPTION_KEY_FILE ENDPOINT_CONCURRENCY FORK_ROOM HEALTH_BIND HOME
    IDENTITY_HEADER INSECURE_BIND LOADTEST_SECRET LOG_FORMAT LOG_LEVEL MANAGEMENT_BIND
    MANAGEMENT_TLS_BIND MASK_HEADERS MAX_AGE MAX_IN_FLIGHT OPERATOR_WEBHOOK_SECRET
    OPERATOR_WEBHOOK_URI OWN_NETWORKS OWN_PORTS PROBE_AFTER PRODUCER_BIND PRODUCER_TLS_BIND
    PRODUCER_TLS_CERT_FILE PRODUCER_TLS_KEY_FILE PRODUCER_TLS_URL PRODUCER_URL RECORD_RETENTION
    REGISTRY_PASSWORD REGISTRY_USERNAME RETRY_SCHEDULE ROUTER_PREFETCH RUN_FILE SECRET_OVERLAP
    SHARDS SINK_SECRET TLS_CA_FILE TLS_CERT_FILE TLS_KEY_FILE TLS_NAMES TOKEN TRACING URL
"""
_DEPLOYED = """
    BROKER_PASSWORD CERTIFICATES DATABASE_PASSWORD DELIVERERS POSTGRES_IMAGE POSTGRES_VOLUME
    PUBLISH_ADDRESS RABBITMQ_IMAGE REVISION ROUTERS SECRETS STOP_GRACE SUBNET_INSIDE
    SUBNET_OUTSIDE SUBNET_PUBLISHED VERSION
"""
"""What compose.yaml, its scripts and the image read themselves."""
KNOWN = frozenset(
    (
        *(f"{PREFIX}{word}" for word in (*_WORDS.split(), *_DEPLOYED.split())),
        *(f"{name}_FILE" for name in SECRETS),
    )
)

_OF_OTHERS = re.compile(
    r"(?:.*_)?SERVICE_(?:HOST|PORT)(?:_.*)?|(?:.*_)?PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_.*)?)?"
)
"""What Kubernetes and Docker set for a service called portcall, without its prefix."""
_LIKENESS = 0.75


def unknown_variables(environ: Iterable[str]) -> Mapping[str, str]:
    """The names that begin like Portcall's and are none, each with the name that may be meant.

    Args:
        environ: The names of an environment's variables.

    Returns:
        The nearest name for each; empty: none is near.
    """
    found = sorted(name for name in environ if name.startswith(PREFIX) and name not in KNOWN)
    words = {name.removeprefix(PREFIX): name for name in KNOWN}
    nearest = {}
    for name in found:
        word = name.removeprefix(PREFIX)
        if not _OF_OTHERS.fullmatch(word):
            close = get_close_matches(word.upper(), words, n=1, cutoff=_LIKENESS)
            nearest[name] = words[close[0]] if close else ""
    return nearest


def complaint(name: str, nearest: str) -> str:
    """That a variable is ignored, for people."""
    meant = f"; did you mean {nearest}?" if nearest else ""
    return f"{name} is not a setting of Portcall, and is ignored{meant}"
