"""Static files of pages: read once, served under names that change with their content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from portcall.management.http.errors import ArmError
from portcall.management.http.routes import CONSOLE

FOLDER = Path(__file__).parent / "static"
PREFIX = f"{CONSOLE}/assets/"
SERVED = frozenset({".css", ".js", ".svg"})
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
YEAR_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Attributes:
        name: Its path in the folder with a part of its hash in front of the suffix.
        content: Its bytes.
        media_type: Its type.
    """

    name: str
    content: bytes
    media_type: str


class Assets:
    """All files of a folder that browsers request.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        found = [path for path in sorted(folder.rglob("*")) if path.suffix in SERVED]
        by_path = {path.relative_to(folder).as_posix(): _read(folder, path) for path in found}
        self._urls = {path: PREFIX + asset.name for path, asset in by_path.items()}
        self._by_name = {asset.name: asset for asset in by_path.values()}

    def url(self, path: str) -> str:
        """The URL of a file.

        Raises:
            KeyError: There is no such file: a template is wrong.
        """
        return self._urls[path]

    def serve(self, path: str) -> web.Response:
        """Answer a request for a path below `PREFIX`; the content of a path never changes.

        Raises:
            ArmError: 404: There is no such file, or it belongs to another version.
        """
        asset = self._by_name.get(path.removeprefix(PREFIX))
        if asset is None:
            raise ArmError(404, "NotFound", "There is no such file; load the page again.")
        return web.Response(
            body=asset.content,
            content_type=asset.media_type,
            charset="utf-8",
            headers={"Cache-Control": f"public, max-age={YEAR_S}, immutable"},
        )


def _read(folder: Path, path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    named = path.relative_to(folder).with_suffix(f".{digest}{path.suffix}")
    return Asset(named.as_posix(), content, _TYPES[path.suffix])
