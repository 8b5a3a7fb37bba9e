"""A visitor without a mouse: reads classes, moves the divider, isolates a class."""

from playwright.sync_api import Page, expect

from tests.browser.steps import TITLES, readings, scene_jpeg, upload, viewer

# The focused element, looked for in shadow trees too; what is matched is its role, class or data-class.
_FOCUSED = """wanted => { let e = document.activeElement;
    while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
    return !!e && e.matches(wanted) }"""


def tab_to(page: Page, selector: str, presses: int = 15) -> None:
    """Press Tab until an element that fits has the focus."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        if page.evaluate(_FOCUSED, selector):
            return
    raise AssertionError(f"{selector} was not reached by {presses} presses of Tab")


def test_a_keyboard_reads_classes_too(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg()))
    viewer(page)
    page.locator(".viewer canvas").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".viewer .where")).to_have_text("x 261, y 128")
    assert set(readings(page)) == set(TITLES.values())
    page.keyboard.press("Escape")
    expect(page.locator(".viewer .hint")).to_be_visible()


def test_tab_and_arrows_move_the_divider_and_enter_isolates_a_class(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg()))
    view = viewer(page)
    view.get_by_role("button", name="Overlay", exact=True).focus()
    tab_to(page, ".views button:nth-child(3)")
    page.keyboard.press("Enter")
    expect(page.locator(".viewer[data-view=wipe]")).to_be_visible()
    handle = page.get_by_role("slider", name="Divider between Photo and DeepLabV3+")
    tab_to(page, ".handle")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "54")
    tab_to(page, "button[data-class=road]")
    page.keyboard.press("Enter")
    chip = view.locator("button[data-class=road]")
    expect(chip).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(chip).to_have_attribute("aria-pressed", "false")
