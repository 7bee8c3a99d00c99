"""A kind's message is made from a few words, with the API's envelope, and a bad one is refused."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from stigmer_core import resource_message
from stigmer_core.errors import PluginError


def test_the_message_has_the_envelope_and_the_spec():
    """Scalars, lists and free-form objects, read from JSON as any resource."""
    message = resource_message("made.v1.Parcel", weight=float, labels=list[str], extra=dict, count=int, fragile=bool)
    document = {
        "apiVersion": "made/v1",
        "metadata": {"name": "p1"},
        "spec": {"weight": 1.5, "labels": ["a"], "extra": {"k": [1.0]}, "count": "7", "fragile": True},
    }

    parsed = json_format.ParseDict(document, message())

    assert json_format.MessageToDict(parsed) == document
    assert {"audit"} <= set(message.DESCRIPTOR.fields_by_name["status"].message_type.fields_by_name)


def test_making_the_same_message_twice_gives_the_same_class():
    """A plugin that is loaded again finds its own message."""
    assert resource_message("made.v1.Box", size=int) is resource_message("made.v1.Box", size=int)


def test_another_message_of_the_same_name_is_refused():
    """Whose it is cannot be decided, so the second plugin fails and the first is whole."""
    resource_message("made.v1.Crate", size=int)

    with pytest.raises(PluginError, match=r"made\.v1\.Crate cannot be made"):
        resource_message("made.v1.Crate", size=str)


def test_an_unknown_type_is_refused_by_name():
    """The field and the type are named."""
    with pytest.raises(PluginError, match=r"PalletSpec\.size cannot have the type"):
        resource_message("made.v1.Pallet", size=complex)
