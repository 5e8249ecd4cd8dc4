"""Objects in a bucket that speaks S3, through obstore.

Put-if-absent is a PUT with ``If-None-Match: *``. obstore's own retry is off: a retried PUT cannot
tell its own object from another's, and ours, in `RetryingStore`, can.

Large files go up in parts, and there obstore's retry is on: each part is tried again by itself, so
that a store that fails now and then takes a file of any size. There is no condition on the last
request of such an upload; the key is looked at before, and each such object carries its digest in
its metadata, by which an upload whose last reply was lost finds itself again in one request.

An object is renewed by a copy onto itself, which moves no bytes to us and cannot put back what was
replaced meanwhile. S3 allows it only with new metadata, and obstore sends one header with it, so
the digest is lost: whoever puts the same large file later has it compared byte by byte.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import obstore
from obstore import exceptions as foreign
from obstore.store import S3Store as _Bucket

from mere.config import S3Config
from mere.errors import (
    AlreadyExists,
    CorruptData,
    ErrorCode,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from mere.lake.objects.forks import check_not_forked, mark_used
from mere.lake.objects.keys import check_key, check_prefix
from mere.lake.objects.source import PIECE_BYTES, read_pieces
from mere.lake.objects.store import ObjectInfo

__all__ = ["S3Store"]

_CONNECT_TIMEOUT_S = 5
_STALL_TIMEOUT_S = 30
_TIMEOUT_STEPS = ((4 << 20, 30), (64 << 20, 300), (None, 1800))
"""Up to how many bytes a request may carry, and the seconds it may take; the last has no limit."""

_LIST_CHUNK = 1000
_SINGLE_BYTES_MAX = 8 << 20
"""A file up to this size goes up in one request."""

_PARTS_MAX = 10_000
"""S3 takes no more of one upload."""

_PARTS_AT_ONCE = 4
_PART_RETRIES = 12
_PART_RETRY_TIMEOUT = timedelta(minutes=5)
_BACKOFF = {
    "init_backoff": timedelta(milliseconds=50),
    "max_backoff": timedelta(seconds=5),
    "base": 2,
}
_DIGEST = "mere-sha256"
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"(?:<Code>|\(code: )(\w+)")
_FULL_CODES = frozenset({"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"})
_RETRY_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "NoSuchUpload"})
_RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class S3Store:
    """A prefix of a bucket behind the eight verbs.

    Args:
        url: ``s3://bucket/prefix``, taken as it stands: nothing in it is percent-encoded.
        config: Where the service is and with which credentials.

    Raises:
        InvalidInput: The URL names no bucket, or the prefix is no key.
    """

    def __init__(self, url: str, config: S3Config) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        prefix = prefix.rstrip("/")
        if not url.startswith("s3://") or not bucket:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{url!r} names no bucket; write s3://bucket/prefix",
            )
        if prefix:
            check_key(prefix)
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._config = config

    @property
    def url(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str) -> bytes:
        check_key(key)
        with self._calling(key):
            return obstore.get(self._reader, self._prefix + key).bytes().to_bytes()

    def get_range(self, key: str, start: int, end: int) -> bytes:
        check_key(key)
        if not 0 <= start <= end:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"bad range {start} to {end} of {key!r}",
                key=key,
            )
        if start == end:
            self.head(key)  # S3 has no empty range, yet a missing object must be told
            return b""
        try:
            with self._calling(key):
                path = self._prefix + key
                return obstore.get_range(self._reader, path, start=start, end=end).to_bytes()
        except _BeyondEnd:
            return b""

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        check_key(key)
        with self._calling(key):
            obstore.put(
                self._writer(len(data)),
                self._prefix + key,
                data,
                mode="overwrite" if overwrite else "create",
                use_multipart=False,
            )
        return False

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        check_key(key)
        if size <= _SINGLE_BYTES_MAX:
            pieces = list(read_pieces(path, size=size, digest=digest, piece_bytes=size + 1))
            self.put(key, pieces[0] if pieces else b"")
            if on_position is not None:
                on_position(size)
            return False
        there = self._digest_at(key)
        if there is None:
            pieces_to_send = read_pieces(path, size=size, digest=digest, on_position=on_position)
            try:
                self._put_parts(key, pieces_to_send, size, digest)
                return False
            except Unavailable:
                there = self._digest_at(key)
                if there != digest:
                    raise
        elif there != digest:
            raise AlreadyExists(
                ErrorCode.OBJECT_EXISTS, f"{self.url}/{key} is there already", key=key
            )
        return True

    def renew(self, key: str) -> None:
        path = self._prefix + check_key(key)
        try:
            with self._calling(key):
                obstore.copy(self._renewer, path, path, overwrite=False)
        except InvalidInput:  # above 5 GB, or by a service that copies nothing onto itself
            self._send_again(key)

    def _send_again(self, key: str) -> None:
        """Renew an object by way of this machine, in bounded memory."""
        size = self.head(key).size
        if size <= _SINGLE_BYTES_MAX:
            self.put(key, self.get(key), overwrite=True)
            return
        digest = self._digest_at(key)
        with self._calling(key):
            # Closed at its end only: what is not closed is not there.
            writer = obstore.open_writer(
                self._patient,
                self._prefix + key,
                attributes={_DIGEST: digest} if digest else {},
                buffer_size=_part_bytes(size),
                max_concurrency=_PARTS_AT_ONCE,
            )
            for at in range(0, size, PIECE_BYTES):
                writer.write(self.get_range(key, at, min(at + PIECE_BYTES, size)))
            writer.close()

    def delete(self, keys: Iterable[str]) -> None:
        paths = [self._prefix + check_key(key) for key in keys]
        if paths:
            with self._calling("", is_delete=True):
                obstore.delete(self._writer(0), paths)

    def list(
        self,
        prefix: str,
        *,
        start_after: str = "",
        known: Mapping[str, ObjectInfo] | None = None,  # noqa: ARG002  to list all is as quick
    ) -> list[ObjectInfo]:
        # obstore lists whole folders only, so the rest of the prefix is compared here.
        folder = (self._prefix + check_prefix(prefix)).rpartition("/")[0]
        offset = self._prefix + start_after if start_after else None
        skip = len(self._prefix)
        found = []
        with self._calling(prefix, is_listing=True):
            stream = obstore.list(
                self._reader, folder or None, offset=offset, chunk_size=_LIST_CHUNK
            )
            for chunk in stream:
                for meta in chunk:
                    key = meta["path"][skip:]
                    if key and key.startswith(prefix) and key > start_after:
                        modified_us = _to_us(meta["last_modified"])
                        found.append(ObjectInfo(key, meta["size"], modified_us))
        found.sort(key=lambda info: info.key)
        return found

    def head(self, key: str) -> ObjectInfo:
        check_key(key)
        with self._calling(key):
            meta = obstore.head(self._reader, self._prefix + key)
            return ObjectInfo(key, meta["size"], _to_us(meta["last_modified"]))

    def signed_url(self, key: str, *, expires_s: int) -> str:
        """An address at which anybody who has it can read an object for a while."""
        check_key(key)
        with self._calling(key):
            expires = timedelta(seconds=expires_s)
            return obstore.sign(self._reader, "GET", self._prefix + key, expires)

    def _put_parts(self, key: str, pieces: Iterator[bytes], size: int, digest: str) -> None:
        with self._calling(key):
            obstore.put(
                self._patient,
                self._prefix + key,
                pieces,
                attributes={_DIGEST: digest},
                use_multipart=True,
                chunk_size=_part_bytes(size),
                max_concurrency=_PARTS_AT_ONCE,
            )

    def _digest_at(self, key: str) -> str | None:
        """The digest in the metadata of the object at a key, "" without one; None if it is free."""
        try:
            with self._calling(key):
                answer = obstore.get(self._patient, self._prefix + key, options={"head": True})
                return str(answer.attributes.get(_DIGEST, ""))
        except NotFound:
            return None

    @functools.cached_property
    def _patient(self) -> _Bucket:
        """For uploads in parts: every request is tried again by itself."""
        retry = {
            "max_retries": _PART_RETRIES,
            "retry_timeout": _PART_RETRY_TIMEOUT,
            "backoff": _BACKOFF,
        }
        return self._connect(_TIMEOUT_STEPS[1][1], {}, retry)

    @functools.cached_property
    def _renewer(self) -> _Bucket:
        """For copies, each of which carries the one header that lets it go onto itself."""
        header = {"copy_if_not_exists": "header: x-amz-metadata-directive: REPLACE"}
        return self._connect(_TIMEOUT_STEPS[1][1], {}, settings=header)

    @functools.cached_property
    def _reader(self) -> _Bucket:
        """For what may be long but never stands still: gets, heads and listings."""
        return self._connect(_TIMEOUT_STEPS[-1][1], {"read_timeout": f"{_STALL_TIMEOUT_S}s"})

    @functools.cached_property
    def _writers(self) -> dict[int, _Bucket]:
        return {}

    def _writer(self, size: int) -> _Bucket:
        """For puts: nothing comes back while the content goes out, so only time can be limited."""
        timeout_s = next(s for limit, s in _TIMEOUT_STEPS if limit is None or size <= limit)
        if timeout_s not in self._writers:
            self._writers[timeout_s] = self._connect(timeout_s, {})
        return self._writers[timeout_s]

    def _connect(
        self,
        timeout_s: int,
        options: dict[str, Any],
        retry: dict[str, Any] | None = None,
        settings: dict[str, str] | None = None,
    ) -> _Bucket:
        config = self._config
        client: dict[str, Any] = {
            "timeout": f"{timeout_s}s",
            "connect_timeout": f"{_CONNECT_TIMEOUT_S}s",
            "allow_http": (config.endpoint or "").startswith("http://"),
            **options,
        }
        if config.ca_bundle and not client["allow_http"]:
            client["root_certificate"] = Path(config.ca_bundle).read_bytes()
        given = {
            "endpoint": config.endpoint,
            "access_key_id": config.access_key_id,
            "secret_access_key": config.secret_access_key,
            "session_token": config.session_token,
            **(settings or {}),
        }
        return _Bucket(
            bucket=self._bucket,
            region=config.region,
            virtual_hosted_style_request=config.is_virtual_hosted,
            client_options=client,  # type: ignore[arg-type]  # a TypedDict built in steps
            retry_config=retry  # type: ignore[arg-type]  # a TypedDict too
            or {"max_retries": 0, "retry_timeout": timedelta(seconds=timeout_s)},
            **{name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        )

    @contextlib.contextmanager
    def _calling(
        self, key: str, *, is_delete: bool = False, is_listing: bool = False
    ) -> Iterator[None]:
        """Guard one call of obstore, and turn what it raises into our errors."""
        check_not_forked(self.url)
        mark_used()
        try:
            yield
        except MereError:  # of the iterator that obstore reads a file from
            raise
        except FileNotFoundError as exc:
            if is_delete and "NoSuchBucket" not in str(exc):
                return
            raise self._translate(exc, key) from exc
        except foreign.InvalidPathError as exc:
            if not is_listing:
                raise self._translate(exc, key) from exc
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"below {self.url}/{key} lies an object of a name that mere never gives: "
                f"{_headline(exc)}; remove or rename it",
                url=self.url,
            ) from exc
        except (foreign.BaseError, OSError, ValueError) as exc:
            raise self._translate(exc, key) from exc

    def _translate(self, exc: Exception, key: str) -> MereError:
        """Find the error of ours that tells the caller what to do.

        obstore has kinds of exceptions for some answers to some verbs; the HTTP status and S3's
        own code in the text are there for all of them.
        """
        text, url, headline = str(exc), f"{self.url}/{key}", _headline(exc)
        codes = set(_CODE.findall(text))
        status = int(found[1]) if (found := _STATUS.search(text)) else None
        if isinstance(exc, ValueError):
            return InvalidInput(ErrorCode.INVALID_VALUE, f"{url}: {headline}", url=url)
        if isinstance(exc, foreign.AlreadyExistsError):
            return AlreadyExists(ErrorCode.OBJECT_EXISTS, f"{url} is there already", key=key)
        if codes & _FULL_CODES or status == HTTPStatus.INSUFFICIENT_STORAGE:
            return Unavailable(ErrorCode.STORE_FULL, f"no room for {url}: {headline}", url=url)
        if codes & _RETRY_CODES or status in _RETRY_STATUSES:
            return Unavailable(ErrorCode.STORE_UNAVAILABLE, f"{url}: {headline}", url=url)
        if status == HTTPStatus.NOT_FOUND or isinstance(exc, FileNotFoundError):
            missing = f"bucket {self._bucket!r}; create it" if "NoSuchBucket" in codes else url
            return NotFound(ErrorCode.OBJECT_NOT_FOUND, f"there is no {missing}", key=key)
        if status == HTTPStatus.FORBIDDEN or "AccessDenied" in codes:
            reason = ", ".join(sorted(codes)) or "forbidden"
            return PermissionDenied(
                ErrorCode.ACCESS_DENIED,
                f"no access to {url} ({reason}); check AWS_ACCESS_KEY_ID and what it may do",
                url=url,
            )
        if status == HTTPStatus.UNAUTHORIZED:
            return Unauthenticated(
                ErrorCode.SIGN_IN_REQUIRED,
                f"{url} asks for credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                url=url,
            )
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _BeyondEnd(ErrorCode.INVALID_VALUE, f"range beyond the end of {url}", key=key)
        if "redirect" in headline:
            return InvalidInput(
                ErrorCode.UNSUPPORTED_STORE,
                f"{url} lies in another region; set AWS_REGION to the bucket's ({headline})",
                url=url,
            )
        if status is None:  # no answer at all: refused, reset, timed out
            return Unavailable(ErrorCode.STORE_UNAVAILABLE, f"{url}: {headline}", url=url)
        return InvalidInput(ErrorCode.UNSUPPORTED_STORE, f"{url}: {headline}", url=url)


class _BeyondEnd(InvalidInput):
    """A range that begins at or after the object's end."""


def _part_bytes(size: int) -> int:
    """How large the parts of an upload are, so that they are not too many."""
    return max(PIECE_BYTES, -(-size // (_PARTS_MAX - 1)))


def _headline(exc: Exception) -> str:
    """The first line of obstore's message, without the XML body and the debug dump."""
    return str(exc).split("\n", 1)[0].split(": <?xml", 1)[0].rstrip(" :")


def _to_us(moment: datetime) -> int:
    """Microseconds since the epoch, in whole numbers all the way."""
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
