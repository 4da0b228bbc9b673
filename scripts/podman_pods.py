#!/usr/bin/env python3
"""Turn Kubernetes manifests into what `podman kube play` runs.

Usage: scripts/podman_pods.py MANIFEST... FOLDER

It writes one file for each pod into FOLDER, and prints the commands that play them, in their order.
On standard error it prints its changes and omissions; docs/containers.md explains them.
The manifests are those of deploy/kubernetes, or what `helm template` prints, with the Secrets that
they name.
"""

import base64
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

NETWORK = "portcall"
PROBE = "portcall-probe"
Document = dict[str, Any]

NO_MEANING = (
    "affinity", "automountServiceAccountToken", "enableServiceLinks", "nodeSelector",
    "priorityClassName", "serviceAccountName", "tolerations", "topologySpreadConstraints",
)  # fmt: skip
"""Fields of a pod's spec that concern a cluster's nodes or its API."""
TAKEN = frozenset({"Deployment", "Job", "Secret", "Service"})
LEFT_OUT = {
    "HorizontalPodAutoscaler": "the number of pods is fixed",
    "Ingress": "nothing leads in from outside but published ports",
    "NetworkPolicy": "every pod of the network reaches every other, and the outside",
    "PodDisruptionBudget": "there is one node",
    "ServiceAccount": "there is no API",
}


class UnusableManifestError(Exception):
    """The manifests cannot become pods; the text says why."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, as `podman kube play` takes it.

    Attributes:
        name: Its name; its containers are called NAME-CONTAINER.
        component: A role, or ``setup``.
        aliases: The Services that have it: names in the network.
        grace_s: How long an orderly end may take, in seconds.
        ends: Whether it ends without a stop, and must do so before the others start.
        documents: The documents that podman plays.
    """

    name: str
    component: str
    aliases: tuple[str, ...]
    grace_s: int
    ends: bool
    documents: tuple[Document, ...]

    @property
    def text(self) -> str:
        """The file."""
        return yaml.safe_dump_all(self.documents, sort_keys=False)

    def arguments(self, file: str) -> list[str]:
        """Of podman, to play the file."""
        aliases = ",".join(f"alias={each}" for each in self.aliases)
        network = f"{NETWORK}:{aliases}" if aliases else NETWORK
        return ["kube", "play", "--network", network, file]


@dataclass
class Manifests:
    """Manifests, and their necessary changes.

    Attributes:
        documents: All of them.
        changes: The changes and omissions, each once, in the order in which they were found.
    """

    documents: Sequence[Document]
    changes: dict[str, None] = field(default_factory=dict)

    def pods(self) -> list[Pod]:
        """The pods of all Jobs, then those of all Deployments, each as often as it has replicas."""
        for kind in [each["kind"] for each in self.documents]:
            if kind not in TAKEN:
                self._note(f"{kind}: left out, {LEFT_OUT.get(kind, 'it is no Deployment or Job')}")
        jobs = [self.pod(each, 1) for each in self._of_kind("Job")]
        return jobs + [
            self.pod(each, number)
            for each in self._of_kind("Deployment")
            for number in range(1, each["spec"].get("replicas", 1) + 1)
        ]

    def pod(self, workload: Document, number: int) -> Pod:
        """One pod of a Deployment or a Job.

        Args:
            workload: The Deployment or Job.
            number: Added to its name, from 1: every pod needs another name.
        """
        template = workload["spec"]["template"]
        labels = template["metadata"]["labels"]
        ends = workload["kind"] == "Job"
        name = f"{workload['metadata']['name']}-{number}"
        spec = {key: value for key, value in template["spec"].items() if key not in NO_MEANING}
        self._note("tolerations, spread and ServiceAccount of pods: left out, there is one node")
        kind = workload["kind"]
        self._note(f"{kind}: its pods, {'which must end first' if ends else 'by their number'}")
        spec.setdefault("restartPolicy", "Always")
        secret = self._secret(name, spec)
        self._own_folders(name, spec)
        for part in ("initContainers", "containers"):
            spec[part] = [self._container(each) for each in spec[part]]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": spec,
        }
        return Pod(
            name=name,
            component=labels["app.kubernetes.io/component"],
            aliases=self._aliases(labels),
            grace_s=spec.get("terminationGracePeriodSeconds", 30),
            ends=ends,
            documents=(*([secret] if secret else []), pod),
        )

    def _container(self, container: Document) -> Document:
        ports = {each["name"]: each["containerPort"] for each in container.get("ports", ())}
        kept = {
            key: value
            for key, value in container.items()
            if key not in {"readinessProbe", "lifecycle", "ports"}
        }
        if "readinessProbe" in container:
            self._note("readinessProbe: left out, a Service has every pod that runs")
        if "lifecycle" in container:
            self._note("preStop: left out, podman stops a pod at once")
        for kind in ("startupProbe", "livenessProbe"):
            if (get := container.get(kind, {}).get("httpGet")) is not None:
                self._note(f"httpGet of probes: {PROBE} in the container, which has no curl")
                port = str(ports.get(get["port"], get["port"]))
                other = {key: value for key, value in container[kind].items() if key != "httpGet"}
                kept[kind] = {**other, "exec": {"command": [PROBE, port, get["path"]]}}
        return kept

    def _secret(self, name: str, spec: Document) -> Document | None:
        """The pod's own Secret, in place of projected volumes; *spec* then has that."""
        data: dict[str, str] = {}
        volumes = []
        for volume in spec.get("volumes", ()):
            if "projected" not in volume:
                volumes.append(volume)
                continue
            self._note(
                "projected volumes: one Secret for each pod, which every user of the container may"
                " read, because fsGroup has no effect"
            )
            data |= self._projected(volume["projected"]["sources"])
            # `optional` is written out for Podman 4.3.
            own = {"secretName": name, "defaultMode": 0o444, "optional": False}
            volumes.append({"name": volume["name"], "secret": own})
        spec["volumes"] = volumes
        if not data:
            return None
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}

    def _own_folders(self, name: str, spec: Document) -> None:
        """Add the pod's name to its emptyDir volumes, in *spec*."""
        folders = [each["name"] for each in spec["volumes"] if "emptyDir" in each]
        names = {each: f"{name}-{each}" for each in folders}
        if names:
            self._note("emptyDir: with the pod's name, because Podman shares those of one name")
        for part in ("initContainers", "containers"):
            spec[part] = [
                {**container, "volumeMounts": _renamed(container.get("volumeMounts", ()), names)}
                for container in spec.get(part, ())
            ]
        spec["volumes"] = _renamed(spec["volumes"], names)

    def _projected(self, sources: Iterable[Document]) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in sources:
            if "secret" not in source:
                raise UnusableManifestError(
                    f"a projected volume has a source other than a Secret: {source}"
                )
            of_secret = self._values(source["secret"]["name"])
            for item in source["secret"]["items"]:
                if item["key"] not in of_secret:
                    raise UnusableManifestError(
                        f"the Secret {source['secret']['name']} has no key {item['key']}"
                    )
                found[item["path"]] = of_secret[item["key"]]
        return found

    def _values(self, name: str) -> dict[str, str]:
        """The values of a Secret, in base64."""
        for each in self._of_kind("Secret"):
            if each["metadata"]["name"] == name:
                plain = each.get("stringData", {})
                encoded = {
                    key: base64.b64encode(value.encode()).decode() for key, value in plain.items()
                }
                return {**each.get("data", {}), **encoded}
        raise UnusableManifestError(f"the manifests name a Secret {name}, and do not have it")

    def _aliases(self, labels: Document) -> tuple[str, ...]:
        services = [
            each["metadata"]["name"]
            for each in self._of_kind("Service")
            if each["spec"]["selector"].items() <= labels.items()
        ]
        if services:
            self._note("Service: its name in the network, with the addresses of all its pods")
        return tuple(services)

    def _of_kind(self, kind: str) -> list[Document]:
        return [each for each in self.documents if each["kind"] == kind]

    def _note(self, change: str) -> None:
        self.changes[change] = None


def _renamed(those: Iterable[Document], names: dict[str, str]) -> list[Document]:
    return [{**each, "name": names.get(each["name"], each["name"])} for each in those]


def read(*paths: Path) -> Manifests:
    """The manifests in these files."""
    texts = [path.read_text() for path in paths]
    return Manifests([each for text in texts for each in yaml.safe_load_all(text) if each])


def main(arguments: Sequence[str]) -> int:
    """Write the files, and print the commands."""
    if len(arguments) < 2:
        sys.stderr.write("usage: scripts/podman_pods.py MANIFEST... FOLDER\n")
        return 2
    *files, folder = map(Path, arguments)
    try:
        manifests = read(*files)
        pods = manifests.pods()
    except (UnusableManifestError, OSError, yaml.YAMLError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sys.stdout.write(f"podman network create {NETWORK}\n")
    for pod in pods:
        file = folder / f"{pod.name}.yaml"
        file.touch(mode=0o600)  # it has secrets
        file.write_text(pod.text)
        sys.stdout.write(f"podman {shlex.join(pod.arguments(str(file)))}\n")
        if pod.ends:
            sys.stdout.write(f"podman wait {pod.name}-{last_container(pod)} # it must be 0\n")
    sys.stderr.write("".join(f"{each}\n" for each in manifests.changes))
    return 0


def last_container(pod: Pod) -> str:
    """The name of the container with which a pod has ended."""
    spec: Document = pod.documents[-1]["spec"]
    return str(spec["containers"][-1]["name"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
