"""From a configuration to a running service."""
