"""Table of all published protocols: name → rules."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from detbench.errors import DetbenchError
from detbench.metrics.protocols.coco import COCO
from detbench.metrics.protocols.protocol import Protocol
from detbench.metrics.protocols.voc import VOC2007, VOC2012

PROTOCOLS = {
    "coco": COCO,
    "voc2007": VOC2007,
    "voc2012": VOC2012,
}


_NOT_IMPLEMENTED = {
    "lvis": "LVIS annotations state for each image which classes were checked, and the rules for "
    "that are not implemented yet; score them as plain COCO with --protocol coco "
    '(protocol="coco" in Python), whose AP is not that of LVIS',
}
"""Protocols of datasets that can be read but not scored, and what to do."""


def protocol_named(name: str) -> Protocol:
    """Return a published protocol.

    Raises:
        DetbenchError: there is no protocol of this name.
    """
    if name in _NOT_IMPLEMENTED:
        raise DetbenchError(_NOT_IMPLEMENTED[name])
    if name not in PROTOCOLS:
        raise DetbenchError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def changed_switches(protocol: Protocol) -> dict[str, Any]:
    """Return the switches that differ from the published protocol of the same name.

    Measures are no switch: they choose what is shown. Empty for a published protocol itself and for
    protocols whose name is not published.
    """
    published = PROTOCOLS.get(protocol.name, protocol)
    switches = [field.name for field in fields(protocol) if field.name not in {"name", "measures"}]
    return {
        switch: getattr(protocol, switch)
        for switch in switches
        if getattr(protocol, switch) != getattr(published, switch)
    }
