"""Media as files; what other libraries read back is the proof."""

from __future__ import annotations

import io
import math
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from mere.client.media import (
    Media,
    encode_audio,
    encode_figure,
    encode_image,
    encode_text,
    existing_file,
)
from mere.client.png import encode_png
from mere.errors import InvalidInput

COLOURS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def opened(media: Media) -> Image.Image:
    assert isinstance(media.content, bytes)
    return Image.open(io.BytesIO(media.content))


def seen(image) -> np.ndarray:
    media = encode_image(image)
    assert (media.kind, media.suffix, media.media_type) == ("image", ".png", "image/png")
    return np.asarray(opened(media))


@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9)),
    st.integers(1, 4),
)
def test_pixels_survive(plane: np.ndarray, channels: int) -> None:
    pixels = np.stack([plane + np.uint8(n) for n in range(channels)], axis=-1)
    read = np.asarray(Image.open(io.BytesIO(encode_png(pixels))))
    assert np.array_equal(read.reshape(pixels.shape), pixels)


def test_arrays_in_every_order_of_axes() -> None:
    assert np.array_equal(seen(COLOURS), COLOURS)
    assert np.array_equal(seen(COLOURS.transpose(2, 0, 1)), COLOURS)
    assert np.array_equal(seen(COLOURS[:, :, 0]), COLOURS[:, :, 0])
    assert np.array_equal(seen(COLOURS[None, :, :, 0]), COLOURS[:, :, 0])
    # Both would do: channels are last.
    assert seen(np.zeros((3, 9, 3), np.uint8)).shape == (3, 9, 3)


def test_floats_integers_and_booleans() -> None:
    grey = np.array([[0.0, 0.5], [1.0, 1.0 + 1e-9]])
    assert seen(grey).tolist() == [[0, 128], [255, 255]]
    assert seen(grey.astype(np.float16)).tolist() == [[0, 128], [255, 255]]
    assert seen(np.array([[0, 255]], dtype=np.int64)).tolist() == [[0, 255]]
    assert seen(np.array([[False, True]])).tolist() == [[0, 255]]
    assert seen([[0, 7], [8, 9]]).tolist() == [[0, 7], [8, 9]]


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.array([[0.0, 2.0]]), "pixels go from 0 to 2"),
        (np.array([[0.0, math.nan]]), "nan"),
        (np.array([[-1, 3]]), "from -1 to 3"),
        (np.array([[256]], dtype=np.uint16), "from 256 to 256"),
        (np.zeros((2, 3, 4, 3)), "of a batch, one image"),
        (np.zeros((8, 8, 7)), "1 to 4 channels"),
        (np.zeros((0, 8)), "no pixels"),
        (np.zeros(5), "shape \\(5,\\)"),
        (np.zeros((2, 2), dtype=complex), "complex128"),
        (np.array([["a"]]), "an array of numbers"),
        ([[1], [1, 2]], "cannot be made an image"),
        (object(), "an array of numbers"),
        ("missing.png", "'missing.png' is not there"),
    ],
)
def test_bad_images_say_what_is_wrong(image, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        encode_image(image)


def test_tensors_are_recognised_by_what_they_can_do() -> None:
    class Tensor:
        """Stands in for PyTorch, which is too large to install for this."""

        dtype = "torch.bfloat16"
        steps: ClassVar[list[str]] = []

        def detach(self):
            self.steps.append("detach")
            return self

        def cpu(self):
            self.steps.append("cpu")
            return self

        def float(self):
            self.steps.append("float")
            return self

        def numpy(self):
            return np.ones((3, 4, 5), np.float32)

    assert seen(Tensor()).shape == (4, 5, 3)
    assert Tensor.steps == ["detach", "cpu", "float"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pillow_images_of_every_mode(mode: str) -> None:
    image = Image.fromarray(COLOURS[:, :, 0] if mode == "I;16" else COLOURS).convert("RGB")
    given = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
    assert seen(given).shape[:2] == (4, 5)


def test_pillow_images_of_plain_numbers_are_arrays() -> None:
    assert seen(Image.fromarray(np.array([[0.0, 1.0]], np.float32))).tolist() == [[0, 255]]
    assert seen(Image.fromarray(np.array([[0, 200]], np.int32))).tolist() == [[0, 200]]
    with pytest.raises(InvalidInput, match="70000"):
        encode_image(Image.fromarray(np.array([[0, 70000]], np.int32)))


def test_a_picture_that_cannot_be_drawn() -> None:
    whole = encode_png(np.zeros((64, 64, 3), np.uint8))
    with Image.open(io.BytesIO(whole[:70])) as cut, pytest.raises(InvalidInput, match="be drawn"):
        encode_image(cut)


def test_files_are_kept_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "Cat.JPG"
    file.write_bytes(b"\xff\xd8")
    assert encode_image(str(file)) == Media(file, "image", ".jpg", "image/jpeg")
    assert encode_audio(file).content == file
    assert encode_figure(file).kind == "figure"
    assert existing_file(file).kind == "file"
    with pytest.raises(InvalidInput, match="is a folder"):
        existing_file(tmp_path)


def test_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl
    import plotly.graph_objects as go

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(2, 1), dpi=50)
    axes.plot([1, 3, 2])
    drawn = encode_figure(figure)
    assert (drawn.kind, drawn.suffix) == ("figure", ".png")
    assert opened(drawn).size == (100, 50)
    assert encode_figure(axes).content == drawn.content
    assert encode_image(figure).kind == "image"
    plt.close(figure)
    interactive = encode_figure(go.Figure(go.Scatter(y=[1, 2])))
    assert interactive.suffix == ".plotly.json"
    assert interactive.media_type == "application/vnd.plotly.v1+json"
    assert isinstance(interactive.content, bytes)
    assert b'"scatter"' in interactive.content
    with pytest.raises(InvalidInput, match="SimpleNamespace is no figure"):
        encode_figure(SimpleNamespace())


def heard(audio, rate: int = 8000) -> tuple[tuple[int, int, int], bytes]:
    media = encode_audio(audio, rate)
    assert (media.kind, media.suffix, media.media_type) == ("audio", ".wav", "audio/wav")
    assert isinstance(media.content, bytes)
    with wave.open(io.BytesIO(media.content)) as found:
        shape = (found.getnchannels(), found.getsampwidth(), found.getframerate())
        return shape, found.readframes(10_000)


def test_audio() -> None:
    shape, data = heard(np.array([0.0, 1.0, -1.0, 0.5]))
    assert shape == (1, 2, 8000)
    assert np.frombuffer(data, "<i2").tolist() == [0, 32767, -32767, 16384]
    stereo = np.array([[1, 2], [3, 4], [5, 6]], np.int16)
    assert heard(stereo) == ((2, 2, 8000), stereo.tobytes())
    assert heard(np.zeros((2, 100), np.float32))[0][0] == 2
    assert heard(np.array([7], ">i4")) == ((1, 4, 8000), b"\x07\0\0\0")
    assert heard(np.zeros(0))[1] == b""


@pytest.mark.parametrize(
    ("audio", "rate", "says"),
    [
        (np.zeros(4), None, "sample rate is None"),
        (np.zeros(4), 0, "sample rate is 0"),
        (np.zeros(4), 44.1, "sample rate is 44.1"),
        (np.array([1.5]), 8000, "reach 1.5"),
        (np.array([math.nan]), 8000, "reach nan"),
        (np.zeros(4, np.int64), 8000, "int64"),
        (np.zeros((4, 4, 4)), 8000, "no sound"),
        (np.zeros((100, 100)), 8000, "no sound"),
    ],
)
def test_bad_audio_says_what_is_wrong(audio, rate, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        encode_audio(audio, rate)


def test_text() -> None:
    assert encode_text("grüß").content == "grüß".encode()
    for bad in ("\ud800", 7, b"x"):
        with pytest.raises(InvalidInput):
            encode_text(bad)  # type: ignore[arg-type]
