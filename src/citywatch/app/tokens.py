"""Access tokens: made here, shown once, kept as digests only."""

from __future__ import annotations

import secrets

from citywatch.api.roles import Role, digest_of
from citywatch.errors import ConfigurationError
from citywatch.ports import Clock, Store

PREFIX = "cw_"
FIRST = "first"
MAX_NAME_CHARACTERS = 64
DEMONSTRATION_TOKENS = {"demonstration-scales": "ingest", "demonstration-crew": "crew"}


def make_token(store: Store, name: str, role: str, clock: Clock, team: str = "") -> str:
    """A new token, known to the store by its digest. A crew's may be that of one team."""
    if role not in set(Role):
        raise ConfigurationError(f"role {role!r} is not known; choose one of {', '.join(Role)}")
    if not name.strip() or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise ConfigurationError(
            f"token: a name is 1 to {MAX_NAME_CHARACTERS} printable characters; the audit shows it"
        )
    if team and (role != Role.CREW or len(team) > MAX_NAME_CHARACTERS or not team.isprintable()):
        raise ConfigurationError(f"--team: only a crew has one, of at most {MAX_NAME_CHARACTERS} printable characters")
    token = PREFIX + secrets.token_urlsafe(32)
    store.add_token(name=name, role=role, digest=digest_of(token), at_ns=clock.now_ns(), team=team)
    return token


def first_token(store: Store, clock: Clock) -> str | None:
    """The first token of a new store; None when it has had any."""
    return None if store.tokens() else make_token(store, FIRST, "admin", clock)


def keep_token(store: Store, name: str, role: str, token: str, clock: Clock) -> None:
    """Make a token that was made elsewhere known under a name, unless it is already."""
    digest = digest_of(token)
    if store.token(digest) is None and all(row["name"] != name for row in store.tokens()):
        store.add_token(name=name, role=role, digest=digest, at_ns=clock.now_ns())
