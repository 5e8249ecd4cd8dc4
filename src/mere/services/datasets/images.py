"""Which kind of image some bytes are: those only that every browser shows and that run nothing."""

from __future__ import annotations

__all__ = ["image_type"]

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def image_type(data: bytes) -> str | None:
    """The media type of an image, by how it begins; None for anything else."""
    for begin, kind in _BEGINNINGS.items():
        if data.startswith(begin):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None
