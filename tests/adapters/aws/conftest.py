"""A real local AWS endpoint, started once; users and a secret of its own for every test."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from activities.credentials_aws import Connection, CredentialsAws
from hemostat.drill.range.exfiltration.cloud import Cloud, start_cloud, wait_cloud
from hemostat.processes import free_port
from hemostat.vault import Vault

READS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sts:*"], "Resource": "*"}],
}


@dataclass
class Account:
    """A principal with one key that its service takes from a secret."""

    cloud: Cloud
    principal: str
    secret: str
    key_id: str
    key_secret: str

    def keys(self) -> dict[str, str]:
        rows = self.cloud.client("iam").list_access_keys(UserName=self.principal)
        return {row["AccessKeyId"]: row["Status"] for row in rows["AccessKeyMetadata"]}

    def stages(self) -> dict[str, list[str]]:
        store = self.cloud.client("secretsmanager")
        found: dict[str, list[str]] = store.describe_secret(SecretId=self.secret)[
            "VersionIdsToStages"
        ]
        return found

    def current(self) -> dict[str, str]:
        store = self.cloud.client("secretsmanager")
        held: dict[str, str] = json.loads(
            store.get_secret_value(SecretId=self.secret)["SecretString"]
        )
        return held

    def lists(self, key_id: str, secret: str, token: str | None = None) -> bool:
        """Whether the bucket can be listed with this credential, as anyone outside would."""
        client = self.cloud.client("s3", key_id, secret, token)
        try:
            client.list_objects_v2(Bucket="documents")
        except client.exceptions.ClientError:
            return False
        return True

    def session(self) -> dict[str, str]:
        made: Any = self.cloud.client("sts", self.key_id, self.key_secret).get_session_token()
        return {
            "access_key_id": made["Credentials"]["AccessKeyId"],
            "secret_access_key": made["Credentials"]["SecretAccessKey"],
            "session_token": made["Credentials"]["SessionToken"],
        }


@pytest.fixture(scope="session")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    state = tmp_path_factory.mktemp("cloud")
    child, running = await start_cloud(state, free_port(), {})
    async with child:
        await wait_cloud(child, running)
        running.client("s3").create_bucket(Bucket="documents")
        yield running


@pytest.fixture
def account(cloud: Cloud) -> Account:
    name = f"p-{uuid.uuid4().hex[:8]}"
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=json.dumps(READS))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    content = {
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
    }
    cloud.client("secretsmanager").create_secret(
        Name=f"{name}/store", SecretString=json.dumps(content)
    )
    return Account(cloud, name, f"{name}/store", key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def connection(cloud: Cloud, tmp_path: Path, account: Account) -> Connection:
    for name, value in (("id", cloud.key_id), ("secret", cloud.secret)):
        (tmp_path / name).write_text(value)
    (tmp_path / "witness").write_text(json.dumps({**account.session(), "bucket": "documents"}))
    return Connection(
        adapter="credentials_aws",
        access_key_id=f"file:{tmp_path / 'id'}",
        secret_access_key=f"file:{tmp_path / 'secret'}",
        endpoint_url=cloud.url,
        witnesses={account.principal: f"file:{tmp_path / 'witness'}"},
    )


@pytest.fixture
async def adapter(connection: Connection, tmp_path: Path) -> AsyncIterator[CredentialsAws]:
    made = CredentialsAws(connection, Vault(tmp_path / "vault"))
    yield made
    await made.aclose()
