"""pyiceberg's file interface over our object store, so that every request goes one way."""

from __future__ import annotations

import io
from types import TracebackType

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from mere.errors import CorruptData, ErrorCode
from mere.lake.objects.store import ObjectStore

__all__ = ["StoreIO"]


class StoreIO(FileIO):
    """Files at ``location + "/" + key``, kept in a store under their key."""

    def __init__(self, store: ObjectStore, location: str) -> None:
        super().__init__()
        self._store = store
        self._prefix = location + "/"

    def key(self, location: str) -> str:
        """The key of a path.

        Raises:
            CorruptData: The path lies outside the warehouse.
        """
        if not location.startswith(self._prefix):
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"path {location} lies outside the warehouse {self._prefix}",
                path=location,
            )
        return location[len(self._prefix) :]

    def new_input(self, location: str) -> InputFile:
        return _Input(self._store, location, self.key(location))

    def new_output(self, location: str) -> OutputFile:
        return _Output(self._store, location, self.key(location))

    def delete(self, location: str | InputFile | OutputFile) -> None:
        path = location if isinstance(location, str) else location.location
        self._store.delete([self.key(path)])


class _Input(InputFile):
    def __init__(self, store: ObjectStore, location: str, key: str) -> None:
        super().__init__(location)
        self._store, self._key = store, key

    def __len__(self) -> int:
        return self._store.head(self._key).size

    def exists(self) -> bool:
        return bool(self._store.list(self._key))

    def open(self, seekable: bool = True) -> InputStream:  # noqa: FBT001, FBT002, ARG002 - pyiceberg's signature
        return io.BytesIO(self._store.get(self._key))


class _Output(OutputFile):
    def __init__(self, store: ObjectStore, location: str, key: str) -> None:
        super().__init__(location)
        self._store, self._key = store, key
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def exists(self) -> bool:
        return bool(self._store.list(self._key))

    def to_input_file(self) -> InputFile:
        return _Input(self._store, self.location, self._key)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: FBT001, FBT002, ARG002 - pyiceberg's signature
        return _Stream(self)

    def put(self, data: bytes) -> None:
        """Store the whole content."""
        self._store.put(self._key, data)
        self._size = len(data)


class _Stream(io.BytesIO):
    """Gathers what is written and puts it when closed, unless an error ended the writing."""

    def __init__(self, output: _Output) -> None:
        super().__init__()
        self._output = output

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            super().close()

    def close(self) -> None:
        if not self.closed:
            self._output.put(self.getvalue())
        super().close()
