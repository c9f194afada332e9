"""A small service that keeps what it looked up. The tenant has to be in the key."""

from fastapi import FastAPI, Request

app = FastAPI()
cache = {}


@app.get("/profile")
async def profile(request: Request):
    tenant = request.headers["x-tenant-id"]
    nonce = request.headers.get("x-tenantcheck-nonce", "")
    key = (tenant, nonce)  # without the tenant here, one tenant is given what another one asked for
    if key not in cache:
        cache[key] = {"tenantId": tenant, "nonce": nonce}
    return cache[key]
