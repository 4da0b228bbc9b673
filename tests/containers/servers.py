"""What the operators of a cluster bring: three RabbitMQ nodes and a PostgreSQL, as pods."""

import secrets
from typing import Any

NODES = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
Document = dict[str, Any]

RABBITMQ_CONF = """\
log.console = true
total_memory_available_override_value = 1GB
disk_free_limit.absolute = 1GB
default_user = portcall
default_pass = {password}
cluster_formation.peer_discovery_backend = classic_config
"""
RABBITMQ_START = """\
set -e
cd /var/lib/rabbitmq
[ -s .erlang.cookie ] || printf %s '{cookie}' >.erlang.cookie
chmod 600 .erlang.cookie
chown -R rabbitmq: .
exec gosu rabbitmq rabbitmq-server
"""
POSTGRES_START = """\
install -d -o postgres -m 700 "$PGDATA" # also after a kill
exec gosu postgres docker-entrypoint.sh postgres
"""


def broker_pods(password: str, image: str) -> list[Document]:
    """The ConfigMap of a cluster, and its nodes.

    Args:
        password: Of the user ``portcall``.
        image: RabbitMQ's.
    """
    peers = "".join(
        f"cluster_formation.classic_config.nodes.{number} = rabbit@{name}\n"
        for number, name in enumerate(NODES, 1)
    )
    text = RABBITMQ_CONF.format(password=password) + peers
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "rabbitmq"},
        "data": {"20-portcall.conf": text},
    }
    start = RABBITMQ_START.format(cookie=secrets.token_hex(16))
    mounts = [{"name": "settings", "mountPath": "/etc/rabbitmq/conf.d"}]
    volumes = [{"name": "settings", "configMap": {"name": "rabbitmq"}}]
    nodes = [_server(name, image, start, mounts, volumes) for name in NODES]
    return [settings, *nodes]


def database_pod(password: str, image: str) -> Document:
    """PostgreSQL's."""
    env = {"POSTGRES_USER": "portcall", "POSTGRES_DB": "portcall", "POSTGRES_PASSWORD": password}
    pod = _server("postgres", image, POSTGRES_START, [], [])
    (container,) = pod["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    return pod


def _server(
    name: str, image: str, start: str, mounts: list[Document], volumes: list[Document]
) -> Document:
    container = {
        "name": name,
        "image": image,
        "command": ["bash", "-c", start],
        "volumeMounts": mounts,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "hostname": name,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 60,
            "containers": [container],
            "volumes": volumes,
        },
    }
