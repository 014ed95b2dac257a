"""Integrations: doors for other tools."""
