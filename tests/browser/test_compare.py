"""A visitor compares two models: with each other without sending the photo again, and against a label."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.stack import Stack
from tests.browser.steps import MODELS, class_map, give_label, go_to, photo_requests, scene_jpeg, upload, viewer

# The page's answers and the test's may come from two compiled networks, whose bf16 sums are rounded in another order.
ROUNDING_POINTS = 0.2


def test_comparing_and_swapping_what_was_segmented_sends_nothing(page: Page, stack: Stack) -> None:
    photo = scene_jpeg(seed=12)
    upload(page, ("street.jpg", photo))
    viewer(page)
    before = photo_requests(stack.api_url)
    go_to(page, "Compare")
    expect(page.locator(".viewer[data-view=pair][data-ready=true]")).to_be_visible()
    page.get_by_role("combobox", name="Model A").click()
    page.get_by_role("option", name="SegFormer").click()
    expect(page.locator(".viewer figcaption").first).to_have_text("SegFormer | DeepLabV3+")
    assert photo_requests(stack.api_url) == before
    a, b = (class_map(stack.api_url, photo, model) for model in MODELS)
    shown = page.get_by_test_id("stMetric").filter(has_text="Same class").get_by_test_id("stMetricValue")
    assert float(shown.inner_text().removesuffix(" %")) == pytest.approx(100 * (a == b).mean(), abs=ROUNDING_POINTS)


def test_where_the_models_differ_is_shown_on_opening(page: Page) -> None:
    upload(page, ("street.jpg", scene_jpeg()))
    viewer(page)
    go_to(page, "Compare")
    expect(page.locator(".viewer figcaption", has_text="Where they differ")).to_be_visible()
    label = page.locator(".viewer canvas[aria-label*='DeepLabV3+ and SegFormer differ on']")
    expect(label).to_have_count(1)


def test_two_models_against_a_label_until_it_is_removed(page: Page, stack: Stack) -> None:
    photo = scene_jpeg()
    go_to(page, "Compare")
    upload(page, ("street.jpg", photo))
    viewer(page)
    truth = class_map(stack.api_url, photo, "segformer").copy()
    truth[:64] = 255
    give_label(page, np.asarray(truth))
    shown = page.get_by_test_id("stMetric").filter(has_text="mIoU, SegFormer").get_by_test_id("stMetricValue")
    assert float(shown.inner_text().removesuffix(" %")) > 100 - 10 * ROUNDING_POINTS  # rare classes weigh as much
    expect(page.locator(".legend button[data-class='only SegFormer right']")).to_be_visible()
    expect(page.get_by_text("Of the labelled pixels, 75.0 % of the photo")).to_be_visible()
    expect(page.locator(".viewer figcaption", has_text="Errors of DeepLabV3+")).to_be_visible()
    page.get_by_role("button", name="Label file").click()
    page.get_by_role("button", name="Remove the label").click()
    expect(page.get_by_role("heading", name="Against the label")).to_have_count(0)
    go_to(page, "Segment")
    go_to(page, "Compare")
    viewer(page)
    expect(page.get_by_role("heading", name="Against the label")).to_have_count(0)
