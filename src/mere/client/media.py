"""Media as training code holds them, turned into files: images, figures, audio, text.

Nothing is imported here that the caller has not imported already: an object is recognised by what
it can do. Arrays need NumPy alone (PNG and WAV are written here), so that logging a picture works
in the leanest image. Everything is converted in the call, as the next line of the training loop
may change the object. Tables, histograms and dictionaries are in `mere.client.documents`.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mere.client.png import encode_png, pixels_of
from mere.entities.artifact import ArtifactKind, media_type_of
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Media",
    "array_of",
    "encode_audio",
    "encode_figure",
    "encode_image",
    "encode_text",
    "existing_file",
]

PLOTLY = "application/vnd.plotly.v1+json"
_CHANNELS_MAX = 32
_SAMPLES = frozenset({("i", 2), ("i", 4), ("u", 1)})
_RATE_MAX = 2**32 - 1
_PNG_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_NUMBER_MODES = frozenset({"I", "F"})


class Media(msgspec.Struct, frozen=True):
    """A file to be stored.

    Args:
        content: Its bytes, or where it lies.
        kind: What it is.
        suffix: The ending its name should have, with the dot.
        media_type: Its media type, where known.
    """

    content: bytes | Path
    kind: str
    suffix: str
    media_type: str | None


def encode_image(image: Any) -> Media:
    """An image as PNG, or a file as it is.

    Args:
        image: A Pillow image; an array or tensor (height x width, with channels last or first;
            uint8, other integers from 0 to 255, floats from 0 to 1, booleans); a matplotlib
            figure; or the path of a file.

    Raises:
        InvalidInput: It is none of these, or holds other values.
    """
    if isinstance(image, str | os.PathLike):
        return existing_file(image, ArtifactKind.IMAGE)
    if hasattr(image, "savefig"):
        return _png(_saved(image.savefig, format="png"))
    if hasattr(image, "save") and hasattr(image, "mode") and image.mode not in _NUMBER_MODES:
        return _png(_saved(_save_pillow, image=image))
    return _png(encode_png(pixels_of(array_of(image, "an image"))))


def encode_figure(figure: Any) -> Media:
    """A matplotlib figure as PNG, a plotly figure as its JSON, or a file as it is.

    Raises:
        InvalidInput: It is none of these.
    """
    if isinstance(figure, str | os.PathLike):
        return existing_file(figure, ArtifactKind.FIGURE)
    if hasattr(figure, "to_plotly_json"):
        text: str = figure.to_json()
        return Media(text.encode(), ArtifactKind.FIGURE, ".plotly.json", PLOTLY)
    # An axis, or what seaborn gives, knows its figure.
    owner = figure if hasattr(figure, "savefig") else getattr(figure, "figure", None)
    if not hasattr(owner, "savefig"):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"a {type(figure).__name__} is no figure: give one of matplotlib or plotly, or a file",
        )
    assert owner is not None
    return Media(_saved(owner.savefig, format="png"), ArtifactKind.FIGURE, ".png", "image/png")


def encode_audio(audio: Any, rate: int | None = None) -> Media:
    """Sound as WAV, or a file as it is.

    Args:
        audio: An array or tensor of samples, or of samples x channels (or the other way round,
            where that is clear): floats from -1 to 1 become 16 bits, int16, int32 and uint8 stay
            what they are. Or the path of a file.
        rate: Samples a second; needed for arrays.

    Raises:
        InvalidInput: It is none of these, or holds other values.
    """
    if isinstance(audio, str | os.PathLike):
        return existing_file(audio, ArtifactKind.AUDIO)
    if not isinstance(rate, int) or not 0 < rate <= _RATE_MAX:
        raise _refused(f"the sample rate is {rate!r}: give the samples a second, such as 44_100")
    samples = _samples_of(array_of(audio, "audio"))
    return Media(_wav(samples, rate), ArtifactKind.AUDIO, ".wav", "audio/wav")


def encode_text(text: str) -> Media:
    """Text as UTF-8.

    Raises:
        InvalidInput: It is no text, or none that can be encoded.
    """
    if not isinstance(text, str):
        raise _refused(f"a {type(text).__name__} is no text: pass a string")
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise _refused("the text holds half a surrogate pair: decode it properly") from error
    return Media(data, ArtifactKind.TEXT, ".txt", "text/plain")


def existing_file(path: str | os.PathLike[str], kind: str = ArtifactKind.FILE) -> Media:
    """A file that is there already, to be stored as it is.

    Raises:
        InvalidInput: There is no such file.
    """
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is not there, or is no regular file"
        raise _refused(f"{str(file)!r} {what}: give the path of a file")
    return Media(file, kind, file.suffix.lower(), media_type_of(file.name))


def array_of(value: Any, what: str) -> npt.NDArray[Any]:
    """A NumPy array of an array, a tensor on whatever device, or nested lists.

    Raises:
        InvalidInput: It holds no numbers.
    """
    import numpy as np

    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            # NumPy has no such type.
            value = value.float() if "bfloat16" in str(value.dtype) else value
            value = value.numpy()
        array: npt.NDArray[Any] = np.asarray(value)
    except Exception as error:
        # Foreign conversions raise whatever they like; it is the value that is wrong.
        raise _refused(f"a {type(value).__name__} cannot be made {what}: {error}") from error
    if array.dtype.kind not in "biuf":
        raise _refused(
            f"a {type(value).__name__} of {array.dtype} is not {what}: give an array of numbers, "
            "or the path of a file"
        )
    return array


def _samples_of(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Samples x channels in a type that WAV has."""
    import numpy as np

    if array.ndim == 1:
        array = array[:, None]
    elif array.ndim == 2 and array.shape[0] <= _CHANNELS_MAX < array.shape[1]:
        array = array.T
    if array.ndim != 2 or not 0 < array.shape[1] <= _CHANNELS_MAX:
        raise _refused(
            f"an array of shape {array.shape} is no sound: give samples, or samples x channels "
            f"with at most {_CHANNELS_MAX} channels"
        )
    if array.dtype.kind != "f":
        if (array.dtype.kind, array.dtype.itemsize) not in _SAMPLES:
            raise _refused(f"samples are {array.dtype}: give int16, int32, uint8 or floats")
        return array
    peak = np.abs(array).max() if array.size else 0.0
    # Written so that NaN is refused as well.
    if not peak <= 1:
        raise _refused(f"samples reach {peak:g}: floats go from -1 to 1; divide them by the peak")
    return np.rint(array * np.float32(32767)).astype(np.int16)


def _wav(samples: npt.NDArray[Any], rate: int) -> bytes:
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(samples.dtype.itemsize)
        out.setframerate(rate)
        out.writeframes(samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    return buffer.getvalue()


def _save_pillow(buffer: io.BytesIO, image: Any) -> None:
    fit = image if image.mode in _PNG_MODES else image.convert("RGB")
    fit.save(buffer, format="PNG")


def _saved(save: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        save(buffer, **options)
    except Exception as error:
        # What a foreign library raises for a picture it cannot draw tells of the picture.
        raise _refused(f"the picture could not be drawn: {error}") from error
    return buffer.getvalue()


def _png(data: bytes) -> Media:
    return Media(data, ArtifactKind.IMAGE, ".png", "image/png")


def _refused(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
