"""The page: filters from the collection's fields, export, saved searches, duplicates, and what there is to click."""

from __future__ import annotations

import json
import zipfile

from tests.service.page.browsing import address


def test_a_range_of_dates_is_dragged_or_typed(visit):
    page = visit.open()
    visit.say("yellow squares")
    box = page.locator(".bars").first.bounding_box()
    with visit.searching() as found:
        page.mouse.move(box["x"] + 3, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 30, steps=3)
        page.mouse.up()
    hits = visit.answer(found.value)["hits"]
    assert hits and {hit["taken"][:4] for hit in hits} == {"2021"}
    with visit.searching() as found:
        page.get_by_label("taken to").fill("2022-08-31")
    with visit.searching() as found:
        page.get_by_label("taken from").fill("2022-03-01")
    answer = visit.answer(found.value)
    assert answer["query"]["where"] == 'taken >= "2022-03" and taken < "2022-09"'
    assert answer["hits"] and all("2022-03" <= hit["taken"] < "2022-09" for hit in answer["hits"])
    page.get_by_label("taken from").fill("2022-12-01")  # beyond the end
    page.wait_for_selector("input[aria-label='taken to']:invalid")
    assert page.get_by_label("taken to").evaluate("box => box.validationMessage") == "This range ends before it begins."
    assert page.inner_text("#active-filters").count("2022") == 2, "the range in force stays"
    with visit.searching() as found:
        page.click("#active-filters button")
    assert visit.answer(found.value)["query"]["where"] is None


def test_values_and_folders_are_toggled_together(visit):
    page = visit.open()
    visit.say("yellow squares")
    labels = ('keywords: by "daylight"', "stars: 4", "stars: 5", "folder winter")
    for label in labels:
        with visit.searching() as found:
            page.locator(f"#filter-fields button[aria-label^='{label}']").click()
    answer = visit.answer(found.value)
    assert answer["query"]["where"] == 'keywords has "by \\"daylight\\"" and (stars = 4 or stars = 5)'
    for hit in answer["hits"]:
        assert 'by "daylight"' in hit["metadata"]["keywords"] and hit["metadata"]["stars"] > 3
        assert hit["folder"].endswith("winter")
    assert answer["hits"] and page.inner_text("#filter-count") == "3"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("folder winter")


def test_no_answer_tells_the_way_back(visit):
    page = visit.open(address(text="yellow squares", where="stars > 9"))
    page.wait_for_selector("#notice button")
    with visit.searching() as found:
        page.get_by_role("button", name="Clear the filters").click()
    assert visit.answer(found.value)["hits"]


def test_answers_and_a_selection_are_exported(visit):
    page = visit.open()
    hits = visit.say("yellow squares")["hits"]
    for place in (1, 3):
        visit.act(place, "select")
    assert "2 selected" in page.inner_text("#chosen")
    with page.expect_download() as download:
        page.click("#chosen a:has-text('ZIP')")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert [name[5:] for name in archive.namelist()] == [hits[0]["name"], hits[2]["name"]]
    page.click("#export")
    with page.expect_download() as download:
        page.click("#export-menu a:has-text('JSON')")
    assert [one["id"] for one in json.loads(download.value.path().read_text())] == [hit["id"] for hit in hits]


def test_searches_are_saved_in_the_browser(visit):
    page = visit.open()
    visit.say("yellow squares")
    page.click("#save")
    visit.say("a black circle")
    page.click("#show-saved")
    with visit.searching() as found:
        page.click("#saved a:has-text('yellow squares')")
    assert visit.answer(found.value)["query"]["text"] == ["yellow squares"]
    page.click("#show-saved")
    page.click("#saved li .close")
    assert "None yet" in page.inner_text("#saved")


def test_duplicates_have_a_view_and_examples_are_clicked(visit, drawn):
    examples = [{"image": "3", "text": "yellow squares", "without": None}]
    (drawn / "scenes" / "examples.json").write_text(json.dumps(examples))
    page = visit.open()
    page.click("#show-duplicates")
    page.wait_for_selector(".duplicates [role=status]")
    with visit.searching():
        page.fill("#words", "yellow squares")  # a query leaves the view
    page.wait_for_selector("#columns .answer")  # drawn after the answer is there
    assert page.locator("#duplicates").is_hidden()
    page.fill("#words", "")
    with visit.searching() as found:
        page.click(".example")
    query = visit.answer(found.value)["query"]
    assert query["image"] == ["3"] and query["text"] == ["yellow squares"]
    (drawn / "scenes" / "examples.json").unlink()


def test_an_empty_collection_tells_how_to_index_and_shows_its_progress(visit):
    empty = {"name": "none", "pictures": 0, "model": {"recipe": "reading"}, "progress": None, "failures": [],
             "examples": [], "ready": True, "generation": 1, "folder": "/home/me/my pictures"}  # fmt: skip
    running = {**empty, "progress": {"done": 3, "total": 12}}
    grown = {**empty, "pictures": 12}
    answers = iter([empty, running])
    visit.page.clock.install()
    visit.page.route("**/collections", lambda route: route.fulfill(json={"collections": [next(answers, grown)]}))
    visit.page.goto(visit.url)
    visit.page.wait_for_selector("#empty code")
    assert visit.page.inner_text("#empty code") == "twinlens index ~/Pictures --collection '/home/me/my pictures'"
    visit.page.clock.run_for(20_000)
    visit.page.wait_for_selector("#progress:has-text('Indexing 3 of 12')")
    visit.page.clock.run_for(2_000)
    visit.page.wait_for_selector("#pictures:has-text('12 pictures')")
    assert visit.page.locator("#progress").is_hidden() and "Find pictures" in visit.page.inner_text("#empty")
    visit.complaints.clear()  # no collection of the service has the name "none"


def test_a_filter_alone_asks_for_words_or_a_picture(visit):
    page = visit.open(address(where="stars > 3"))
    page.wait_for_selector("#empty:has-text('Add words or a picture: the filter then narrows the answers.')")
    assert page.locator("#active-filters button").is_visible()
    page.click("#active-filters button")
    page.wait_for_selector("#empty:has-text('Find pictures by a picture')")


def test_without_anything_to_choose_the_condition_is_folded(visit):
    page = visit.open()
    assert page.get_attribute("#filters", "open") is not None
    assert page.get_attribute("[aria-label='condition']", "placeholder").startswith('taken >= "202')
    page.route("**/fields**", lambda route: route.fulfill(json={"fields": [], "folders": []}))
    page.reload()
    page.wait_for_selector("#filters-title:text-is('Condition')")
    assert page.get_attribute("#filters", "open") is None
    page.click("#filters > summary")
    assert page.get_attribute("[aria-label='condition']", "placeholder") == "width >= 1000"
