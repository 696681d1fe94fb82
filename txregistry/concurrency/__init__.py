"""How work leaves the reactor, and how it is kept from being cut short."""
