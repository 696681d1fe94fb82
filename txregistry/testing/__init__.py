"""Contracts and fakes for authors of storage drivers."""
