"""The contract of `IStorageDriver`, as a class of tests that a driver's author inherits.

    class TestMyDriver(DriverContract):
        def make_driver(self, folder):
            return MyDriver(str(folder), InlineWorkers())

Name the subclass `Test…` in a test module, and pytest runs every test of the contract.
"""

from __future__ import annotations

from txregistry.testing.contract_files import FileContract
from txregistry.testing.contract_folders import FolderContract
from txregistry.testing.contract_locks import LockContract
from txregistry.testing.contract_paths import PathContract
from txregistry.testing.contract_readers import ReaderContract
from txregistry.testing.contract_writers import WriterContract

__all__ = ["DriverContract"]


class DriverContract(FileContract, FolderContract, PathContract, ReaderContract, WriterContract, LockContract):
    """All of it. Give `make_driver`; override `wait` and `settle` where results come only from a running reactor."""
