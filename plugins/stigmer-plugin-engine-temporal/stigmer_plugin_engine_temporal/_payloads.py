"""How values are written into Temporal's histories: JSON whose objects keep the order of their members, encrypted.

A large one is kept beside its history, see `_claims.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
)

from stigmer_core.program_json import text
from stigmer_plugin_engine_temporal._claims import external_storage
from stigmer_plugin_engine_temporal._codec import APART, EncryptionCodec
from stigmer_plugin_engine_temporal._lost import LostValues
from stigmer_plugin_engine_temporal._wire import Written

if TYPE_CHECKING:
    from stigmer_plugin_engine_temporal._claims import ClaimStore
    from stigmer_plugin_engine_temporal._keys import Keys


class OrderedJson(EncodingPayloadConverter):
    """Writes and reads JSON; the SDK's own sorts the members of objects, and programs can see their order."""

    @property
    def encoding(self) -> str:
        """The name of the format, which is Temporal's for JSON."""
        return "json/plain"

    def to_payload(self, value: Any) -> Payload:
        """Return a value as a payload."""
        written = value.text if isinstance(value, Written) else text(value)
        metadata = {"encoding": b"json/plain"}
        if isinstance(value, Written) and value.apart:
            metadata[APART] = b"1"
        return Payload(metadata=metadata, data=written.encode("utf-8", "surrogatepass"))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:  # noqa: ARG002 - JSON is untyped
        """Return the value of a payload."""
        return json.loads(payload.data.decode("utf-8", "surrogatepass"))


class Converter(CompositePayloadConverter):
    """The converter of the engine's clients and workers."""

    def __init__(self) -> None:
        super().__init__(BinaryNullPayloadConverter(), BinaryPlainPayloadConverter(), OrderedJson(), LostValues())


def data_converter(keys: Keys | None, claims: ClaimStore | None) -> DataConverter:
    """Return how the engine's clients and workers write values; without keys in the clear."""
    return DataConverter(
        payload_converter_class=Converter,
        payload_codec=EncryptionCodec(keys) if keys is not None else None,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,  # messages are values too
        external_storage=external_storage(claims) if claims is not None else None,
    )
