"""For authors of storage drivers: the contract that a driver has to keep, as tests to inherit."""
