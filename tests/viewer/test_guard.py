from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from pages import Page, Places, serving
from tbspot.viewer.guard import HEADERS, Guard

POST = {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize("path", ["/", "/film/0", "/film/nothing", "/static/view.css", "/nothing"])
def test_every_answer_binds_the_browser(page: Page, path: str) -> None:
    headers = page.ask(path).headers
    assert {name.lower(): headers.get(name.lower()) for name in HEADERS} == {
        name.lower(): value for name, value in HEADERS.items()
    }


def test_the_policy_allows_no_script_or_style_in_a_page() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_pages_hold_no_script_or_style_of_their_own(page: Page) -> None:
    for path in ("/", "/film/1", "/film/13"):
        text = page.ask(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert all("src=" in tag for tag in text.split("<script")[1:])
        assert " onclick" not in text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", ""])
def test_another_name_that_leads_here_is_refused(page: Page, host: str) -> None:
    port = urlsplit(page.address).port
    answer = page.ask("/", headers={"Host": host.format(port=port)})
    assert answer.status == 421
    assert answer.text == "open the address that tbspot printed\n"


def test_this_machine_has_several_names(page: Page) -> None:
    port = urlsplit(page.address).port
    assert page.ask("/", headers={"Host": f"localhost:{port}"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_requests_of_another_site_are_refused(page: Page, headers: Mapping[str, str]) -> None:
    assert page.ask("/film/1/pixels", headers=headers).status == 403
    assert page.ask("/drops", "POST", b"film", {**POST, **headers}).status == 403


def test_requests_of_the_page_itself_are_answered(page: Page) -> None:
    own = page.address.rstrip("/")
    headers = {"Origin": own, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert page.ask("/film/1/boxes", headers=headers).status == 200
    assert page.ask("/drops", "POST", b"film", {**POST, **headers}).status == 202


def test_a_link_from_elsewhere_opens_the_page(page: Page) -> None:
    headers = {
        "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
    }  # fmt: skip
    assert page.ask("/", headers=headers).status == 200
    assert page.ask("/drops", "POST", b"film", {**POST, **headers}).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../serving.py",
        "/static/%2e%2e/serving.py",
        "/static/..%2fserving.py",
        "/film/../../etc/passwd",
        "/film/..%2f..%2fetc%2fpasswd/pixels",
        "/film/-1/pixels",
        "/film/99999999999999999999/pixels",
        "/film/²/pixels",
        "/static//etc/passwd",
        "/drop/..%2f..%2fetc%2fpasswd/pixels",
    ],
)
def test_no_address_leads_out_of_the_run(page: Page, path: str) -> None:
    from urllib.parse import quote

    assert page.ask(quote(path, safe="/%")).status == 404


def test_on_all_addresses_a_token_is_needed(places: Places) -> None:
    with serving(places.run, "--host", "0.0.0.0") as page:  # noqa: S104 - what is tested
        parts = urlsplit(page.address)
        local = Page(f"http://127.0.0.1:{parts.port}/", page.process)
        refused = local.ask("/")
        assert refused.status == 401
        assert "token" in refused.text
        assert "<" not in refused.text
        assert local.ask("/?token=wrong").status == 401
        assert local.ask("/", headers={"Cookie": "tbspot=wrong"}).status == 401

        admitted = local.ask(f"/film/1?{parts.query}")
        assert (admitted.status, admitted.headers["location"]) == (303, "/film/1")
        cookie = admitted.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        again = local.ask("/", headers={"Cookie": cookie.split(";")[0]})
        assert again.status == 200
        # Another page of this machine gets and gives cookies of the same host.
        assert "Secure" not in cookie
        assert not cookie.startswith("tbspot=")
        assert parts.query.partition("=")[2] not in again.text


def test_any_name_without_a_token_is_not_allowed() -> None:
    async def app(*_: object) -> None:
        """Is never asked."""

    with pytest.raises(ValueError, match="token"):
        Guard(app, None, None)


def test_pages_of_one_host_have_cookies_of_their_own_that_stay_encrypted() -> None:
    async def app(*_: object) -> None:
        """Is never asked."""

    said: list[str] = []

    async def send(message: Any) -> None:
        said.extend(
            value.decode() for name, value in message.get("headers", ()) if name == b"set-cookie"
        )

    for scheme, token in (("https", "one"), ("https", "another"), ("http", "one")):
        scope = {"type": "http", "method": "GET", "scheme": scheme, "path": "/", "headers": [],
                 "query_string": f"token={token}".encode()}  # fmt: skip
        asyncio.run(Guard(app, None, token)(scope, None, send))  # type: ignore[arg-type]
    names = [one.partition("=")[0] for one in said]
    assert names[0] == names[2] != names[1]
    assert ["secure" in one.lower() for one in said] == [True, True, False]
