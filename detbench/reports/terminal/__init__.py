"""Terminal: tables and lines for people at a terminal, with rich."""
