"""A handler as anybody writes one: it answers with nothing that tells environments apart."""


def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": '{"ok": true}'}
