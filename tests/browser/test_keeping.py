"""A visitor's photos, choice and view stay over a change of page and a reload."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import WAIT_MS, OpenWindow
from tests.browser.stack import Stack
from tests.browser.steps import go_to, idle, photo_requests, scene_jpeg, start_over, upload, viewer


def upload_three(page: Page) -> None:
    upload(page, *((f"p{i}.jpg", scene_jpeg(seed=30 + i, height=128, width=256)) for i in range(3)))
    page.get_by_text("All 3 photos are segmented").wait_for()


def expect_shown(page: Page, name: str, photos: int = 3) -> None:
    """The box names the photo, the caption too, and the viewer shows it."""
    viewer(page)  # a reload takes as long as a first visit
    expect(page.get_by_role("combobox", name=f"Photo, {photos} in all")).to_have_value(name, timeout=WAIT_MS)
    expect(page.get_by_text(f"{name} · 256 × 128 pixels")).to_be_visible()
    label = page.locator(f".viewer[data-ready=true][aria-label*='{name}']")
    expect(label).to_be_visible(timeout=WAIT_MS)


def test_the_chosen_photo_is_one_thing_over_every_change_of_page(page: Page) -> None:
    upload_three(page)
    page.get_by_role("combobox", name="Photo, 3 in all").click()
    page.get_by_role("option", name="p2.jpg").click()
    expect_shown(page, "p2.jpg")
    for name in ("Compare", "Runs", "Segment", "Compare"):
        go_to(page, name)
        if name != "Runs":
            expect_shown(page, "p2.jpg")
    page.get_by_role("button", name="Remove this photo").click()
    expect_shown(page, "p0.jpg", photos=2)
    page.get_by_role("combobox", name="Photo, 2 in all").click()
    expect(page.get_by_role("option")).to_have_text(["p0.jpg", "p1.jpg"])


def test_a_reload_keeps_the_photos_and_sends_none_again(page: Page, stack: Stack) -> None:
    upload_three(page)
    page.get_by_role("combobox", name="Photo, 3 in all").click()
    page.get_by_role("option", name="p1.jpg").click()
    expect_shown(page, "p1.jpg")
    before = photo_requests(stack.api_url)
    page.reload()
    expect_shown(page, "p1.jpg")
    go_to(page, "Runs")
    page.reload()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    go_to(page, "Segment")
    expect_shown(page, "p1.jpg")
    assert photo_requests(stack.api_url) == before
    start_over(page)
    idle(page)
    page.reload()
    expect(page.get_by_role("button", name="Sunny street", exact=True)).to_be_visible(timeout=WAIT_MS)


def test_another_window_without_the_address_sees_nothing_of_it(page: Page, window: OpenWindow) -> None:
    upload_three(page)
    expect(window().get_by_role("button", name="Sunny street", exact=True)).to_be_visible(timeout=WAIT_MS)


def test_opacity_view_and_isolated_class_stay(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg(seed=33)))
    viewer(page)
    page.get_by_role("button", name="Before / after").click()
    page.locator(".viewer .opacity input").fill("25")
    page.locator(".viewer .legend button[data-class=road]").click()

    def expect_settings() -> None:
        expect(page.locator(".viewer[data-view=wipe][data-ready=true]").first).to_be_visible(timeout=WAIT_MS)
        expect(page.locator(".viewer .opacity output").first).to_have_text("25 %")
        expect(page.locator(".viewer .legend button[aria-pressed=true]")).to_have_text(["road"])

    for name in ("Runs", "Segment", "Compare", "Segment"):
        go_to(page, name)
        if name != "Runs":
            expect_settings()
    page.reload()
    expect_settings()
    page.get_by_role("button", name="Show all classes").click()
    go_to(page, "Compare")
    viewer(page)
    expect(page.locator(".viewer .legend button[aria-pressed=true]")).to_have_count(0)
