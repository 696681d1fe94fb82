"""The specification's words as values: digests, names, descriptors, manifests; no Twisted, no I/O."""
