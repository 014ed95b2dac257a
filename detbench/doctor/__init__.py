"""Doctor: finds what silently ruins an evaluation, and proves it by counting or by scoring again under another reading."""
