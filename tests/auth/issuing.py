"""A registry with a built-in token server over a store in memory, for tests: its parts, and what clients show."""

from __future__ import annotations

from pathlib import Path

from tests.api.client import Answer, Client
from tests.auth.files import SignIn, basic_header, entry
from tests.config.documents import configured
from tests.registry.world import World
from txregistry.api.guard import Guard
from txregistry.api.tokens import TokenServices
from txregistry.auth.accounts import PasswordFileAccounts
from txregistry.auth.basic import BasicAuthenticator
from txregistry.auth.door import Door
from txregistry.auth.issued import IssuedTokenAuthenticator, Realm
from txregistry.auth.keyring import Keyring
from txregistry.auth.machinetokens import MachineTokens
from txregistry.auth.passwordfile import PasswordFile
from txregistry.auth.rules import AccessRules
from txregistry.auth.tokenserver import TokenServer, TokenServerSettings
from txregistry.storage import layout
from txregistry.storage.memory import MemoryDriver
from txregistry.storage.smallfiles import SmallFiles

NOW = 1_800_000_000.0
LIFETIME, REFRESH, ROTATION = 300.0, 86400.0, 3600.0
USERS = ("alice", "bob", "root")
RULES = """{
  admins: {users: [root]},
  repositories: {
    library/**: {anonymous: [pull], users: {alice: [push]}},
    secret/**: {users: {alice: [push, delete], bob: [pull]}}}}"""


class Replica:
    """One server. Those over the same `driver` are replicas; a user's password is the name with `-secret` behind it."""

    def __init__(self, folder: Path, driver: MemoryDriver | None = None, rules: str | None = RULES) -> None:
        folder.mkdir(exist_ok=True)
        self.sign_in = SignIn(folder, "".join(entry(user, f"{user}-secret") for user in USERS))
        self.clock = self.sign_in.clock
        self.world = World()
        self.driver = driver or MemoryDriver()
        self.clock_offset = NOW - self.clock.seconds()
        access = None if rules is None else configured(f"txregistry: {{access: {' '.join(rules.split())}}}").txregistry
        self.rules = None if access is None or access.access is None else AccessRules(access.access)
        settings = TokenServerSettings("issuer", "the service", LIFETIME, REFRESH)
        self.keyring = Keyring(SmallFiles(self.driver, layout.TOKEN_KEYS), ROTATION, REFRESH + 60, self.now)
        self.machines = MachineTokens(SmallFiles(self.driver, layout.TOKENS), self.now)
        self.accounts = PasswordFileAccounts(
            PasswordFile(str(self.sign_in.path), self.sign_in.workers, self.clock, lambda: int(self.now() * 1e9))
        )
        basic = BasicAuthenticator(self.sign_in.authenticator, self.machines, self.accounts, self.clock)
        self.server = TokenServer(settings, self.keyring, basic, self.accounts, self.rules, self.now)
        realm = Realm("", "/auth/token", True)
        authenticator = IssuedTokenAuthenticator(realm, settings.access, self.keyring, basic, self.now)
        self.services = TokenServices("/auth/token", self.server, self.machines, self.accounts)
        self.client = Client(
            self.world,
            guard=Guard(read_only=False, deletes=True, door=Door(authenticator, self.rules)),
            tokens=self.services,
        )

    def now(self) -> float:
        return self.clock.seconds() + self.clock_offset

    def __call__(self, authorization: str, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """With the Authorization header, or none where it is empty."""
        if authorization:
            headers["authorization"] = authorization
        return self.client(method, target, body, host="registry.example", **headers)

    def token(self, authorization: str, *scopes: str) -> str:
        """An access token as the header that shows it."""
        query = "".join(f"&scope={scope}" for scope in scopes)
        answer = self(authorization, "GET", f"/auth/token?service=the%20service{query}")
        assert answer.status == 200, answer.body
        return f"Bearer {answer.document['token']}"


def password(user: str) -> str:
    return basic_header(f"{user}:{user}-secret".encode())
