"""Requests drawn from the service's own OpenAPI: whatever is asked, no answer is a failure of the service."""

from __future__ import annotations

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase

EXAMPLES = 15


@pytest.fixture
def writable(served):
    return served(writable=True)


def test_drawn_requests_are_answered(writable):
    schema = schemathesis.openapi.from_dict(writable.get("/openapi.json").json())
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @hypothesis.settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck), derandomize=True,
        )  # fmt: skip
        @hypothesis.given(case=operation.as_strategy())
        def check(case):
            nonlocal tried
            response = send(writable, case)
            assert response.status_code < 500, (case.method, case.path, response.text)
            tried += 1

        check()
    assert tried > 100


def send(client, case):
    """Send a case as it would be sent over a connection."""
    given = case.as_transport_kwargs(base_url=str(client.base_url))
    known = ("method", "url", "params", "headers", "json", "data", "files", "cookies")
    sent = requests.Request(**{name: value for name, value in given.items() if name in known}).prepare()
    headers = {name: value for name, value in sent.headers.items() if name.lower() != "host"}
    return client.request(sent.method, sent.url, headers=headers, content=sent.body)
