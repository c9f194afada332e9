"""Tenants: what the option takes, what files may say, and errors that never name a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantcheck.errors import UsageError
from tenantcheck.run.plan import TenantList, id_problem, parse_tenants
from tenantcheck.run.plan.tenants import ID_PATTERN


def from_file(text: str | bytes, name: str = "t.toml") -> TenantList:
    return parse_tenants(f"@{name}", {name: text if isinstance(text, bytes) else text.encode()})


def test_a_number_is_a_count_of_fresh_ids() -> None:
    tenants = parse_tenants("4").tenants()
    assert len({tenant.id for tenant in tenants}) == 4
    assert all(tenant.fresh and len(tenant.id) == 16 for tenant in tenants)


def test_names() -> None:
    assert [tenant.id for tenant in parse_tenants("acme,globex").tenants()] == ["acme", "globex"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("1", "1 tenant: isolation needs at least two"),
        ("0", "0 tenants"),
        ("201", "at most 200"),
        ("acme", "1 tenant:"),
        ("acme,acme", "id 2: the same id as id 1"),
        ("acme,", "id 2: this tenant id can't be sent: it is empty"),
        ("acme,b\r\nc", r"id 2: this tenant id can't be sent: '\r' is not allowed"),
        ("acme,bé", "id 2: this tenant id can't be sent: 'é' is not allowed"),
        ("acme,b\n", r"id 2: this tenant id can't be sent: '\n' is not allowed"),
        (f"acme,{'x' * 257}", "id 2: this tenant id can't be sent: it has 257 characters"),
    ],
)
def test_what_can_not_be_sent(option: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_tenants(option)
    assert message in raised.value.message


@given(st.text(max_size=300))
def test_an_id_without_a_problem_arrives_unchanged(id_: str) -> None:
    if id_problem(id_) is None:
        assert ID_PATTERN.fullmatch(id_)
        assert id_.encode("latin-1").strip().decode() == id_


def test_one_id_per_line() -> None:
    tenants = from_file("# customers\nacme\n\nglobex\n", "list.txt")
    assert [row.id for row in tenants.rows] == ["acme", "globex"]


def test_a_bad_line_is_named() -> None:
    with pytest.raises(UsageError, match=r"list.txt, line 2: this tenant id can't be sent"):
        from_file("acme\nb;c\n", "list.txt")


FULL = """
[[tenant]]
id = "acme"
expect = "tenant-acme"
headers = { x-plan = "gold" }
query = { key = "${ACME_KEY}" }
credentials = { bearer = "${ACME_TOKEN}" }

[[tenant]]
id = "globex"
credentials = { basic = "u:p", api_key = "k" }

[[tenant]]
id = "initech"
credentials = { cookie = "sid=1", aws_profile = "initech" }

[[spare]]
id = "unused"
credentials = { bearer = "t" }
"""


def test_a_toml_file_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "secret-key")
    monkeypatch.setenv("ACME_TOKEN", "secret-token")
    tenants = from_file(FULL)
    acme, globex, initech = tenants.rows
    assert acme.credentials.headers == (("x-plan", "gold"), ("Authorization", "Bearer secret-token"))
    assert acme.credentials.query == (("key", "secret-key"),)
    assert globex.credentials.headers == (("Authorization", "Basic dTpw"), ("x-api-key", "k"))
    assert initech.credentials.aws == {"aws_profile": "initech"}
    assert tenants.tenants()[0].credential_names == ("x-plan", "Authorization", "?key")
    assert tenants.tenants()[0].expect == "tenant-acme"
    assert "secret" not in repr(tenants)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[tenant]]\nid = 5", "t.toml, tenant 1: id must be text"),
        ("[[tenant]]\nname = 'x'", "t.toml, tenant 1: a key other than credentials, expect"),
        ("[[tenant]]\nexpect = 'x'", "t.toml, tenant 1: it has no id"),
        ("[[tenant]]\nid = 'a'\n[[tenant]]\nid = 'b b '", "t.toml, tenant 2: this tenant id can't be sent"),
        ("[[tenant]]\nid = 'a'\ncredentials = { password = 'hunter2' }", "unknown credential"),
        ("[[tenant]]\nid = 'a'\nheaders = 'x: y'", "t.toml, tenant 1: headers must be a table"),
        ("[[tenant]]\nid = 'a'\nheaders = { 'x y' = 'v' }", "a header name has a character"),
        ('[[tenant]]\nid = "a"\nheaders = { x = "v\\nhunter2" }', "the value of header x can't be sent"),
        ("[[tenant]]\nid = '${TENANTCHECK_NOT_SET}'", "refers to ${TENANTCHECK_NOT_SET}, which is not set"),
        (
            "[[tenant]]\nid = 'a'\ncredentials = { bearer = 'hunter2 ' }",
            "can't be sent (line break, non-ASCII, or space",
        ),
        ("tenants = []", "t.toml: a key other than tenant and spare"),
        ("tenant = 5", "t.toml, tenant: a list of tables"),
        ("tenant = [5]", "t.toml, tenant 1: a table was expected"),
        ("not toml", "t.toml: not TOML"),
        (b"\xff", "t.toml: not UTF-8 (byte 0)"),
        (b"#" * ((1 << 20) + 1), "t.toml: larger than 1 MiB"),
        ("tenant = ['a', 'b', 'a']", "t.toml, tenant 3: the same id as t.toml, tenant 1"),
    ],
)
def test_one_bad_row_is_named_and_no_value_is(text: str | bytes, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        from_file(text)
    assert message in raised.value.message
    assert "hunter2" not in raised.value.message + raised.value.hint


class TestNewcomers:
    def test_lookalikes_come_first_every_form_once(self) -> None:
        newcomers, rows = parse_tenants("acme,globex,initech,umbrella").newcomers(6)
        longest = "acme-" + "x" * 251
        assert [(n.index, n.id, n.sibling, n.lookalike) for n in newcomers] == [
            (4, longest, 0, "common prefix"),
            (5, longest[:-1] + "0", 4, "a character behind the first 255"),
            (6, "ACME", 0, "case"),
            (7, "globex.", 1, "trailing character"),
            (8, "initec0", 2, "common prefix"),
            (9, "0umbrella", 3, "leading zero"),
        ]
        assert [row.id for row in rows] == [newcomer.id for newcomer in newcomers]

    def test_twenty_four_of_them_differ(self) -> None:
        newcomers, _ = parse_tenants("4").newcomers(24)
        assert len({newcomer.id for newcomer in newcomers}) == 24
        assert sum(newcomer.sibling is not None for newcomer in newcomers) == 22

    def test_differences_behind_many_characters(self) -> None:
        tenants = parse_tenants("acme-corporation,globex")
        newcomers, _ = tenants.newcomers(24)
        people = (*tenants.tenants(), *newcomers)
        for cut in (8, 32, 64, 128, 255):
            (found,) = [n for n in newcomers if n.lookalike == f"a character behind the first {cut}"]
            assert found.sibling is not None
            sibling = people[found.sibling]
            assert found.id[:cut] == sibling.id[:cut]
            assert found.id[cut] != sibling.id[cut]
            assert len(sibling.id) > cut

    @pytest.mark.parametrize(
        ("place", "added"),
        [
            ("header:x-tenant-id", []),
            ("path", [("acm%65", 0, "percent form")]),
            (
                "query:tenant",
                [
                    ("acm%65", 0, "percent form"),
                    ("acme 0", 0, "common prefix"),
                    ("acme+0", 9, "plus form"),
                ],
            ),
        ],
    )
    def test_forms_of_the_place_follow(self, place: str, added: list[tuple[str, int, str]]) -> None:
        newcomers, _ = parse_tenants("acme,globex").newcomers(20, place)
        assert [(n.id, n.sibling, n.lookalike) for n in newcomers[6 : 6 + len(added)]] == added
        assert (newcomers[6 + len(added)].lookalike or "").startswith("a character behind the first")
        assert parse_tenants("acme,globex").newcomers(0, place) == ((), ())

    def test_in_a_host_name_case_and_dots_are_no_difference(self) -> None:
        """Names ignore case, and a label holds letters, digits and hyphens."""
        newcomers, _ = parse_tenants("acme,globex").newcomers(20, "host")
        ids = [newcomer.id for newcomer in newcomers]
        assert len({id_.lower() for id_ in (*ids, "acme", "globex")}) == len(ids) + 2
        assert all(id_.replace("-", "").isalnum() and len(id_) <= 63 for id_ in ids)
        assert newcomers[1].lookalike == "a character behind the first 62"

    @pytest.mark.parametrize("ids", ["acme,ACME", "a.b,c", "a_b,c", "-a,b"])
    def test_tenants_that_a_host_name_can_not_tell(self, ids: str) -> None:
        tenants = parse_tenants(ids)
        tenants.require_distinct("path")
        with pytest.raises(UsageError, match="host name"):
            tenants.require_distinct("host")

    def test_no_lookalikes_where_none_are_wished(self) -> None:
        newcomers, _ = parse_tenants("acme,globex").newcomers(20, lookalike=False)
        assert len(newcomers) == 20
        assert not any(newcomer.lookalike for newcomer in newcomers)

    def test_ids_that_another_tenant_has_or_nothing_carries_are_left_out(self) -> None:
        longest = "x" * 256
        newcomers, _ = parse_tenants(f"acme,ACME,acme.,{longest}").newcomers(4)
        assert not {"ACME", "acme", "acme."} & {newcomer.id for newcomer in newcomers}
        assert all(id_problem(newcomer.id) is None for newcomer in newcomers)
        assert len(newcomers) == 4

    def test_digits_have_no_case(self) -> None:
        newcomers, _ = parse_tenants("10,20").newcomers(4)
        assert not {"10", "20"} & {newcomer.id for newcomer in newcomers}

    def test_with_credentials_only_spare_ids(self) -> None:
        text = "[[tenant]]\nid='a'\ncredentials={bearer='t'}\n[[tenant]]\nid='b'\ncredentials={bearer='u'}\n"
        assert from_file(text).newcomers(4) == ((), ())
        newcomers, rows = from_file(text + "[[spare]]\nid='s'\ncredentials={bearer='v'}").newcomers(4)
        assert [newcomer.id for newcomer in newcomers] == ["s"]
        assert rows[0].credentials.headers == (("Authorization", "Bearer v"),)

    def test_where_a_tenant_has_another_name_only_spare_ids(self) -> None:
        """Nobody knows under which name the handler should see a made-up id."""
        text = "[[tenant]]\nid='a'\nexpect='tenant-a'\n[[tenant]]\nid='b'\n"
        assert from_file(text).newcomers(4) == ((), ())


@pytest.mark.parametrize(
    ("credentials", "message"),
    [(("", ""), "'a' has none"), (("t", ""), "'b' has none"), (("t", "t"), "'b' has the same credentials as 'a'")],
)
def test_tenants_told_by_their_credentials_need_their_own(credentials: tuple[str, str], message: str) -> None:
    rows = [
        f"[[tenant]]\nid='{id_}'\n" + (f"credentials={{bearer='{token}'}}\n" if token else "")
        for id_, token in zip("ab", credentials, strict=True)
    ]
    with pytest.raises(UsageError, match=message):
        from_file("".join(rows)).require_own_credentials()
