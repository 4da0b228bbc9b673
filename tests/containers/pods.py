"""The chart's manifests as pods of Podman, on a cluster of three RabbitMQ nodes and a PostgreSQL."""

import base64
import json
import math
import os
import runpy
import secrets
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.containers.servers import NODES, broker_pods, database_pod
from tests.containers.stack import ROOT, SLOW_S, Engine

HELM = ROOT / ".cache/chart/helm"
CHART = ROOT / "deploy/helm/portcall"
SCRIPT = runpy.run_path(str(ROOT / "scripts/podman_pods.py"))
SUBNET = "10.214.0.0/24"
READY_S = 300.0
IMAGE = "portcall:test"
CONSUMERS = ("consumer", "moody")
REGISTRY = "boxes"
ROLES = ("producer", "router", "deliverer", "recorder", "management")
TRIES = 3
RATE = 20
ROUND = 200
"""Events of one `emit` under load: 10 s."""
ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())"
READY = ("python", "-c", ASK, "http://127.0.0.1:9000/ready")
"""Without portcall-probe, which the last release does not have."""
METRICS = ("python", "-c", ASK, "http://127.0.0.1:9000/metrics")
Document = dict[str, Any]
PodOfScript = Any
"""A `Pod` of scripts/podman_pods.py, which is no module."""
Change = Callable[[PodOfScript], PodOfScript]


def until(what: str, condition: Callable[[], bool], within_s: float = READY_S) -> None:
    """Wait until something holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.5)


@contextmanager
def servers_up(engine: Engine, folder: Path) -> Iterator["Pods"]:
    """Broker and database, and nothing of Portcall yet; at the end all pods are removed."""
    if not engine.is_podman or engine.script is None:
        pytest.skip("only Podman has `kube play`: PORTCALL_TEST_ENGINE=podman")
    if not HELM.exists():
        pytest.skip("NOT TESTED: scripts/chart-tools has not unpacked helm")
    engine.docker("tag", IMAGE, "portcall:0.1.0")  # as the chart calls it
    pods = Pods(engine, folder)
    pods.clean()
    try:
        pods.begin()
        yield pods
    finally:
        pods.clean()


@dataclass
class Load:
    """Events that arrive meanwhile; each of them is accepted.

    Attributes:
        events: How many were.
        rounds: How many `emit` sent them.
    """

    events: int = 0
    rounds: int = 0


@dataclass
class Pods:
    """Pods in a network of Podman's, and a client beside them.

    Attributes:
        engine: Podman, of the tests' own.
        folder: For files.
        running: The pods of Portcall that are there, by role.
        broker_url: The broker, as seen from the pods.
    """

    engine: Engine
    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(24))
    running: dict[str, list[PodOfScript]] = field(default_factory=dict)
    manifests: Any = None
    broker_url: str = ""

    def podman(self, *arguments: str, text: str | None = None) -> str:
        """Run podman, and return what it prints."""
        done = self._podman(*arguments, text=text)
        assert done.returncode == 0, f"podman {arguments}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _podman(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        assert self.engine.script is not None
        return subprocess.run(
            [self.engine.script, "podman", *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=text,
            timeout=SLOW_S,
            stdin=None if text is not None else subprocess.DEVNULL,
        )

    def begin(self) -> None:
        """Make the network, and start broker and database."""
        assert self.engine.script is not None
        subprocess.run([self.engine.script, "newest"], check=True, timeout=SLOW_S)
        self.podman("network", "create", "--subnet", SUBNET, SCRIPT["NETWORK"])
        password = secrets.token_hex(16)
        settings, *nodes = broker_pods(password, "docker.io/library/rabbitmq:newest")
        for node in nodes:
            name = node["metadata"]["name"]
            self._play(yaml.safe_dump_all([settings, node]), name, "rabbitmq")
        database = database_pod(password, "docker.io/library/postgres:newest")
        self._play(yaml.safe_dump(database), "postgres")
        until("the broker is a cluster of three", self.broker_is_whole)
        until("the database answers", self.database_answers)
        self.manifests = SCRIPT["Manifests"]([*self._rendered(), *self._secrets(password)])

    def _play(self, text: str, *aliases: str) -> None:
        network = ",".join(f"alias={each}" for each in aliases)
        self.podman("kube", "play", "--network", f"{SCRIPT['NETWORK']}:{network}", "-", text=text)

    def broker_is_whole(self) -> bool:
        """Whether all nodes run, and as one cluster."""
        asked = ("exec", "rabbitmq-1-rabbitmq-1", "gosu", "rabbitmq", "rabbitmqctl", "--silent")
        done = self._podman(*asked, "cluster_status", "--formatter", "json")
        if done.returncode:
            return False
        return len(json.loads(done.stdout)["running_nodes"]) == len(NODES)

    def database_answers(self) -> bool:
        """Whether PostgreSQL takes connections."""
        asked = ("exec", "postgres-postgres", "pg_isready", "--quiet", "--host=127.0.0.1")
        return self._podman(*asked).returncode == 0

    def _rendered(self) -> list[Document]:
        """The chart's manifests, as deploy/kubernetes has them, but for a consumer in this network."""
        settings = {
            "allowTargets": SUBNET,
            "retrySchedule": "1s,2s,2s,5s,5s,10s,10s,10s,20s,20s,20s,30s,30s,60s,60s",
        }
        values = self.folder / "settings.yaml"
        values.write_text(yaml.safe_dump({"settings": settings}))
        done = subprocess.run(
            [
                HELM, "template", "portcall", CHART, "--namespace", "portcall",
                "--values", ROOT / "deploy/kubernetes/values.yaml", "--values", values,
            ],
            check=True,
            capture_output=True,
            text=True,
        )  # fmt: skip
        return [each for each in yaml.safe_load_all(done.stdout) if each]

    def _secrets(self, password: str) -> list[Document]:
        """Those that the manifests name."""
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.broker_url = f"amqp://portcall:{password}@rabbitmq:5672/"
        contents = {
            "rabbitmq-default-user": {"connection_string": self.broker_url},
            "postgres-app": {"uri": f"postgresql://portcall:{password}@postgres:5432/portcall"},
            "portcall-credentials": {"token": self.token, "encryption-key": key},
        }
        return [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
            for name, data in contents.items()
        ]

    def setup(self, number: int) -> None:
        """Run the setup job to its end, as often as its `backoffLimit` lets it try.

        Podman does not start an init container again that failed, for example while the network's
        name server is busy.
        """
        (job,) = [each for each in self.manifests.documents if each["kind"] == "Job"]
        pod = self.manifests.pod(job, number)
        for tries_left in reversed(range(job["spec"]["backoffLimit"] + 1)):
            failure = self._run_to_end(pod)
            self.podman("pod", "rm", "--force", pod.name)
            if not failure:
                return
            assert tries_left, failure

    def _run_to_end(self, pod: PodOfScript) -> str:
        """Run a pod that ends by itself; what it said where it failed, or nothing."""
        played = self._podman(*pod.arguments("-"), text=pod.text)
        if played.returncode == 0 and self.podman("wait", self.container(pod)).strip() == "0":
            return ""
        containers = self.podman(
            "ps", "--all", "--filter", f"pod={pod.name}", "--format={{.Names}}"
        )
        return played.stderr + "".join(self.logs(each) for each in containers.split())

    def start(self, role: str, change: Change = lambda pod: pod) -> PodOfScript:
        """Start one more pod of a role, changed, and wait until its container is ready."""
        there = self.running.setdefault(role, [])
        number = 1 + max([int(each.name.rpartition("-")[2]) for each in there], default=0)
        pod = change(self.manifests.pod(self.workload(role), number))
        there.append(pod)
        self._play_pod(pod)
        until(f"{pod.name} is ready", lambda: self.is_ready(pod))
        return pod

    def _play_pod(self, pod: PodOfScript) -> None:
        """Start it; again where the engine could not, as a kubelet would."""
        for tries_left in reversed(range(TRIES)):
            played = self._podman(*pod.arguments("-"), text=pod.text)
            if played.returncode == 0:
                return
            assert tries_left, f"{pod.name}\n{played.stdout}{played.stderr}"
            self.podman("pod", "rm", "--force", pod.name)

    def workload(self, role: str) -> Document:
        """The Deployment of a role."""
        (found,) = [
            each
            for each in self.manifests.documents
            if (each["kind"], each["metadata"]["name"]) == ("Deployment", f"portcall-{role}")
        ]
        return dict(found)

    def deployment(self, role: str) -> Document:
        """What the chart says of a role's pods: replicas, strategy, template."""
        return dict(self.workload(role)["spec"])

    def container(self, pod: PodOfScript) -> str:
        """The name of the pod's container."""
        return f"{pod.name}-{SCRIPT['last_container'](pod)}"

    def is_ready(self, pod: PodOfScript) -> bool:
        """Whether it says so."""
        return self._podman("exec", self.container(pod), *READY).returncode == 0

    def metric(self, pod: PodOfScript, name: str) -> float:
        """The sum of a metric's samples at a pod; nan where it does not answer in time."""
        asked = self._podman("exec", self.container(pod), *METRICS)
        if asked.returncode:
            return math.nan
        lines = [
            each.split()
            for each in asked.stdout.splitlines()
            if each.startswith((f"{name} ", f"{name}{{"))
        ]
        return sum(float(words[-1]) for words in lines)

    def inspect(self, container: str) -> Document:
        """What podman knows about a container."""
        found: list[Document] = json.loads(self.podman("container", "inspect", container))
        return found[0]

    def kill(self, container: str) -> int:
        """End it as a crash would; Podman must start it again. Its process id before."""
        pid = int(self.inspect(container)["State"]["Pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_again(self, container: str, before: int) -> bool:
        """Whether it runs, as another process than *before*."""
        state = self.inspect(container)["State"]
        return bool(state["Running"]) and state["Pid"] not in {0, before}

    def end(self, role: str, pod: PodOfScript) -> tuple[int, float]:
        """End a pod in good order and remove it: its exit code, and how long it took in seconds."""
        name = self.container(pod)
        assert self.inspect(name)["Config"]["StopTimeout"] == pod.grace_s
        began = time.monotonic()
        self.podman("stop", name)
        took_s = time.monotonic() - began
        code = int(self.inspect(name)["State"]["ExitCode"])
        self.podman("pod", "rm", "--force", pod.name)
        self.running[role].remove(pod)
        return code, took_s

    def end_well(self, role: str, pod: PodOfScript) -> None:
        """End it; it must say 0, in its grace period."""
        code, took_s = self.end(role, pod)
        assert (code, took_s < pod.grace_s) == (0, True), f"{pod.name}: {code} after {took_s:.0f} s"

    def logs(self, container: str) -> str:
        """The end of what it wrote."""
        done = self._podman("logs", "--tail", "30", container)
        return done.stdout + done.stderr

    def once(self, image: str, *arguments: str) -> None:
        """Run a command of Portcall in a container that knows the broker."""
        variable = f"PORTCALL_AMQP_URL={self.broker_url}"
        network = ("--network", SCRIPT["NETWORK"])
        self.engine.docker("run", "--rm", *network, "--env", variable, image, *arguments)

    def begin_client(self) -> None:
        """Start a consumer, and a container for commands."""
        self.consumer("consumer")
        self.engine.docker(
            "run", "--detach", "--name", "client", "--network", SCRIPT["NETWORK"],
            "--entrypoint", "sleep", "--env", "PORTCALL_URL=http://portcall-management:8400",
            "--env", f"PORTCALL_TOKEN={self.token}", IMAGE, "infinity",
        )  # fmt: skip

    def consumer(self, name: str, *options: str) -> None:
        """Start a consumer, whose POSTs take a while, so that each end of a pod meets some."""
        self.engine.docker(
            "run", "--detach", "--name", name, "--network", SCRIPT["NETWORK"], "--network-alias", name,
            IMAGE, "sink", "--host", "0.0.0.0", "--port", "7000", "--delay", "200ms",  # noqa: S104 (in a container)
            *options,
        )  # fmt: skip

    def portcall(self, *arguments: str) -> Any:  # noqa: ANN401 (a document)
        """Run a command beside the pods; what it prints, as JSON."""
        said = self.engine.docker("exec", "client", "portcall", *arguments, "-o", "json")
        return json.loads(said)

    def portcall_in(self, pod: PodOfScript, *arguments: str) -> Any:  # noqa: ANN401 (a document)
        """The same by the command, and of the API, of a pod of management."""
        url = ("--url", "http://127.0.0.1:8400")
        said = self.podman("exec", self.container(pod), "portcall", *arguments, *url, "-o", "json")
        return json.loads(said)

    def address(self, pod: PodOfScript) -> str:
        """Its address in the network."""
        infra = self.podman("pod", "inspect", "--format", "{{.InfraContainerID}}", pod.name)
        networks = self.inspect(infra.strip())["NetworkSettings"]["Networks"]
        return str(networks[SCRIPT["NETWORK"]]["IPAddress"])

    def emit(
        self,
        count: int,
        rate: int = 0,
        registry: str = REGISTRY,
        producer: str = "portcall-producer",
    ) -> None:
        """Send events; a producer accepts each. By its name it is the same one most of the time."""
        told = self.portcall(
            "emit", "-r", registry, "--count", str(count), "--rate", str(rate),
            "--url", f"http://{producer}:8401", "--repositories", "5",
        )  # fmt: skip
        assert told["accepted"] == count

    @contextmanager
    def load(self) -> Iterator[Load]:
        """Send events until the block ends, at least one round of them."""
        load, enough = Load(), threading.Event()

        def send() -> None:
            while not enough.is_set():
                self.emit(ROUND, RATE)
                load.events += ROUND
                load.rounds += 1

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send)
            try:
                yield load
            finally:
                enough.set()
            sending.result()

    def drained(self, registry: str = REGISTRY) -> Document:
        """Wait until nothing is pending; the registry's line of the audit, which adds up."""
        (line,) = self.portcall("audit", "-r", registry, "--wait", "300s")["registries"]
        wrong = ("missing", "unexpected", "pending", "givenUp")
        assert {name: line[name] for name in wrong} == dict.fromkeys(wrong, 0)
        return dict(line)

    def posts(self, consumer: str = "consumer") -> Counter[str]:
        """How often each delivery reached a consumer, and was accepted."""
        lines = self.engine.docker("logs", consumer).splitlines()
        seen = [json.loads(each) for each in lines if each.startswith("{")]
        return Counter(each["delivery_id"] for each in seen if each["status"] == 200)

    def clean(self) -> None:
        """Remove all of it."""
        self._podman("rm", "--force", "--time", "0", "client", *CONSUMERS)
        self._podman("pod", "rm", "--all", "--force", "--time", "5")
        self._podman("secret", "rm", "--all")
        self._podman("network", "rm", "--force", SCRIPT["NETWORK"])
        self._podman("volume", "prune", "--force")
