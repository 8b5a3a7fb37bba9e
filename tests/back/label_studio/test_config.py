import pytest

from back.label_studio.config import left_out, read_config
from back.problems import Problem
from back.runtime.taxonomy import STREET8
from tests.label_studio import CONFIG, POLYGONS


def sentence_of(text: str) -> str:
    with pytest.raises(Problem) as caught:
        read_config(text).labels_of(STREET8)
    assert caught.value.status_code == 400
    return caught.value.detail


def test_a_config_says_form_names_and_where_the_picture_is() -> None:
    config = read_config(CONFIG)
    assert (config.from_name, config.to_name, config.image_key) == ("tag", "photo", "picture")
    assert (config.form, read_config(POLYGONS).form) == ("brushlabels", "polygonlabels")
    assert config.model is None
    named = read_config(CONFIG.replace('toName="photo"', 'toName="photo" model_name="segformer@candidate"'))
    assert named.model == "segformer@candidate"


def test_classes_are_found_by_name_and_by_predicted_values() -> None:
    labels = read_config(CONFIG).labels_of(STREET8)
    assert {STREET8.names[i]: label for i, label in labels.items()} == {
        "road": "Road", "sidewalk": "Ground", "vehicle": "Car", "sky": "sky",
    }  # fmt: skip
    assert left_out(labels, STREET8) == ["building", "pedestrian", "vegetation", "background"]


def test_a_labels_own_name_goes_before_what_others_predict() -> None:
    text = CONFIG.replace('value="Car" predicted_values="vehicle, bus"', 'value="Car" predicted_values="road"')
    assert read_config(text).labels_of(STREET8)[STREET8.names.index("road")] == "Road"


def test_a_brush_goes_before_a_polygon() -> None:
    both = CONFIG.replace("</View>", POLYGONS.split("\n", 2)[2])
    assert read_config(both).form == "brushlabels"
    after = POLYGONS.replace("</View>", CONFIG.split("\n", 2)[2])
    assert read_config(after).form == "brushlabels"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no XML"),
        ("<View>", "no XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>', "no XML"),
        ("<View/>", "no BrushLabels"),
        (CONFIG.replace('toName="photo"', 'toName="text"'), "no BrushLabels"),
        (CONFIG.replace("<Label ", "<Choice "), "no Label"),
        ("".join(CONFIG.split("<Label ")[0:1]) + '<Label value="Ufo"/></BrushLabels></View>', "predicted_values"),
    ],
)
def test_a_config_that_cannot_be_served_is_told_in_a_sentence(text: str, told: str) -> None:
    assert told in sentence_of(text)
