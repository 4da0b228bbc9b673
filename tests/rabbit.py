"""Virtual hosts on a private node, in milliseconds: one Erlang shell stays connected to it.

``rabbitmqctl`` starts an Erlang VM for each command (1.5 s), the management plugin slows the
node's start; a hidden Erlang node that evaluates what it reads takes a tenth of a second for both
together.
"""

import os
import shutil
import subprocess
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Self

from portcall.cli.up.broker import PrivateBroker
from tests import ROOT

UNPACKED = ROOT / ".cache" / "rabbitmq"
"""Where `scripts/rabbitmq-root` puts other versions, each in a folder that its series names."""
_NODE = "portcall@localhost"
_LOOP = (
    "F = fun(Loop) -> case io:get_line('') of eof -> halt(); L ->"
    " {ok, T, _} = erl_scan:string(L), {ok, E} = erl_parse:parse_exprs(T),"
    ' {value, V, _} = erl_eval:exprs(E, []), io:format("@~0p~n", [V]), Loop(Loop) end end, F(F).'
)


def use_other_rabbitmq(environ: MutableMapping[str, str]) -> None:
    """Put the RabbitMQ of ``PORTCALL_TEST_RABBITMQ`` first on PATH, with the Erlang beside it.

    The variable is the path of a ``rabbitmq-server``, e.g. one of ``scripts/rabbitmq-root``. What
    tests start as processes of their own then uses it, too.
    """
    server = environ.get("PORTCALL_TEST_RABBITMQ")
    if not server:
        return
    assert os.access(server, os.X_OK), f"PORTCALL_TEST_RABBITMQ: {server} is no program"
    folder = str(Path(server).absolute().parent)
    if environ["PATH"].split(os.pathsep)[0] != folder:
        environ["PATH"] = f"{folder}{os.pathsep}{environ['PATH']}"


def unpacked_server(series: str) -> Path | None:
    """The rabbitmq-server of a series that `scripts/rabbitmq-root` has unpacked; None: it has not."""
    script = UNPACKED / series / "bin" / "rabbitmq-server"
    return script if script.exists() else None


class ErlangShell:
    """Calls functions on the node of a running `PrivateBroker`."""

    def __init__(self, broker: PrivateBroker) -> None:
        erl = shutil.which("erl")
        assert erl is not None
        argv = [erl, "-noshell", "-hidden", "-sname", "tests@localhost", "-start_epmd", "false"]
        # The node's ticks are hours apart, and a node that expects others would leave it.
        listen = ["-kernel", "inet_dist_use_interface", "{127,0,0,1}", "net_ticktime", "7200"]
        self._shell = subprocess.Popen(  # noqa: S603 (the Erlang that is installed, our own text)
            [*argv, *listen, "-eval", _LOOP],
            env=broker.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shell.communicate(timeout=10)

    def call(self, module: str, function: str, *arguments: str) -> str:
        """Call ``module:function`` on the node with arguments in Erlang's syntax."""
        assert self._shell.stdin is not None and self._shell.stdout is not None
        self._shell.stdin.write(
            f"rpc:call('{_NODE}', {module}, {function}, [{', '.join(arguments)}]).\n"
        )
        self._shell.stdin.flush()
        answer = self._shell.stdout.readline()
        while answer and not answer.startswith("@"):  # what Erlang itself has to say
            answer = self._shell.stdout.readline()
        answer = answer.removeprefix("@").strip()
        assert answer and not answer.startswith("{badrpc"), f"{module}:{function}: {answer}"
        return answer

    def add_vhost(self, name: str, user: str) -> None:
        everything = '<<".*">>'
        self.call("rabbit_vhost", "add", f'<<"{name}">>', '<<"tests">>')
        self.call(
            "rabbit_auth_backend_internal",
            "set_permissions",
            f'<<"{user}">>, <<"{name}">>, {everything}, {everything}, {everything}, <<"tests">>',
        )

    def delete_vhost(self, name: str) -> None:
        self.call("rabbit_vhost", "delete", f'<<"{name}">>', '<<"tests">>')
