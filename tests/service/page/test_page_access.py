"""The page for everybody: keyboard alone, why, phones, dark, screen readers (axe), and a token."""

from __future__ import annotations

import pytest

from tests.service.page.browsing import address, serving

TOKEN = "0123456789abcdef-right"
EXPLANATION = {
    "id": "1", "rank": 1, "score": 1.25, "unit": "deviations", "unmeasured": 2, "why": {},
    "shares": [{"part": "picture", "score": 1.75}, {"part": "without", "score": -0.5}],
    "words": [{"word": "yellow", "effect": 0.8, "where": "text"}, {"word": "big", "effect": -0.3, "where": "without"}],
    "facts": [{"says": "there is a yellow square", "true": True, "found": 2}],
    "gate": None, "no_gate": "the model has none",
}  # fmt: skip


def grave(page):
    """Return what axe finds of serious and critical faults."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_timeout(350)  # colours of animations are none of the page's
    found = Axe().run(page).response["violations"]
    return [
        (fault["id"], node["html"][:150], node["any"][0]["message"] if node["any"] else "")
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_the_keyboard_alone_does_everything(visit):
    page, press = visit.open(), visit.page.keyboard.press
    press("/")
    page.keyboard.type("yellow squares")
    with visit.searching() as found:
        press("Enter")
    hits = visit.answer(found.value)["hits"]
    press("Escape")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        press(key)
    focused = "document.activeElement.closest('.answer').getAttribute('aria-posinset')"
    assert page.evaluate(focused) == "2"
    press("s")
    assert "1 selected" in page.inner_text("#chosen")
    press("Enter")
    page.wait_for_selector("#viewer[open] dd")
    assert page.inner_text("#viewer h2") == hits[1]["name"]
    press("ArrowRight")
    assert page.inner_text("#viewer h2") == hits[2]["name"]
    press("Escape")
    page.wait_for_function(f"() => {focused} === '3'")
    press("w")
    page.wait_for_selector("#why[open] .shares, #why[open] .line")
    press("Escape")
    with visit.searching() as found:
        press("l")
    assert visit.answer(found.value)["query"]["image"] == [hits[2]["id"]]
    assert page.evaluate("document.activeElement.closest('.answer') !== null"), "the marked picture had the focus"
    with visit.searching() as found:
        press("]")
    assert visit.answer(found.value)["query"]["balance"] == 0.6
    press("?")
    assert "not like this" in page.inner_text("#keys[open]")
    press("Escape")
    press("Escape")
    assert page.locator("#chosen").is_hidden()


def test_the_focus_stays_where_far_answers_were_scrolled_to(visit):
    page = visit.open(address(text="yellow squares", distinct="no"))
    page.wait_for_selector(".answer")
    page.keyboard.press("ArrowDown")
    place = 0
    for _ in range(60):
        page.keyboard.press("ArrowDown")
        place = int(page.evaluate("document.activeElement.closest('.answer').getAttribute('aria-posinset')"))
        if place > 70:
            break
        page.wait_for_timeout(20)
    assert place > 70
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.closest('.answer').getAttribute('aria-posinset')") == str(place)


def test_why_shows_the_gate_over_the_picture_of_the_query(visit):
    page = visit.page
    with visit.searching() as found:
        page.goto(visit.url + address(collection="other", text="yellow squares", image="3"))
    visit.answer(found.value)
    visit.act(1, "why")
    page.wait_for_function("() => document.querySelector('#why .gate')?.naturalWidth > 0")
    assert "σ(·)" in page.inner_text("#why")


def test_why_shows_shares_words_and_facts(visit):
    page = visit.open()
    with visit.searching() as found:
        page.goto(visit.url + address(text="yellow squares", image="3"))
    visit.answer(found.value)
    visit.act(2, "why")
    page.wait_for_selector("#why .shares")
    real = page.inner_text("#why")
    assert "Why number 2?" in real and "yellow" in real and "Score" in real
    page.click("#why .close")
    page.route("**/explain/**", lambda route: route.fulfill(json=EXPLANATION))
    visit.act(1, "why")
    page.wait_for_selector("#why .facts")
    told = page.inner_text("#why")
    for part in (
        "Picture ↔ picture",
        "−0.500",
        "1.250",
        "yellow +0.800",
        "2 further words",
        "✓ there is a yellow square (found: 2)",
    ):
        assert part in told
    assert "gate" not in told, "there is no map to show"


def test_a_second_look_tells_the_facts(visit):
    page = visit.open()
    visit.say("There is a yellow square.")
    with visit.searching() as found:
        page.select_option("[aria-label='Reorder the first answers']", "truth")
    visit.answer(found.value)
    visit.act(1, "why")
    page.wait_for_selector("#why .facts .yes")


def test_a_service_that_does_not_explain_says_so(visit):
    page = visit.open()
    visit.say("yellow squares")
    line = {"error": "there is nothing at this address; /openapi.json lists what there is"}
    page.route("**/explain/**", lambda route: route.fulfill(status=404, json=line))
    visit.act(1, "why")
    page.wait_for_selector("#why .line")
    assert "does not explain" in page.inner_text("#why")
    visit.complaints.clear()  # the browser logs the answer 404


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_grave_and_nothing_scrolls_sideways(visits, url, scheme, width):
    phone = {"is_mobile": True, "has_touch": True} if width < 500 else {}
    visit = visits(url, color_scheme=scheme, viewport={"width": width, "height": 844}, **phone)
    page = visit.open()
    assert grave(page) == []
    with visit.searching() as found:
        page.goto(url + address(text="yellow squares", image="3", without="circles", unlike="5", where="stars > 1"))
    visit.answer(found.value)
    page.locator(".answer .select").first.click(force=True)
    assert grave(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.route("**/explain/**", lambda route: route.fulfill(json=EXPLANATION))
    for opened, closed in (("w", "#why .shares"), ("Enter", "#viewer dd"), ("?", "#keys dd")):
        page.locator(".answer .open").first.focus()
        page.keyboard.press(opened)
        page.wait_for_selector(closed)
        assert grave(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("Escape")


def test_a_token_is_asked_for_and_the_query_stays(visits, drawn):
    with serving(drawn / "other", token=TOKEN) as guarded:
        visit = visits(guarded)
        page = visit.page
        page.goto(guarded + address(text="yellow squares"))
        page.fill("#token", TOKEN)
        page.click("button")
        page.wait_for_selector(".answer")
        assert "text=yellow" in page.url
        visit.context.clear_cookies()
        page.fill("#words", "black circles")
        page.fill("#login-token", "0123456789abcdef-wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("#login .line:not([hidden])")
        page.fill("#login-token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#login", state="hidden")
        page.wait_for_selector(".answer")
        assert "text=black" in page.url
        visit.complaints.clear()  # the browser logs the answers 401
