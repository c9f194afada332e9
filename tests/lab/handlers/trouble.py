"""A handler that does what it is told, for tests of the lab."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path


def fail(how):
    if how == "raise deep":
        fail(how)
    raise ValueError("as told " * (50_000 if how == "raise long" else 1))


def handler(event, context):
    match event.get("do"):
        case "raise" | "raise long" | "raise deep":
            fail(event["do"])
        case "exit":
            sys.exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(event["seconds"])
        case "large":
            return "x" * (7 << 20)
        case "environ":
            return dict(os.environ)
        case "write":
            (Path(tempfile.gettempdir()) / "note").write_text("here")
        case "print":
            print("said by the handler")
        case "context":
            return {"client": str(context.client_context.custom), "arn": context.invoked_function_arn}
    return {
        "pid": os.getpid(),
        "note": (Path(tempfile.gettempdir()) / "note").exists(),
        "stream": context.log_stream_name,
        "tenant": context.tenant_id,
    }
