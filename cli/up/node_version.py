"""The version of RabbitMQ that last used a private node's data, in ``version.json`` beside them.

A newer RabbitMQ changes the data while it boots, so its version is noted before the start. An older
one would begin anew on them, and overwrite the list of feature flags; then no version boots any
more (seen with 3.10.8 on data of 4.3.6).
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from portcall.cli.errors import NodeError
from portcall.cli.home import write_private
from portcall.cli.rabbitmq_versions import Version, parsed, refusal

_FLAG = re.compile(r"rabbitmq_(\d+\.\d+\.\d+)")
_LOGGED = re.compile(rb"Starting RabbitMQ (\d+\.\d+\.\d+) on Erlang")


def installed_version(script: Path) -> Version | None:
    """The version of a ``rabbitmq-server``, by the plugins beside it; None: it cannot be told.

    ``rabbitmqctl version`` would take 1.5 s: it starts an Erlang VM.
    """
    plugins = script.resolve().parent.parent / "plugins"
    found = [parsed(path.name.removeprefix("rabbit-")) for path in plugins.glob("rabbit-[0-9]*")]
    return max((version for version in found if version is not None), default=None)


@dataclass(frozen=True, slots=True)
class NodeVersion:
    """The version beside the data of a node.

    Attributes:
        folder: The node's folder, with ``data`` and ``log`` in it.
    """

    folder: Path

    def read(self) -> Version | None:
        """The version that last used the data; None: there are no data, or nothing tells."""
        try:
            kept = json.loads(self._file.read_text())
            return parsed(str(kept["version"]))
        except FileNotFoundError:
            return self._by_traces()  # of a Portcall that did not note it yet
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NodeError(
                f"{self._file} cannot be used ({error}); write the version of RabbitMQ that last"
                ' ran here into it, as {"version": "4.3.6"}'
            ) from error

    def begin(self, installed: Version | None) -> "VersionedStart":
        """Check that *installed* may use the data, and note it.

        Raises:
            NodeError: It must not start on these data. Nothing was changed.
        """
        before = self.read() if (self.folder / "data").exists() else None
        if installed is not None:
            if before is not None and (why := refusal(installed, before, str(self.folder))):
                raise NodeError(why)
            self.write(installed)
        return VersionedStart(self, before, installed, self.flags)

    def write(self, version: Version) -> None:
        """Note a version."""
        write_private(self._file, json.dumps({"version": str(version)}) + "\n")

    @property
    def flags(self) -> str:
        """The node's list of feature flags as text; empty: it has none yet."""
        found = sorted((self.folder / "data").glob("*-feature_flags"))
        return "".join(path.read_text(errors="replace") for path in found)

    def _by_traces(self) -> Version | None:
        """The newest version that the feature flags or the log tell of.

        A flag is enabled only by a version that knows it; a new node enables that of its series.
        """
        told = [parsed(name) for name in _FLAG.findall(self.flags)]
        try:
            log = (self.folder / "log" / "rabbitmq.log").read_bytes()
        except OSError:
            log = b""
        told += [parsed(name.decode()) for name in _LOGGED.findall(log)[-1:]]
        return max((version for version in told if version is not None), default=None)

    @property
    def _file(self) -> Path:
        return self.folder / "version.json"


@dataclass(frozen=True, slots=True)
class VersionedStart:
    """A start of a node, and what was before it.

    Attributes:
        noted: Where the version is noted.
        before: The version that used the data before.
        installed: The version that starts.
        flags: The feature flags from before the start.
    """

    noted: NodeVersion
    before: Version | None
    installed: Version | None
    flags: str

    def failed(self) -> str:
        """Say which versions met, and take the note back if the data are as they were.

        RabbitMQ 4.x does not boot on data of 3.13 without certain feature flags, and then leaves
        them alone: 3.13 may start again, and enable them.
        """
        if self.before is None or self.installed is None or self.before == self.installed:
            return ""
        if self.noted.flags == self.flags:
            self.noted.write(self.before)
        return f" (RabbitMQ {self.installed} on data of {self.before})"
