"""Style sheets, scripts and icons: served from memory, cached for good under an address that holds their hash."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from warden.errors import NotFound

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, max-age=0, must-revalidate"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of ours as it is sent."""

    body: bytes
    content_type: str
    digest: str  # 16 hexadecimal digits of its SHA-256


@lru_cache(maxsize=1)
def _assets() -> dict[str, Asset]:
    """Read every file once. A request can only name what is in this table, so no path is ever opened on its word."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:16]
            found[path.relative_to(FOLDER).as_posix()] = Asset(body, _TYPES[path.suffix], digest)
    return found


def address(name: str) -> str:
    """Return the address of a static file, with the hash that lets browsers keep it. Raises KeyError."""
    return f"/static/{name}?v={_assets()[name].digest}"


@router.get("/static/{name:path}", response_model=None)
def static_file(name: str, request: Request) -> Response:
    """Send one static file."""
    asset = _assets().get(name)
    if asset is None:
        raise NotFound(f"There is no file {name!r} here.")
    current = request.query_params.get("v") == asset.digest
    headers = {"Cache-Control": _FOR_GOOD if current else _ASK_AGAIN, "ETag": f'"{asset.digest}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.content_type, headers=headers)
