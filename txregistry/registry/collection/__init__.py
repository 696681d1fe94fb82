"""Removing what nobody needs, while others push and pull."""
