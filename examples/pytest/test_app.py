from app import app


def test_tenants_are_kept_apart(tenantcheck):
    checks = ("replayed-response", "wrong-tenant", "foreign-residue")
    tenantcheck.probe("/profile", app=app, tenants=["acme", "globex"], plan="quick", need="no-breach", only=checks)
