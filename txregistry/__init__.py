"""A container registry on Twisted and Klein."""
