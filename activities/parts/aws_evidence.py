"""Who may do what with which keys, read and written down without a single secret."""

from collections.abc import Callable, Sequence
from typing import Any


def snapshot(
    client: Callable[[str], Any], principals: Sequence[str], secrets: Sequence[str]
) -> dict[str, Any]:
    """Return the state of IAM users and of secrets' stages; blocking."""
    iam, store = client("iam"), client("secretsmanager")
    return {
        "principals": {name: _principal(iam, name) for name in principals},
        "secrets": {
            name: store.describe_secret(SecretId=name)["VersionIdsToStages"] for name in secrets
        },
    }


def _principal(iam: Any, name: str) -> dict[str, Any]:
    inline = iam.list_user_policies(UserName=name)["PolicyNames"]
    keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    return {
        "arn": iam.get_user(UserName=name)["User"]["Arn"],
        "keys": [
            {
                "key_id": key["AccessKeyId"],
                "status": key["Status"],
                "created_at": key["CreateDate"],
                "last_used": iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])[
                    "AccessKeyLastUsed"
                ],
            }
            for key in keys
        ],
        "inline_policies": {
            policy: iam.get_user_policy(UserName=name, PolicyName=policy)["PolicyDocument"]
            for policy in inline
        },
        "attached_policies": iam.list_attached_user_policies(UserName=name)["AttachedPolicies"],
        "groups": [group["Arn"] for group in iam.list_groups_for_user(UserName=name)["Groups"]],
        "tags": iam.list_user_tags(UserName=name)["Tags"],
    }
