"""The txregistry command."""
