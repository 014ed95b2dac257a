"""Sources: where the fresh copies of models come from that a measurement times."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from detbench.bench.latency.images import EncodedImage
from detbench.bench.latency.local_model import LocalModel, load_model
from detbench.bench.latency.model_specs import ModelSpec
from detbench.bench.latency.processes.model_process import ModelProcess
from detbench.bench.latency.result import Turns
from detbench.bench.latency.timed_model import ModelSource, TimedModel
from detbench.errors import DetbenchWarning


@dataclass(frozen=True)
class ProcessSource:
    """Starts a model in a new process each time; its processes warn of the same thing once."""

    spec: ModelSpec
    images: Sequence[EncodedImage]
    warned: set[str] = field(default_factory=set)
    """Messages of the warnings so far; sources of one measurement may share them."""

    @property
    def name(self) -> str:
        """The model's."""
        return self.spec.name

    def start(self) -> TimedModel:
        """Start a process and load the model there; see `ModelSource`."""
        model = ModelProcess(self.spec, self.images)
        new = [message for message in model.warnings if message not in self.warned]
        self.warned.update(new)
        try:
            for message in new:
                warnings.warn(message, DetbenchWarning, stacklevel=2)
        except DetbenchWarning:  # warnings are errors here
            model.close()
            raise
        return model


@dataclass(frozen=True)
class LocalSource:
    """Loads a model into this process each time."""

    spec: ModelSpec
    images: Sequence[EncodedImage]

    @property
    def name(self) -> str:
        """The model's."""
        return self.spec.name

    def start(self) -> TimedModel:
        """Load the model here; see `ModelSource`."""
        return load_model(self.spec, self.images)


@dataclass(frozen=True)
class LoadedSource:
    """A model that is loaded in this process already, and stays so."""

    model: LocalModel
    """One that does not close its detector."""

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    def start(self) -> TimedModel:
        """Return the model; see `ModelSource`."""
        return self.model


def model_sources(
    specs: Sequence[ModelSpec], images: Sequence[EncodedImage], turns: Turns | None = None
) -> list[ModelSource]:
    """Return a source for each spec.

    Args:
        specs: Of the models.
        images: Queries rotate over these.
        turns: `in_process` loads all models into this process; others start processes.
    """
    if turns == "in_process":
        return [LocalSource(spec, images) for spec in specs]
    warned: set[str] = set()
    return [ProcessSource(spec, images, warned) for spec in specs]
