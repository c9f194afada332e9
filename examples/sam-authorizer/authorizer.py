"""Token authorizer: the bearer token says which tenant a caller is, and nothing else does."""

import functools
import hmac
import json
import os


@functools.cache
def tenants_by_token():
    import boto3

    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["TOKENS_SECRET"])
    return json.loads(secret["SecretString"])


def handler(event, context):
    token = event.get("authorizationToken", "").removeprefix("Bearer ")
    for known, tenant in tenants_by_token().items():
        if hmac.compare_digest(known.encode(), token.encode()):
            return policy(tenant, event["methodArn"])
    raise Exception("Unauthorized")  # API Gateway answers 401 to exactly this message


def policy(tenant, method_arn):
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": method_arn}
    return {
        "principalId": tenant,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenantId": tenant},
    }
