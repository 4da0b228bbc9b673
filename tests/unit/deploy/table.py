"""The combinations of values that the chart is rendered with."""

from itertools import product
from typing import Any

from tests.unit.deploy.chart import Values, merged

TRIAL: Values = {
    "trial": {"enabled": True},
    "credentials": {"existingSecret": ""},
    "broker": {"existingSecret": ""},
    "database": {"existingSecret": ""},
}
SETTINGS: Values = {
    "settings": {
        "allowPorts": "443,8443,9000-9999",
        "allowTargets": "10.1.0.0/16,192.168.7.9,fd12:3456::/48",
        "attemptTimeout": "90s",
        "authFailuresPerS": 0.5,
        "delivererPrefetch": 2000,
        "directWebhooks": 50000,
        "disableAfter": "none",
        "endpointConcurrency": 32,
        "logFormat": "json",
        "logLevel": "warning",
        "maskHeaders": "all",
        "maxAge": "12h",
        "maxInFlight": 10000,
        "ownNetworks": "10.96.0.0/12,10.244.0.0/16",
        "probeAfter": "2h",
        "producerUrl": "https://events.example.com",
        "producerTlsUrl": "https://events.example.com:8444",
        "recordRetention": "30d",
        "retrySchedule": "1s,2s",
        "routerPrefetch": 256,
        "secretOverlap": "1h",
        "shards": 4,
        "tlsNames": "portcall.example.com",
        "tracing": "on",
    },
    "operatorWebhook": {"existingSecret": "operator", "secretKey": "signing"},
    "identityHeader": {"existingSecret": "identity"},
    "ca": {"existingSecret": "ca"},
    "clientCertificate": {"existingSecret": "client"},
}
"""Every setting, with a value other than the default."""


def _both(name: str, **values: Any) -> Values:  # noqa: ANN401 (values of a chart)
    return {name: {"producer": values, "management": values}}


WAYS_IN: dict[str, Values] = {
    "none": {},
    "ingress": _both(
        "ingress", enabled=True, className="nginx", host="portcall.example.com", tlsSecret="web"
    ),
    "gateway": _both(
        "httpRoute", enabled=True, hostnames=["portcall.example.com"],
        parentRefs=[{"name": "web", "namespace": "gateways", "sectionName": "https"}],
    ),
}  # fmt: skip
TLS: dict[str, Values] = {
    "none": {},
    "secret": {
        "producer": {"tls": {"existingSecret": "producer-tls"}},
        "management": {"tls": {"existingSecret": "management-tls", "hasCa": True}},
    },
    "cert-manager": _both(
        "certificates",
        enabled=True,
        dnsNames=["portcall.example.com"],
        issuerRef={"kind": "ClusterIssuer", "name": "letsencrypt"},
    ),
}
SERVERS: dict[str, Values] = {
    "secrets": {},
    "trial": TRIAL,
    "trial-beside-a-broker": merged(TRIAL, {"broker": {"existingSecret": "rabbit-default-user"}}),
    "with-cas": {
        "broker": {"urlKey": "url", "ca": {"existingSecret": "rabbit-ca"}},
        "database": {"ca": {"existingSecret": "postgres-ca"}},
    },
}
SCALING: dict[str, Values] = {
    mode: {
        role: {"autoscaling": {"mode": mode}}
        for role in ("producer", "router", "deliverer", "management")
    }
    for mode in ("none", "hpa", "keda")
}
OTHERS: dict[str, Values] = {
    "settings": SETTINGS,
    "no-policies": {"networkPolicies": {"enabled": False}, "podDisruptionBudgets": False},
    "narrow-policies": {
        "networkPolicies": {
            "broker": {"to": [{"ipBlock": {"cidr": "10.20.0.5/32"}}], "ports": [5671]},
            "database": {"to": [{"ipBlock": {"cidr": "10.20.0.6/32"}}], "ports": [6432]},
            "producerFrom": [{"podSelector": {"matchLabels": {"app": "ingress"}}}],
            "managementFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
            "metricsFrom": [],
            "producerTo": ["203.0.113.0/24"],
        }
    },
    "every-target": {"settings": {"allowTargets": "0.0.0.0/0,::/0,168.0.0.0/5,fd00::/8"}},
    "monitoring": {
        "monitoring": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "runbookUrl": "https://runbooks.example.com"},
            "dashboards": {"enabled": True},
        }
    },
    "plain": {"setup": {"hook": False}},
    "image": {
        "image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": [{"name": "pull"}]},
        "fullnameOverride": "hooks",
    },
    "placing": {
        "nodeSelector": {"disk": "fast"},
        "priorityClassName": "high",
        "podAnnotations": {"a": "1"},
        "podLabels": {"team": "platform"},
        "deliverer": {"podAnnotations": {"b": "2"}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "rack",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "portcall"}},
            }
        ],
        "affinity": {"nodeAffinity": {}},
        "extraEnv": [{"name": "SSL_CERT_DIR", "value": "/more"}],
        "extraVolumes": [{"name": "more", "configMap": {"name": "more"}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "preStopSeconds": 0,
        "serviceAccount": {"annotations": {"c": "3"}},
    },
}


def _table() -> dict[str, Values]:
    """Ways in, TLS, servers and scaling in every combination; the others alone and in a trial."""
    table: dict[str, Values] = {}
    for parts in product(WAYS_IN, TLS, SERVERS, SCALING):
        way, tls, server, mode = parts
        chosen = merged(WAYS_IN[way], TLS[tls])
        table["/".join(parts)] = merged(merged(chosen, SERVERS[server]), SCALING[mode])
    for name, values in OTHERS.items():
        table[name] = values
        table[f"{name}/trial"] = merged(values, TRIAL)
    return table


TABLE = _table()
BRIEF = {
    name: values for name, values in TABLE.items() if name.count("/") < 2 or "none/none" in name
}
"""Those with which single properties are checked."""
