"""Counting: numbers with their words, as messages say them."""

from __future__ import annotations


def counted(number: int, word: str) -> str:
    """Return `1 class`, `2 classes`, `3 pictures`."""
    return f"{number:,} {word}" + ("" if number == 1 else "es" if word.endswith("s") else "s")


def there(names: int) -> str:
    """Return how many class names there are, as the end of a sentence that begins with `there`."""
    return f"{'is' if names == 1 else 'are'} {counted(names, 'class name')}"
