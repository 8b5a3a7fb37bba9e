"""The page on one model: everything of its card that a user must know."""

from front.ui.palette import class_table, css
from tests.front import fake_records
from tests.front.conftest import OpenPage
from tests.front.fake_api import FakeApi
from tests.front.segment.test_view import texts


def body(app: object) -> str:
    return " ".join(element.proto.body for element in app.get("html"))  # type: ignore[attr-defined]


def test_the_card_is_shown(open_page: OpenPage) -> None:
    app = open_page("about")
    assert "Small pedestrians are often missed" in texts(app.warning)
    assert {m.label for m in app.metric} == {"mIoU", "Pixel accuracy", "Parameters", "Multiply-adds", "File"}
    shown = body(app)
    for fact in ("Licence of the data", "rendered scenes", "1 h 30 min", "518,400 pixels", "0123456789", "0.485"):
        assert fact in shown


def test_another_model_can_be_chosen(open_page: OpenPage, api: FakeApi) -> None:
    app = open_page("about")
    assert "Teacher" not in body(app)
    assert "Steps before" not in body(app)
    assert "Licence of the teacher" not in body(app)
    app.pills(key="about_model").set_value("segformer").run()
    assert not app.exception
    assert app.subheader[0].value == "SegFormer"
    assert ">Teacher</dt><dd" in body(app).replace("\n", "")
    assert "Apache-2.0" in body(app)
    assert "6123" in body(app)


def test_text_of_a_card_cannot_become_markup(open_page: OpenPage, api: FakeApi) -> None:
    real = api.answer

    def hostile(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        answer = real(path, query, files)
        if path.startswith("/models/"):
            answer["card"]["training"]["data_licence"] = "<img src=x onerror=alert(1)>"
        return answer

    api.answer = hostile  # type: ignore[method-assign]
    shown = body(open_page("about"))
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


def test_a_model_without_a_card_says_so(open_page: OpenPage, api: FakeApi) -> None:
    real = api.answer

    def bare(path: str, query: dict[str, str], files: dict[str, bytes]) -> object:
        answer = real(path, query, files)
        return answer | {"card": None} if path.startswith("/models/") else answer

    api.answer = bare  # type: ignore[method-assign]
    assert "There is no card to show" in texts(open_page("about").info)


def test_the_class_table_follows_the_palette_for_colour_blindness(open_page: OpenPage) -> None:
    app = open_page("about")
    assert css(fake_records.CLASSES[0][1]) in body(app)
    app.toggle(key="safe_palette").set_value(True).run()
    assert css(fake_records.CLASSES[0][1]) not in body(app)
    assert css(class_table(fake_records.taxonomy(), safe=True)[0]["color"]) in body(app)
