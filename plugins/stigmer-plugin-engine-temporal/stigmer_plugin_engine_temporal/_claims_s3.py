"""Large values as objects of a bucket, on S3 or what speaks like it. Credentials come from the environment only."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from stigmer_core.errors import InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKER = "store-id"
_RUN = "run-"
_KEPT_LATELY_SECONDS = 600  # an object that is younger is not written again
_AT_ONCE = 16


class S3Claims:
    """Keeps values under `<prefix>/run-<run id>/<digest>`."""

    def __init__(self, bucket: Any, store_id: str, *, made: bool) -> None:
        self.id, self.made = store_id, made
        self._bucket = bucket

    @classmethod
    async def open(cls, url: str, *, endpoint: str, make: bool) -> S3Claims:
        """Return the store at `s3://bucket/prefix`; `make` is whether it may be made.

        Raises:
            InvalidArgumentError: the extra `s3` is not installed, or the URL names no bucket.
            UnavailableError: there is none, or it cannot be reached.
        """
        import obstore  # noqa: PLC0415 - the extra `s3`

        bucket = _bucket(url, endpoint)
        with _reached(url):
            try:
                found = await obstore.get_async(bucket, _MARKER)
            except FileNotFoundError:
                if not make:
                    raise UnavailableError(f"no server keeps values in {url} yet") from None
                store_id = secrets.token_hex(8)
                await obstore.put_async(bucket, _MARKER, store_id.encode())
                return cls(bucket, store_id, made=True)
            return cls(bucket, bytes(await found.bytes_async()).decode(), made=False)

    async def put(self, run_id: str, digest: str, content: bytes) -> None:
        """Keep a value."""
        import obstore  # noqa: PLC0415 - the extra `s3`

        path = f"{_of(run_id)}/{digest}"
        with _reached(path):
            try:
                there = await obstore.head_async(self._bucket, path)
            except FileNotFoundError:
                there = None
            if there is None or _age(there) > _KEPT_LATELY_SECONDS or there["size"] != len(content):
                await obstore.put_async(self._bucket, path, content)

    async def get(self, run_id: str, digest: str) -> bytes | None:
        """Return a value, None when it is not there."""
        import obstore  # noqa: PLC0415 - the extra `s3`

        path = f"{_of(run_id)}/{digest}"
        with _reached(path):
            try:
                found = await obstore.get_async(self._bucket, path)
            except FileNotFoundError:
                return None
            return bytes(await found.bytes_async())

    async def runs(self) -> list[str]:
        """Return the runs that have values."""
        import obstore  # noqa: PLC0415 - the extra `s3`

        with _reached("the list of runs"):
            found = await obstore.list_with_delimiter_async(self._bucket)
        names = [str(name).rstrip("/").rpartition("/")[2] for name in found["common_prefixes"]]
        return [unquote(name.removeprefix(_RUN)) for name in names if name.startswith(_RUN)]

    async def unused_seconds(self, run_id: str) -> float:
        """Return how long ago the last value of a run was kept."""
        return min((_age(one) for one in await self._objects(run_id)), default=0.0)

    async def remove(self, run_id: str, unused_seconds: float) -> bool:
        """Remove the values of a run, unless one was kept since."""
        import obstore  # noqa: PLC0415 - the extra `s3`

        found = await self._objects(run_id)
        if any(_age(one) < unused_seconds for one in found):
            return False
        with _reached(_of(run_id)):
            for start in range(0, len(found), _AT_ONCE):
                paths = [one["path"] for one in found[start : start + _AT_ONCE]]
                await asyncio.gather(*(obstore.delete_async(self._bucket, path) for path in paths))
        return True

    async def _objects(self, run_id: str) -> list[Any]:
        import obstore  # noqa: PLC0415 - the extra `s3`

        with _reached(_of(run_id)):
            return [one async for some in obstore.list(self._bucket, prefix=f"{_of(run_id)}/") for one in some]


def _bucket(url: str, endpoint: str) -> Any:
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - the extra `s3`
    except ImportError as error:
        raise InvalidArgumentError(
            f"values are to be kept in {url}: pip install 'stigmer-plugin-engine-temporal[s3]'"
        ) from error
    parts = urlsplit(url)
    if not parts.netloc:
        raise InvalidArgumentError(f"temporal_claims names no bucket: {url!r}; it is s3://bucket/prefix, or a folder")
    options: Any = {"timeout": timedelta(seconds=60), "connect_timeout": timedelta(seconds=3)}
    if endpoint.startswith("http://"):
        options["allow_http"] = True
    given: Any = {"endpoint": endpoint} if endpoint else {}
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options=options,
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=5)},
        **given,
    )


def _of(run_id: str) -> str:
    return f"{_RUN}{quote(run_id, safe='')}"


def _age(found: Any) -> float:
    return float((datetime.now(UTC) - found["last_modified"]).total_seconds())


@contextmanager
def _reached(what: str) -> Iterator[None]:
    from obstore.exceptions import BaseError  # noqa: PLC0415 - the extra `s3`

    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise UnavailableError(f"{what} cannot be reached: {str(error).partition(chr(10))[0]}") from error
