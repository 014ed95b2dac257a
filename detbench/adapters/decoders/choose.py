"""Chooses the decoder of a model by the shapes of its outputs and its number of class names."""

from __future__ import annotations

from collections.abc import Mapping

from detbench.adapters.decoders.decoder import UNKNOWN, Decoder, OutputShapes
from detbench.errors import DetbenchError
from detbench.wording import plural

UNNAMED_CLASSES = 80
"""Without names a model can only be COCO's, so a layout that gives it 80 classes is right."""


def choose_decoder(
    decoders: Mapping[str, Decoder], shapes: OutputShapes, class_count: int | None
) -> tuple[Decoder, int]:
    """Return the only decoder whose layout the shapes match, and its number of classes.

    The number is UNKNOWN if the shapes do not hold it.

    Args:
        decoders: the decoders to choose from, by name.
        shapes: of the model's outputs.
        class_count: number of class names, None without names.

    Raises:
        DetbenchError: if no decoder or several match, or if the number of classes differs from
            the number of names.
    """
    # 1. Which layouts match for certain?
    matches = {name: decoder.match_layout(shapes) for name, decoder in decoders.items()}
    class_counts = {
        name: match.class_count
        for name, match in matches.items()
        if match is not None and match.certain
    }
    if not class_counts:
        layouts = "\n".join(f"  {name}: {decoder.layout}" for name, decoder in decoders.items())
        raise DetbenchError(
            f"no decoder matches outputs {shapes} of an input {shapes.input_text}; "
            f"choose one with decoder= among\n{layouts}"
        )

    # 2. Of these, which hold as many classes as there are names?
    expected = UNNAMED_CLASSES if class_count is None else class_count
    agreeing = {name: count for name, count in class_counts.items() if count in (UNKNOWN, expected)}
    if not agreeing and class_count is not None:
        raise DetbenchError(
            f"outputs {shapes} hold {_alternatives(class_counts)}, "
            f"but there {plural_names(class_count)}"
        )

    # 3. Only one may be left.
    remaining = agreeing or class_counts
    if len(remaining) > 1:
        options = "decoder= or names=" if class_count is None else "decoder="
        raise DetbenchError(
            f"outputs {shapes} of an input {shapes.input_text} may be {_alternatives(remaining)}; "
            f"choose with {options}"
        )
    name, count = remaining.popitem()
    return decoders[name], count


def check_decoder(decoder: Decoder, shapes: OutputShapes, class_count: int | None) -> int:
    """Return the number of classes that a decoder chosen by name finds in the shapes.

    Raises DetbenchError if the shapes do not match its layout, or the number of names differs.
    """
    match = decoder.match_layout(shapes)
    if match is None:
        raise DetbenchError(
            f"decoder {decoder.name} cannot read outputs {shapes} of an input {shapes.input_text}; "
            f"it reads {decoder.layout}"
        )
    if class_count is not None and match.class_count not in (UNKNOWN, class_count):
        raise DetbenchError(
            f"outputs {shapes} hold {plural(match.class_count, 'class')} for decoder "
            f"{decoder.name}, but there {plural_names(class_count)}"
        )
    return match.class_count


def plural_names(count: int) -> str:
    """Return the end of a sentence that begins with `there`: `are 3 class names`."""
    return f"{'is' if count == 1 else 'are'} {plural(count, 'class name')}"


def _alternatives(class_counts: Mapping[str, int]) -> str:
    texts = [
        f"{name} ({plural(count, 'class') if count else 'any number of classes'})"
        for name, count in class_counts.items()
    ]
    return " or ".join(texts)
