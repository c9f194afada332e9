"""Functions as people write them, each with the witness somewhere in its answer: SHAPE says which one this is."""

import base64
import gzip
import json
import os

from tenantcheck.lab.witness_handler import arrived, witness


def _json(event, answer):
    if "requestContext" not in event:
        return answer
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}


def _encoded(body, kind="application/json"):
    return {
        "statusCode": 200,
        "headers": {"content-type": kind},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def graphql(event, context):
    body = json.loads(event.get("body") or "{}")
    if "witness" not in body.get("query", ""):
        return _json(event, {"errors": [{"message": "no such field"}], "data": None})
    nonce = body["variables"]["nonce"]
    arrival = arrived({"tenantcheckNonce": nonce})
    return _json(event, {"data": {"me": {"name": "x"}, "serving": witness(arrival, context)}})


def json_rpc(event, context):
    return _json(event, {"jsonrpc": "2.0", "id": 1, "result": witness(arrived(event), context)})


def event_stream(event, context):
    told = json.dumps(witness(arrived(event), context))
    body = f': hello\r\nevent: ping\r\ndata: {{"ok": true}}\r\n\r\nid: 2\r\ndata: {told}\r\n\r\ndata: "end"\r\n\r\n'
    return {"statusCode": 200, "headers": {"content-type": "text/event-stream"}, "body": body}


def gzip_in_base64(event, context):
    return _encoded(gzip.compress(json.dumps(witness(arrived(event), context)).encode()))


def base64_left_on(event, context):
    """As a REST API hands it on that knows no binary media types."""
    body = gzip.compress(json.dumps(witness(arrived(event), context)).encode())
    return {"statusCode": 200, "body": base64.b64encode(body).decode()}


def byte_order_mark(event, context):
    return {"statusCode": 200, "body": "\ufeff" + json.dumps(witness(arrived(event), context))}


def utf_16(event, context):
    return _encoded(json.dumps(witness(arrived(event), context)).encode("utf-16"))


def multi_value_headers(event, context):
    sent = {name: values for name, values in event["multiValueHeaders"].items() if name.lower() != "host"}
    answer = witness(arrived({"multiValueHeaders": sent, "requestContext": {}}), context)
    return {
        "statusCode": 200,
        "multiValueHeaders": {"set-cookie": ["a=1", "b=2"], "content-type": ["application/json"]},
        "body": json.dumps({"result": answer}),
    }


_warm = False


def warming_up(event, context):
    """The first answer of each environment is an error."""
    global _warm
    if not _warm:
        _warm = True
        return {"statusCode": 500, "body": '{"message": "warming up"}'}
    return _json(event, witness(arrived(event), context))


def powertools(event, context):
    return _powertools().resolve(event, context)


def mangum(event, context):
    return _mangum()(event, context)


def _powertools():
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver
    from aws_lambda_powertools.utilities.parser import parse
    from aws_lambda_powertools.utilities.parser.models import APIGatewayProxyEventModel

    app = APIGatewayRestResolver()

    def answer():
        parse(event=app.current_event.raw_event, model=APIGatewayProxyEventModel)  # strict: raises for what it misses
        return {"data": witness(arrived(app.current_event.raw_event), app.lambda_context)}

    for path in ("/", "/witness"):
        app.route(path, method=["GET", "POST"])(answer)
    return app


def _mangum():
    from mangum import Mangum

    async def app(scope, receive, send):
        nonce = dict(scope["headers"]).get(b"x-tenantcheck-nonce", b"").decode()
        arrival = arrived({"tenantcheckNonce": nonce})
        body = json.dumps(witness(arrival, scope["aws.context"])).encode()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": body})

    return Mangum(app, lifespan="off")


def handler(event, context):
    return globals()[os.environ["SHAPE"]](event, context)
