"""A handler for API Gateway that answers with its event."""

import base64
import json


def handler(event, context):
    headers = {name.lower(): value for name, value in event["headers"].items()}
    if headers.get("x-mode") == "raise":
        raise ValueError("as told")
    if headers.get("x-mode") == "nonsense":
        return ["no", "proxy", "answer"]
    if headers.get("x-mode") == "object":
        return {"statusCode": 200, "body": {"not": "a text"}}
    return {
        "statusCode": 201,
        "headers": {"x-own": "yes", "x-many": "0"},
        "multiValueHeaders": {"x-many": ["1", "2"]},
        "body": base64.b64encode(json.dumps(event).encode()).decode(),
        "isBase64Encoded": True,
    }
