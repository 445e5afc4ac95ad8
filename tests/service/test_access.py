"""Who may ask: hosts, origins, tokens and cookies; and the headers of every answer."""

from __future__ import annotations

import pytest

from twinlens.core.types import TwinlensError
from twinlens.service.access import host_name
from twinlens.service.settings import Settings

TOKEN = "0123456789abcdef-right"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "8.8.8.8", "", "[::2]"]
)
def test_another_host_is_refused(reader, host):
    response = reader.get("/collections", headers={"host": host})
    assert response.status_code == 403 and "--allow-host" in response.json()["error"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765"])
def test_names_of_this_machine_are_let_in(reader, host):
    assert reader.get("/collections", headers={"host": host}).status_code == 200


def test_a_name_that_is_configured_is_let_in(served):
    client = served(hosts=("pictures.example.org",))
    assert client.get("/collections", headers={"host": "pictures.example.org"}).status_code == 200


def test_addresses_in_digits_are_let_in_where_other_machines_may_ask(served):
    client = served(host="0.0.0.0", token=TOKEN)
    show = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/collections", headers={"host": "10.0.0.7:8765", **show}).status_code == 200
    assert client.get("/collections", headers={"host": "evil.example", **show}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_pages_of_other_sites_are_refused(reader, headers, method):
    assert getattr(reader, method)("/search", headers=headers).status_code == 403


def test_the_own_page_and_a_link_from_elsewhere_are_let_in(reader):
    assert reader.get("/collections", headers={"origin": "http://127.0.0.1:8765"}).status_code == 200
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert reader.get("/", headers=link).status_code == 200


PATHS = ("/collections", "/fields", "/thumbs/1", "/pictures/1", "/pictures/1/file", "/similar/1", "/metrics",
         "/duplicates", "/openapi.json", "/export?search=a")  # fmt: skip


def test_nothing_answers_without_the_token(served):
    client = served(token=TOKEN)
    for path in PATHS:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"},
                        {"cookie": f"twinlens_session={TOKEN}"}):  # fmt: skip
            response = client.get(path, headers=headers)
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"] == "Bearer"
    assert client.post("/search", json={"text": "red"}).status_code == 401
    assert client.get("/collections", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
    assert client.get("/health").status_code == client.get("/ready").status_code == 200


def test_a_browser_shows_the_token_once(served):
    client = served(token=TOKEN)
    form = client.get("/")
    assert form.status_code == 401 and "<form" in form.text and form.headers["referrer-policy"] == "same-origin"
    assert client.post("/login", data={"token": "wrong"}).status_code == 401
    entered = client.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert entered.status_code == 303 and entered.headers["location"] == "/"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert client.get("/").status_code == client.get("/collections").status_code == 200
    client.post("/logout")
    assert client.get("/collections").status_code == 401


def test_every_answer_forbids_what_pages_of_others_could_do(reader):
    for path in ("/", "/health", "/collections", "/nowhere", "/pictures/999", "/web/login.css", "/thumbs/1"):
        headers = reader.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"] and "http" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("no-referrer", "same-origin")


def test_no_page_of_another_site_is_allowed_to_read(reader):
    response = reader.options("/search", headers={"access-control-request-method": "POST"})
    assert response.status_code == 405 and "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "pictures.example.org"])
def test_an_address_that_others_reach_takes_a_token(tmp_path, host):
    with pytest.raises(TwinlensError, match="TWINLENS_TOKEN"):
        Settings((tmp_path,), host=host)
    Settings((tmp_path,), host=host, token=TOKEN)


@pytest.mark.parametrize("token", ["short", "", "ü" * 20, "line\nline-line-line"])
def test_a_token_that_can_be_guessed_or_sent_wrong_is_refused(tmp_path, token):
    with pytest.raises(TwinlensError, match="openssl rand"):
        Settings((tmp_path,), token=token)


def test_a_token_is_not_shown_by_the_settings(tmp_path):
    assert TOKEN not in repr(Settings((tmp_path,), token=TOKEN))


def test_names_are_read_from_host_headers():
    given = ("a.example:80", "A.example", "[::1]:80", "[::1]", "127.0.0.1")
    assert [host_name(host) for host in given] == ["a.example", "a.example", "::1", "::1", "127.0.0.1"]
