"""Sends generated requests over a channel, remembers what answers contain, and counts codes and faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError
from hostile_filling import Filler, Pool
from hostile_seeds import ARCHIVES, DSL, TASK_KINDS, first_tries, seeds, task_seeds
from hostile_wire import damaged, raw

AT_ONCE = 64
SOWN_EVERY = 32 * AT_ONCE
CALL_SECONDS, STREAM_SECONDS, STREAM_MESSAGES = 60.0, 0.03, 3
KEPT_REQUESTS = 30
LONG_WORD, AROUND = 8, 200
RARELY = ("delete", "Delete", "RotateKeys", "deleteOrgOAuthApp")
FAULTS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)
# Words of the implementation, which the generator does not write by itself. Answers contain random bytes, in which
# only the long ones mean something.
INNER_WORDS = (
    *("Traceback", "stigmer_core.", "stigmer_plugin_", "apsw.", "sqlite", "SQLite", "KeyError", "site-packages", ".py"),
    *(" object at 0x", "NoneType", "<class", "_pb2", "Exception", "ValueError", "TypeError", "RecursionError"),
)


@dataclass
class Tally:
    """What came of the traffic: codes by path, and what must not have been, with the request."""

    codes: dict = field(default_factory=lambda: defaultdict(Counter))
    faults: list = field(default_factory=list)
    slowest: dict = field(default_factory=lambda: defaultdict(float))

    def total(self):
        """Return how often each code was answered."""
        return sum(self.codes.values(), Counter())

    def never(self, *codes):
        """Return the paths that never answered with one of the codes."""
        return [path for path, counts in sorted(self.codes.items()) if not any(counts[code] for code in codes)]


class Traffic:
    """Random requests to the methods of an installation.

    Args:
        channel: to it, in process or over a socket.
        methods: what is served, by path.
        kinds: what is stored.
        secrets: texts that no answer may contain, such as the path of the home.
        skipped: paths that are not called.
        metadata: sent along with every call.
        first_round: numbers the valid requests; those of round 0 must be taken.
    """

    def __init__(self, channel, methods, kinds, rng, *, secrets=(), skipped=(), metadata=None, first_round=0):
        self.tally = Tally()
        self.pool = Pool(kinds)
        self.pool.archives += ARCHIVES
        self.pool.documents += [DSL, *(body for _, _, body in seeds() if "kind" in body)]
        self._channel = channel
        self._metadata = metadata
        self._methods = {path: one for path, one in methods.items() if path not in skipped}
        self._paths = sorted(self._methods)
        self._weights = [0.3 if path.rpartition("/")[2] in RARELY else 1.0 for path in self._paths]
        self._rng = rng
        self._filler = Filler(rng, self.pool)
        self._rounds = first_round
        self._taken = defaultdict(lambda: deque(maxlen=KEPT_REQUESTS))
        self._secrets = (*INNER_WORDS, *secrets)

    async def sow(self):
        """Send valid requests of each sort; the first time, raise the error of one that must be taken."""
        ids, tolerated = {}, (grpc.aio.AioRpcError,) if self._rounds else ()
        for label, path, body in seeds(self._rounds):
            with contextlib.suppress(*tolerated):
                answer = await self._sown(path, body, ids)
                about = getattr(answer, "metadata", None) or getattr(answer, "document", None)
                ids[label] = getattr(about, "id", "") or getattr(answer, "storage_key", "")
        registry = await self._sown(TASK_KINDS, {}, ids)
        for path, body in [*first_tries(), *task_seeds(registry)]:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await self._sown(path, body, ids)
        self._rounds += 1

    async def _sown(self, path, body, ids):
        text = json.dumps(body)
        for label, known in ids.items():
            text = text.replace(f"<{label}>", known)
        request = json_format.Parse(text, self._methods[path].request_type()).SerializeToString()
        self._taken[path].append(request)
        code, details, answers, seconds = await self._call(path, request)
        self._note(path, request, (code, details, answers, seconds))
        if code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)
        return self._methods[path].response_type.FromString(answers[0])

    async def send(self, count):
        """Send so many requests, some at a time, with valid ones before the first and in between; return the tally."""
        for start in range(0, count, AT_ONCE):
            if start % SOWN_EVERY == 0:
                await self.sow()
            many = min(AT_ONCE, count - start)
            requests = [(path, self._request(path)) for path in self._rng.choices(self._paths, self._weights, k=many)]
            answers = await asyncio.gather(*(self._call(path, body) for path, body in requests))
            for (path, body), answer in zip(requests, answers, strict=True):
                self._note(path, body, answer)
        return self.tally

    def _request(self, path):
        method, rng = self._methods[path], self._rng
        package = path[1:].rpartition("/")[0].rpartition(".")[0]
        roll = rng.random()
        if roll < 0.05:
            return raw(rng)
        if roll < 0.35 or not self._taken[path]:
            odd = 0.02 if rng.random() < 0.7 else 0.3
            body = _serialized(self._filler.filled(method.request_type, package, odd))
        elif roll < 0.8:
            message = method.request_type.FromString(rng.choice(self._taken[path]))
            self._filler.change(message, package, 0.5 if rng.random() < 0.6 else 0.05)
            body = _serialized(message)
        else:
            body = rng.choice(self._taken[path])
        return damaged(rng, body, self._taken[path]) if rng.random() < 0.2 else body

    async def _call(self, path, body):
        started = time.perf_counter()
        try:
            if self._methods[path].streaming:
                answers = await self._read(path, body)
            else:
                answers = [await self._channel.unary_unary(path)(body, timeout=CALL_SECONDS, metadata=self._metadata)]
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or "", [], time.perf_counter() - started
        silent = self._methods[path].streaming and not answers
        code = grpc.StatusCode.DEADLINE_EXCEEDED if silent else grpc.StatusCode.OK
        return code, "nothing to say yet" if silent else "", answers, time.perf_counter() - started

    async def _read(self, path, body):
        call, answers = self._channel.unary_stream(path)(body, metadata=self._metadata), []
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                async for answer in call:
                    answers.append(answer)
                    if len(answers) == STREAM_MESSAGES:
                        break
        except TimeoutError:
            pass
        finally:
            call.cancel()
        return answers

    def _note(self, path, body, answer):
        code, text, answers, seconds = answer
        self.tally.codes[path][code.name] += 1
        self.tally.slowest[path] = max(self.tally.slowest[path], seconds)
        streaming = self._methods[path].streaming
        if code in FAULTS or (code is grpc.StatusCode.DEADLINE_EXCEEDED and not streaming):
            self._fault(path, body, code.name, text)
        if code is not grpc.StatusCode.OK and not text:
            self._fault(path, body, code.name, "without a text")
        answered = b"".join(answers).decode("utf-8", "replace")
        for word in self._secrets:
            said = text if len(word) < LONG_WORD else text + answered
            if (place := said.find(word)) >= 0:
                self._fault(path, body, code.name, f"{word!r} in {said[max(place - AROUND, 0) : place + AROUND]!r}")
        if code is grpc.StatusCode.OK:
            self._learn(path, body, answers)

    def _learn(self, path, body, answers):
        self._taken[path].append(body)
        for answer in answers:
            try:
                self.pool.take(self._methods[path].response_type.FromString(answer))
            except DecodeError:
                self._fault(path, body, "OK", "an answer that cannot be decoded")

    def _fault(self, path, body, code, text):
        self.tally.faults.append((path, code, text, body[:200].hex(), len(body)))


def _serialized(message):
    """Return the bytes of a message; nothing when it is nested too deep to have any."""
    try:
        return message.SerializeToString()
    except EncodeError:
        return b""
