"""Who may do what with which keys, read and written down without a single secret."""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from activities.parts.aws_client import code_of
from schemas.evidence import Gap


def snapshot(
    client: Callable[[str], Any], principals: Sequence[str], secrets: Sequence[str]
) -> tuple[dict[str, Any], list[Gap]]:
    """Return the state of IAM users and of secrets' stages, and what could not be had; blocking.

    One name that is refused spoils nobody else's evidence; all of them refused is an error.
    """
    iam, store = client("iam"), client("secretsmanager")
    gaps: list[Gap] = []
    refused: list[ClientError] = []

    def each(what: str, names: Sequence[str], look: Callable[[str], Any]) -> dict[str, Any]:
        found = {}
        for name in names:
            try:
                found[name] = look(name)
            except ClientError as error:
                if (error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 500) >= 500:
                    raise
                gaps.append(Gap(name=f"{what} {name}", reason=code_of(error)))
                refused.append(error)
        return found

    state = {
        "principals": each("identity of", principals, lambda name: _principal(iam, name)),
        "secrets": each(
            "stages of",
            secrets,
            lambda name: store.describe_secret(SecretId=name)["VersionIdsToStages"],
        ),
    }
    if refused and not any(state.values()):
        raise refused[0]
    return state, gaps


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
