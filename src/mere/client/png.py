"""Pixels as a PNG file, so that logging an array needs no imaging library.

The format asks for little: a header, the rows each behind a filter byte, deflated, and checksums.
Every row is stored as its difference from the row above, which deflates far better than the
pixels themselves and is one subtraction for the whole image.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["encode_png", "pixels_of"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
_UP = 2
_SIDE_MAX = 2**31 - 1
_LEVEL = 4
_ROUNDING = 1e-6


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode height x width x channels of 8 bits: grey, grey and alpha, RGB, or RGBA."""
    import numpy as np

    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels)
    filtered = np.empty((height, width * channels + 1), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(filtered.data, _LEVEL)),
            _chunk(b"IEND", b""),
        )
    )


def pixels_of(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Turn an array into height x width x channels of 8 bits.

    Args:
        array: HW, HWC or CHW with 1 to 4 channels; 8-bit or other integers from 0 to 255, floats
            from 0 to 1, or booleans. What could be both HWC and CHW is taken as HWC.

    Raises:
        InvalidInput: Its shape or its values are not those of an image.
    """
    return _bytes_of(_channels_last(array))


def _channels_last(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim == 2:
        array = array[:, :, None]
    elif array.ndim == 3 and array.shape[2] not in _COLOURS and array.shape[0] in _COLOURS:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in _COLOURS:
        raise _refused(
            f"an array of shape {array.shape} is no image: give height x width, height x width x "
            "channels or channels x height x width, with 1 to 4 channels; of a batch, one image"
        )
    if 0 in array.shape or max(array.shape) > _SIDE_MAX:
        raise _refused(f"an image of shape {array.shape} has no pixels that could be stored")
    return array


def _bytes_of(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    import numpy as np

    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    kind = array.dtype.kind
    if kind not in "iuf":
        raise _refused(f"an image cannot be made of {array.dtype}: give uint8, or floats 0 to 1")
    low, high = array.min(), array.max()
    if kind == "f":
        # Written so that NaN, which compares as false, is refused as well.
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
            raise _refused(
                f"pixels go from {low:g} to {high:g}: floats go from 0 to 1, and integers from 0 "
                "to 255; scale or convert them"
            )
        bright: npt.NDArray[Any] = np.clip(array, 0, 1) * np.float32(255)
        return (bright + np.float32(0.5)).astype(np.uint8)
    if low < 0 or high > 255:
        raise _refused(f"pixels go from {low} to {high}: integers go from 0 to 255; scale them")
    return array.astype(np.uint8)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def _refused(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
