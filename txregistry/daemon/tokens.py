"""The built-in token server that the configuration asks for."""

from __future__ import annotations

import os
import time

from twisted.internet.interfaces import IReactorTime

from txregistry.api.tokens import TokenServices
from txregistry.auth.accounts import PasswordFileAccounts
from txregistry.auth.basic import BasicAuthenticator
from txregistry.auth.door import Rules
from txregistry.auth.files import Files
from txregistry.auth.interfaces import IAuthenticator
from txregistry.auth.issued import IssuedTokenAuthenticator, Realm
from txregistry.auth.keyring import Keyring
from txregistry.auth.machinetokens import MachineTokens
from txregistry.auth.passwordfile import PasswordFile
from txregistry.auth.token import LEEWAY_SECONDS
from txregistry.auth.tokenserver import TokenServer, TokenServerSettings
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import HTTP, Configuration, Filesystem, Storage, Tokens
from txregistry.daemon.problems import AuthUnusable
from txregistry.storage import layout
from txregistry.storage.errors import StorageFailure
from txregistry.storage.filesystem.driver import FilesystemDriver
from txregistry.storage.interfaces import IStorageDriver
from txregistry.storage.smallfiles import SmallFiles

_KEYS_IN_FOLDER = "keys"


def token_services(
    configuration: Configuration,
    section: Tokens,
    passwords: IAuthenticator,
    file: PasswordFile,
    rules: Rules | None,
    driver: IStorageDriver,
    workers: IWorkers,
    clock: IReactorTime,
) -> tuple[IAuthenticator, TokenServices]:
    """The way to sign in, in place of `passwords` alone, and what the API needs.

    Blocks; raise `AuthUnusable` where the folder of the keys cannot be used.
    """
    settings = TokenServerSettings(section.issuer, section.service, section.lifetime, section.refreshlifetime)
    keep = max(section.lifetime, section.refreshlifetime) + LEEWAY_SECONDS
    keyring = Keyring(_key_files(section, configuration.storage, driver, workers), section.rotation, keep, time.time)
    machines = machine_tokens(driver)
    accounts = PasswordFileAccounts(file)
    basic = BasicAuthenticator(passwords, machines, accounts, clock)
    server = TokenServer(settings, keyring, basic, accounts, rules, time.time)
    realm = _realm(section, configuration.http)
    authenticator = IssuedTokenAuthenticator(realm, settings.access, keyring, basic, time.time)
    return authenticator, TokenServices(section.path, server, machines, accounts)


def machine_tokens(driver: IStorageDriver) -> MachineTokens:
    """The access tokens of a store."""
    return MachineTokens(SmallFiles(driver, layout.TOKENS), time.time)


def _realm(section: Tokens, http: HTTP) -> Realm:
    path = http.prefix.rstrip("/") + section.path
    url = section.realm or ("" if http.host is None else http.host + path)
    return Realm(url, path, http.tls is not None)


def prepare_keys(section: Tokens, storage: Storage) -> None:
    """Make folders for the keys that nobody but the server's user may enter. Blocks; raise `AuthUnusable`."""
    if section.keys:
        folder = os.path.join(section.keys, _KEYS_IN_FOLDER)
    elif isinstance(storage.driver, Filesystem) and not storage.maintenance.readonly:
        folder = os.path.join(storage.driver.rootdirectory, layout.TOKEN_KEYS)
    else:
        return
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
    except OSError as error:
        raise AuthUnusable(section.keys or folder, error.strerror or str(error)) from error


def _key_files(section: Tokens, storage: Storage, driver: IStorageDriver, workers: IWorkers) -> Files:
    prepare_keys(section, storage)
    if not section.keys:
        return SmallFiles(driver, layout.TOKEN_KEYS)
    try:
        return SmallFiles(FilesystemDriver(section.keys, workers), _KEYS_IN_FOLDER)
    except StorageFailure as failure:
        raise AuthUnusable(section.keys, failure.reason) from failure
