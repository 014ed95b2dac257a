"""Counting: how many class names a model has, as messages print it."""

from __future__ import annotations

from detbench.wording import plural


def there(names: int) -> str:
    """Return the end of a sentence that begins with `there`: `are 3 class names`."""
    return f"{'is' if names == 1 else 'are'} {plural(names, 'class name')}"
