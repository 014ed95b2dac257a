"""Schema versions of detbench's documents, and the upgrades of older ones.

All documents share one version: run records, histories, gate rules and everything that `--json`
writes. docs/schema.md lists the words that each version changed. Readers see the current version
only, because every older document passes through this file first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from detbench.data.schema_version import (
    SCHEMA_VERSION,
    check_version,
    preprocessing_in_current_spelling,
)
from detbench.errors import InputError

Upgrades = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
"""By version: the function that returns a document of that version as one of the next."""


def upgraded_record(document: object, path: Path) -> dict[str, Any]:
    """Return the record of a run folder in the current version.

    Raises:
        InputError: It is no JSON object, or its version is missing or newer.
    """
    return _upgraded(document, _RECORD_UPGRADES, str(path))


def upgraded_history_entry(document: object, location: str) -> dict[str, Any]:
    """Return a line of a history in the current version; raises as `upgraded_record`.

    Args:
        document: The decoded line.
        location: The file and the line in it, for messages.
    """
    return _upgraded(document, _UNCHANGED, location)


def upgraded_gate_result(document: object, path: Path) -> dict[str, Any]:
    """Return what `detbench gate --json` wrote, in the current version.

    Raises as `upgraded_record`.
    """
    return _upgraded(document, _UNCHANGED, str(path))


def upgraded_rules(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return gate rules in the current version, without their version.

    Version 1 had no `schema_version`, so rules without one are of any version. They may use the
    words of both.

    Raises:
        InputError: The version is newer, or not a version.
    """
    versioned = {"schema_version": 1, **document}
    upgraded = _upgraded(versioned, {1: _rules_of_version_2}, str(path))
    return {key: value for key, value in upgraded.items() if key != "schema_version"}


def upgraded_model_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's settings, as stored with detections of any version, in the current one."""
    upgraded = _renamed(
        settings, {"broken_pictures": "broken_images", "picture_notes": "image_notes"}
    )
    preprocessing = upgraded.get("preprocessing")
    if isinstance(preprocessing, Mapping):
        upgraded["preprocessing"] = preprocessing_in_current_spelling(preprocessing)
    decoder = upgraded.get("decoder")
    if isinstance(decoder, Mapping):
        upgraded["decoder"] = _renamed(decoder, {"centre": "center"})
    return upgraded


def _upgraded(document: object, upgrades: Upgrades, location: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InputError(location, "is not a JSON object", fix="write it again")
    version = check_version(document.get("schema_version"), SCHEMA_VERSION, location)
    for older in range(version, SCHEMA_VERSION):
        document = upgrades[older](document) | {"schema_version": older + 1}
    return document


def _record_of_version_2(record: dict[str, Any]) -> dict[str, Any]:
    """Rename words in the latencies, the suspicions and the model's settings.

    `options.passed` keeps the option names of the version that wrote it: it quotes a command.
    """
    upgraded = dict(record)
    latency = record.get("latency")
    if isinstance(latency, list):
        upgraded["latency"] = [_latency_of_version_2(entry) for entry in latency]
    evaluations = record.get("evaluations")
    if isinstance(evaluations, list):
        upgraded["evaluations"] = [_evaluation_of_version_2(entry) for entry in evaluations]
    match record.get("options"):
        case {"effective": {"model": dict(settings), **effective}, **options}:
            effective["model"] = upgraded_model_settings(settings)
            upgraded["options"] = {**options, "effective": effective}
    return upgraded


def _evaluation_of_version_2(entry: Any) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get("suspicions"), list):
        return entry
    suspicions = [
        {**each, "id": "box-normalized"}
        if isinstance(each, dict) and each.get("id") == "box-normalised"
        else each
        for each in entry["suspicions"]
    ]
    return {**entry, "suspicions": suspicions}


def _latency_of_version_2(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    upgraded = _renamed(entry, {"pictures_per_sample": "images_per_sample"})
    if isinstance(upgraded.get("machine"), list):
        upgraded["machine"] = [_machine_of_version_2(state) for state in upgraded["machine"]]
    return upgraded


def _machine_of_version_2(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    upgraded = _renamed(state, {"outside_cores": "background_load_cores"})
    if isinstance(upgraded.get("gpu"), dict):
        upgraded["gpu"] = _renamed(upgraded["gpu"], {"utilisation": "utilization"})
    return upgraded


def _rules_of_version_2(document: dict[str, Any]) -> dict[str, Any]:
    rules = document.get("rule")
    if not isinstance(rules, list):
        return document
    upgraded = [
        _renamed(rule, {"prove": "non_inferiority"}) if isinstance(rule, dict) else rule
        for rule in rules
    ]
    return {**document, "rule": upgraded}


def _renamed(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy with renamed keys, in the same order; a key that has its new name stays."""
    return {
        names.get(key, key): value
        for key, value in document.items()
        if names.get(key) not in document
    }


_RECORD_UPGRADES: Upgrades = {1: _record_of_version_2}
_UNCHANGED: Upgrades = {1: dict}
"""Documents whose words version 2 did not change."""
