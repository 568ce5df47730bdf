"""The first ``hemostat.toml``, written by ``hemostat up`` where there is none.

It takes alerts from one Alertmanager with a token made here (file mode 0600), and knows no
service yet: what arrives becomes a triage incident. People prove who they are from the beginning:
the gateway's key is made here as well.
"""

import os
import secrets
from pathlib import Path

from hemostat.keys import create_key
from schemas.errors import ConfigurationError

_FIRST = """\
# Written by `hemostat up`. `hemostat check` says what is wrong with it, line by line.

[hemostat]
state = "{state}"

[gateway]
port = {port}

# An Alertmanager posts to http://127.0.0.1:{port}/alerts/alertmanager
# with `authorization: {{ credentials_file: {token} }}` in its http_config.
[sources.alertmanager]
kind = "alertmanager"
token = "file:{token}"

# People sign in at http://127.0.0.1:{port}/login, and what they say is signed with this key.
[identity]
key = "file:{key}"

# Which alert starts which playbook for which service, for example:
#
# [[routes]]
# source = "alertmanager"
# match = {{ alertname = "FeedbackPoisoningSuspected" }}
# playbook = "feedback-poisoning"
# service = "sentiment-api"
#
# [services.sentiment-api]
# playbooks = ["feedback-poisoning"]
# connections = {{ gateway = "edge" }}
#
# [connections.edge]
# adapter = "gateway_caddy"
"""


def write_first_settings(file: Path, port: int = 8787, state: str = "var") -> None:
    """Write *file*, and the token and the key it names; those that exist are kept."""
    token, key = f"{state}/secrets/alertmanager-token", f"{state}/secrets/gateway-key.pem"
    folder = file.absolute().parent
    try:
        (folder / state).mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_secret(folder / token)
        if not (folder / key).exists():
            create_key(folder / key)
        text = _FIRST.format(port=port, state=state, token=token, key=key)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:
        raise ConfigurationError(
            f"the first settings cannot be written ({error.strerror})",
            where=str(file),
            next_step="choose a folder that can be written to, or name a file with --config.",
        ) from error


def _write_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8") as secret:
        secret.write(secrets.token_urlsafe(32) + "\n")
