"""The page: pictures, words, the slider, marks, and the address of a query."""

from __future__ import annotations

import re

import pytest

from tests.service.page.browsing import address

TEXT = "draw a black circle in the left box"


@pytest.fixture
def picture(drawn):
    """A picture that is none of the collection by its content."""
    return drawn / "query.png"


@pytest.mark.parametrize("hands", [("drop", "#drop"), ("paste", "body"), None])
def test_a_picture_is_dropped_pasted_or_chosen_and_searched_for(visit, picture, hands):
    page = visit.open()
    with visit.searching() as found:
        if hands:
            visit.hand(*hands, picture)
        else:
            page.set_input_files("#file", picture)
    answer = visit.answer(found.value)
    assert len(answer["hits"]) == 60 and re.fullmatch("upload:[0-9a-f]+", answer["query"]["image"][0])
    assert page.locator("#thumbs img").count() == 1 and "upload:" in page.url.replace("%3A", ":")
    assert page.locator(".answer img").first.get_attribute("alt") in (
        answer["hits"][0]["caption"],
        answer["hits"][0]["name"],
    )
    assert "answers" in page.inner_text("#count")


def test_a_slide_changes_the_order_without_another_embedding_or_upload(visit, picture):
    page = visit.open()
    with visit.searching():
        visit.hand("drop", "#drop", picture)
    page.wait_for_selector("#thumbs li:not(.waits)")
    assert page.locator("#balance").is_disabled()
    composed = visit.say("draw a yellow triangle in the right box")
    assert composed["query"]["balance"] == 0.5 and composed["embedded"] > 0
    sent = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/search") else None)
    orders = {0.5: visit.order()}
    for place in (0.0, 1.0):
        with visit.searching():
            visit.slide(place)
        page.wait_for_timeout(300)
        orders[place] = visit.order()
    assert len({tuple(order) for order in orders.values()}) == 3
    assert all(request.post_data_json["image"] == composed["query"]["image"] for request in sent)
    assert all(request.response().json()["embedded"] == 0 for request in sent) and len(sent) >= 2
    assert page.get_attribute("#balance", "aria-valuetext") == "the words alone"


def test_a_forgotten_upload_is_sent_again(visit, picture):
    page = visit.open()
    with visit.searching():
        visit.hand("drop", "#drop", picture)
    page.wait_for_selector("#thumbs li:not(.waits)")
    gone = {"status": 404, "json": {"error": "the picture is not remembered any more; upload it again"}}
    page.route("**/search", lambda route: route.fulfill(**gone), times=1)
    with page.expect_response(lambda answer: answer.url.endswith("/search") and answer.ok) as found:
        page.fill("#words", TEXT)
    assert visit.answer(found.value)["query"]["image"]
    assert page.locator("#error").is_hidden()
    visit.complaints.clear()  # the browser logs the answer 404


def test_marks_change_the_answers_and_can_be_taken_back(visit):
    page = visit.open()
    before = visit.say("yellow squares")["hits"]
    with visit.searching() as found:
        visit.act(1, "unlike")
    after = visit.answer(found.value)
    assert after["query"]["unlike"] == [before[0]["id"]] and after["hits"][0]["id"] != before[0]["id"]
    for place in (2, 3):
        with visit.searching() as found:
            visit.act(place, "like")
        liked = visit.answer(found.value)
    assert len(liked["query"]["image"]) == 2 and page.locator("#thumbs li").count() == 2
    with visit.searching() as found:
        page.click("#unlikes .drop-it")
    assert visit.answer(found.value)["query"]["unlike"] == []


def test_words_can_be_left_out(visit):
    page = visit.open()
    visit.say("yellow squares")
    with visit.searching() as found:
        page.fill("#without", "a black circle")
        page.press("#without", "Enter")
    assert visit.answer(found.value)["query"]["without"] == ["a black circle"]
    with visit.searching() as found:
        page.click("#withouts button")
    assert visit.answer(found.value)["query"]["without"] == []


def test_an_address_restores_the_query_and_back_goes_back(visit, visits, url):
    page = visit.open()
    first = visit.say("yellow squares")
    with visit.searching() as found:
        visit.act(2, "like")
    second = visit.answer(found.value)
    other = visits(url)
    with other.searching() as found:
        other.open(page.url.removeprefix(url))
    assert [hit["id"] for hit in other.answer(found.value)["hits"]] == [hit["id"] for hit in second["hits"]]
    assert other.page.input_value("#words") == "yellow squares"
    for move, wanted in ((page.go_back, first), (page.go_forward, second)):
        with visit.searching() as found:
            move()
        assert [hit["id"] for hit in visit.answer(found.value)["hits"]] == [hit["id"] for hit in wanted["hits"]]


def test_the_grid_holds_few_cards_of_many_answers(visit):
    page = visit.open(address(text="yellow squares", distinct="no"))
    page.wait_for_selector(".answer")
    places = "[...document.querySelectorAll('.answer')].map(card => Number(card.getAttribute('aria-posinset')))"
    page.wait_for_function(f"() => {{ scrollTo(0, document.body.scrollHeight); return Math.max(...{places}) > 120 }}")
    assert len(page.evaluate(places)) < 60
    assert page.get_attribute(".answer", "aria-setsize") is not None


def test_an_error_of_the_service_is_shown_as_it_is(visit):
    page = visit.open(address(text="yellow squares", where="stars >"))
    page.wait_for_selector("#error:not([hidden])")
    assert "The condition needs" in page.inner_text("#error")
    visit.complaints.clear()  # the browser logs the answer 400


def test_two_collections_answer_side_by_side(visit):
    page = visit.open(address(text="yellow squares", compare="other", where="stars = 5"))
    for column in (0, 1):
        page.wait_for_selector(f".column >> nth={column} >> .answer")
    assert page.locator(".column > header").all_inner_texts() == ["scenes\nreading", "other\ncompact"]
    page.wait_for_selector(".foot:text-matches('^there [0-9]+')")
    with page.expect_response(
        lambda answer: answer.url.endswith("/search") and answer.json()["collection"] == "other"
    ) as found:
        visit.act(1, "like")
    query = found.value.json()["query"]
    assert query["image"][0].startswith("upload:"), "ids of the first collection mean other pictures in the second one"


def test_a_file_that_is_no_picture_is_told_of_and_left_out(visit, tmp_path):
    page = visit.open()
    (tmp_path / "false.png").write_bytes(b"no picture at all")
    with visit.searching():
        visit.hand("drop", "#drop", tmp_path / "false.png")
    page.wait_for_selector("#error:not([hidden])")
    assert "picture" in page.inner_text("#error") and page.locator("#thumbs li").count() == 0
    visit.complaints.clear()  # the browser logs the answer 415


def test_words_that_are_written_while_an_answer_comes_stay(visit):
    page = visit.open()
    page.route("**/search", lambda route: (page.wait_for_timeout(120), route.continue_()))
    page.focus("#words")
    page.keyboard.type("yellow squares in three boxes", delay=30)
    with visit.searching():
        page.keyboard.type(" now")
    page.wait_for_timeout(600)
    assert page.input_value("#words") == "yellow squares in three boxes now"


@pytest.mark.parametrize("loads", [True, False])
def test_an_answer_is_dragged_into_the_query_before_its_picture_is_there_too(loads, visit):
    page = visit.open()
    if not loads:
        page.route("**/thumbs/**", lambda route: None)
    hits = visit.say("yellow squares")["hits"]
    if loads:
        visit.settle()
    with visit.searching() as found:
        corner = {"x": 8, "y": 50}  # clear of the buttons
        page.drag_and_drop(f".answer[data-id='{hits[1]['id']}'] img", "#drop", source_position=corner)
    assert visit.answer(found.value)["query"]["image"] == [hits[1]["id"]]
    assert page.locator("#overlay").is_hidden()


def test_a_search_that_fails_leaves_no_older_answers(visit):
    page = visit.open(address(text="yellow squares", image="3"))
    page.wait_for_selector(".answer")
    assert page.locator("#share").is_visible()
    line = "the model gives this query no direction, as it does to a sentence; say it in other words"
    page.route("**/search", lambda route: route.fulfill(status=400, json={"error": line}))
    page.press("#balance", "End")
    page.wait_for_selector("#error:not([hidden])")
    assert page.inner_text("#error").startswith("The words alone give this model nothing to search for")
    assert page.locator(".answer").count() == 0 and page.locator("#share").is_hidden()
    page.press("#balance", "Home")
    page.wait_for_selector("#error:has-text('The model gives this query no direction')")
    page.unroute("**/search")
    with visit.searching() as found:
        page.press("#balance", "ArrowRight")
    visit.answer(found.value)
    page.wait_for_selector("#share", state="visible")
    assert page.locator("#error").is_hidden()
    visit.complaints.clear()  # the browser logs the answers 400
