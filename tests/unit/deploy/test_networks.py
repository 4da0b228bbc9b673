"""Who reaches whom by the chart's NetworkPolicies: a small evaluation of them, as Kubernetes does it."""

import ipaddress
from dataclasses import dataclass, field
from itertools import product

import pytest
from yarl import URL

from tests.unit.deploy.chart import Document, of_kind, pods, refusal, render
from tests.unit.deploy.table import BRIEF

METADATA = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe")
"""Where AWS, Azure, Google and others have credentials of the machine."""
Labels = dict[str, str]
IN_KUBE_SYSTEM = {"kubernetes.io/metadata.name": "kube-system"}
HERE = {"kubernetes.io/metadata.name": "hooks"}


@dataclass(frozen=True)
class Place:
    """Where a connection goes to, or comes from: a pod, or an address outside."""

    address: str = ""
    labels: Labels = field(default_factory=dict)
    namespace: Labels = field(default_factory=lambda: HERE)


def selects(selector: Document, labels: Labels) -> bool:
    """Whether a label selector selects; the chart has no expressions."""
    assert set(selector) <= {"matchLabels"}
    return dict(selector.get("matchLabels", {})).items() <= labels.items()


def is_peer(peer: Document, place: Place) -> bool:
    """Whether a peer of a rule is this place."""
    if "ipBlock" in peer:
        if not place.address:
            return False
        address = ipaddress.ip_address(place.address)
        block = peer["ipBlock"]
        inside = [ipaddress.ip_network(each) for each in (block["cidr"], *block.get("except", []))]
        return address in inside[0] and not any(address in each for each in inside[1:])
    if place.address:
        return False
    namespace = peer.get("namespaceSelector")
    in_namespace = (
        place.namespace == HERE if namespace is None else selects(namespace, place.namespace)
    )
    return in_namespace and selects(peer.get("podSelector", {}), place.labels)


def allows(documents: list[Document], pod: Labels, way: str, place: Place, port: int) -> bool:
    """Whether the policies let *pod* connect to the place (``egress``), or it to the pod."""
    chosen = [
        each["spec"]
        for each in of_kind(documents, "NetworkPolicy")
        if selects(each["spec"]["podSelector"], pod) and way.title() in each["spec"]["policyTypes"]
    ]
    if not chosen:
        return True
    side = "to" if way == "egress" else "from"
    return any(
        (side not in rule or any(is_peer(peer, place) for peer in rule[side]))
        and ("ports" not in rule or port in {each["port"] for each in rule["ports"]})
        for spec in chosen
        for rule in spec.get(way, [])
    )


def labels_of(documents: list[Document]) -> dict[str, Labels]:
    """The labels of each component's pods."""
    found = (pod["metadata"]["labels"] for _, pod in pods(documents))
    return {labels["app.kubernetes.io/component"]: labels for labels in found}


with_policies = pytest.mark.parametrize(
    "name", [n for n in BRIEF if not n.startswith("no-policies")]
)


@with_policies
def test_nothing_reaches_the_metadata_of_a_cloud(name: str) -> None:
    documents = render(BRIEF[name])
    for component, labels in labels_of(documents).items():
        for address, port in product(METADATA, (53, 80, 443, 8080)):
            assert not allows(documents, labels, "egress", Place(address), port), component


@with_policies
def test_deliverers_alone_reach_the_outside(name: str) -> None:
    documents = render(BRIEF[name])
    out = {
        component
        for component, labels in labels_of(documents).items()
        for address in ("93.184.215.14", "2606:2800:21f::1")
        if allows(documents, labels, "egress", Place(address), 443)
    }
    assert out == {"deliverer"}


@with_policies
def test_every_pod_of_ours_reaches_name_server_broker_and_database(name: str) -> None:
    values = BRIEF[name]
    documents = render(values)
    components = labels_of(documents)
    dns = Place(labels={"k8s-app": "kube-dns"}, namespace=IN_KUBE_SYSTEM)
    elsewhere = Place(labels={"app": "server"}, namespace={"kubernetes.io/metadata.name": "data"})
    narrow = name == "narrow-policies"
    servers = {
        "rabbitmq": (Place("10.20.0.5"), 5671) if narrow else (elsewhere, 5672),
        "postgres": (Place("10.20.0.6"), 6432) if narrow else (elsewhere, 5432),
    }
    for component in ("producer", "router", "deliverer", "recorder", "management", "setup"):
        labels = components[component]
        assert allows(documents, labels, "egress", dns, 53)
        for server, (place, port) in servers.items():
            if server in components:
                here = Place(labels=components[server])
                wanted = 5672 if server == "rabbitmq" else 5432
                assert allows(documents, labels, "egress", here, wanted)
                assert allows(
                    documents, components[server], "ingress", Place(labels=labels), wanted
                )
            else:
                assert allows(documents, labels, "egress", place, port), (component, server)


def test_private_networks_are_reached_where_that_is_allowed_alone() -> None:
    for values, reached in (({}, False), (BRIEF["settings"], True)):
        documents = render(values)
        labels = labels_of(documents)
        for address in ("10.1.2.3", "192.168.7.9", "fd12:3456::1"):
            assert allows(documents, labels["deliverer"], "egress", Place(address), 443) is reached
            assert not allows(documents, labels["router"], "egress", Place(address), 443)
        for address in ("10.2.0.1", "192.168.7.10", "172.16.0.1", "127.0.0.1", "100.64.0.1", "::1"):
            assert not allows(documents, labels["deliverer"], "egress", Place(address), 443)


@with_policies
def test_clients_reach_the_two_servers_and_prometheus_the_metrics(name: str) -> None:
    documents = render(BRIEF[name])
    components = labels_of(documents)
    client = Place(
        labels={"app": "ingress"}, namespace={"kubernetes.io/metadata.name": "elsewhere"}
    )
    ports = {"producer": {8401, 8444}, "management": {8400, 8443}}
    for component, labels in components.items():
        open_ports = {
            port
            for port in (8400, 8401, 8443, 8444, 9000, 5672, 5432, 22)
            if allows(documents, labels, "ingress", client, port)
        }
        wanted = (
            ports.get(component, set()) if name.partition("/")[0] != "narrow-policies" else set()
        )
        if component in ("producer", "router", "deliverer", "recorder", "management"):
            wanted = wanted | {9000}
        assert open_ports == wanted, component


def test_those_who_may_reach_the_servers_can_be_named() -> None:
    documents = render(BRIEF["narrow-policies"])
    components = labels_of(documents)
    ingress = Place(labels={"app": "ingress"})
    assert allows(documents, components["producer"], "ingress", ingress, 8401)
    assert not allows(documents, components["management"], "ingress", ingress, 8400)
    assert allows(documents, components["management"], "ingress", Place("192.0.2.7"), 8400)
    assert allows(documents, components["producer"], "egress", Place("203.0.113.9"), 443)
    assert not allows(documents, components["producer"], "egress", Place("203.0.113.9"), 80)


@pytest.mark.parametrize(
    "network",
    ["169.254.0.0/16", "169.254.169.254", "169.254.169.0/24", "fd00:ec2::/32", "fe80::/64",
     "fd00:ec2::254", "fd00::/9", "fd20:ce::/32"],
)  # fmt: skip
def test_a_network_with_metadata_is_refused(network: str) -> None:
    text = refusal(
        {"trial": {"enabled": True}, "settings": {"allowTargets": f"10.0.0.0/8,{network}"}}
    )
    assert f"settings.allowTargets: {network}" in text


@pytest.mark.parametrize("prefix", range(1, 16))
def test_a_network_around_the_metadata_is_allowed_without_it(prefix: int) -> None:
    network = ipaddress.ip_network(f"169.254.169.254/{prefix}", strict=False)
    documents = render({"settings": {"allowTargets": str(network)}})
    labels = labels_of(documents)["deliverer"]
    assert not allows(documents, labels, "egress", Place("169.254.169.254"), 80)


def test_keda_reaches_a_trials_broker_where_it_scales_by_it() -> None:
    keda = Place(
        labels={"app.kubernetes.io/name": "keda-operator"},
        namespace={"kubernetes.io/metadata.name": "keda"},
    )
    for mode in ("none", "keda"):
        documents = render(BRIEF[f"none/none/trial/{mode}"])
        broker = labels_of(documents)["rabbitmq"]
        assert allows(documents, broker, "ingress", keda, 5672) is (mode == "keda")


def test_what_a_trials_urls_name_is_a_service_that_other_namespaces_find_too() -> None:
    documents = render(BRIEF["none/none/trial/none"])
    (secret,) = of_kind(documents, "Secret")
    services = {each["metadata"]["name"] for each in of_kind(documents, "Service")}
    for key in ("connection_string", "uri"):
        host = str(URL(secret["stringData"][key]).host)
        assert host.endswith(".hooks.svc")
        assert host.removesuffix(".hooks.svc") in services
