"""Boards: on the ground, behind what stands nearer, by the seed alone, and nowhere else in a run."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from back.runtime.errors import UserError
from back.runtime.taxonomy import TAXONOMIES, ClassInfo, Taxonomy
from modelisation.data.base import Sample
from modelisation.recipe import Augmentation
from modelisation.training.samples.augment import TrainingTransform
from modelisation.training.samples.board_places import find_street, stand
from modelisation.training.samples.boards import BoardPaster, paste
from modelisation.training.samples.roles import find_roles
from modelisation.training.samples.soft import SoftSample

STREET8 = TAXONOMIES["street8"]
ROAD, SIDEWALK, BUILDING, VEHICLE, PEDESTRIAN, _, SKY, BACKGROUND = range(8)
HEIGHT, WIDTH, HORIZON = 120, 160, 50
ROLES = find_roles(STREET8)
MEAN = (0.5, 0.5, 0.5)


def street() -> Sample:
    """A road to the middle of the horizon, pavements beside it, walls of houses beside these, and sky."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    offset = np.abs(x - WIDTH / 2) / np.maximum(y - HORIZON, 0.1)
    label = np.where(offset < 2, SIDEWALK, BUILDING)
    label[offset < 1.2] = ROAD
    label[(y < HORIZON) & (y < 50 - 0.6 * (np.abs(x - WIDTH / 2) - 10))] = SKY
    return Sample(np.full((HEIGHT, WIDTH, 3), 120, np.uint8), label.astype(np.uint8), "street")


def paster(probability: float = 1.0, class_name: str = "building") -> BoardPaster:
    return BoardPaster([street()], probability, class_name, STREET8)


def pasted(sample: Sample, seed: int, class_name: str = "background") -> tuple[Sample, np.ndarray]:
    """A sample with boards, and where they are by its label, in which nothing else is of their class."""
    result = paster(class_name=class_name)(sample, np.random.default_rng(seed))
    return result, result.label == STREET8.names.index(class_name)


def test_boards_stand_on_the_ground_and_only_they_change_the_picture():
    seen = 0
    for seed in range(40):
        result, boards = pasted(street(), seed)
        columns = np.flatnonzero(boards.any(0))
        seen += bool(len(columns))
        lowest = HEIGHT - 1 - boards[::-1].argmax(0)
        under = street().label[np.minimum(lowest + 2, HEIGHT - 1), np.arange(WIDTH)][columns]
        assert not len(columns) or np.isin(under, (ROAD, SIDEWALK)).mean() > 0.6
        assert (result.label == street().label)[~boards].all()
        # Beside the boards' own pixels there are their smooth edges, posts, and the shadow at their foot.
        changed = (result.image != street().image).any(-1)
        assert not (changed & ~ndimage.binary_dilation(boards, iterations=16)).any()
        assert changed[boards].mean() > 0.9 if len(columns) else not changed.any()
    assert seen > 30


def test_boards_are_of_many_looks():
    means = [
        result.image[boards].mean(0)
        for seed in range(40)
        for result, boards in [pasted(street(), seed)]
        if boards.any()
    ]
    assert np.std(means, axis=0).min() > 20


def test_what_stands_nearer_stays_before_the_boards_and_what_stands_behind_is_hidden():
    camera = find_street(street().label, ROLES.ground, ROLES.built)
    place = stand(camera, (-2.2, 4.0), (-2.2, 12.0), 2.4, 1.5, 140.0)
    column = int(np.flatnonzero(np.isfinite(place.foot))[5])
    foot = place.foot[column]
    for class_id in (VEHICLE, PEDESTRIAN, BACKGROUND):
        for steps, hides in ((8, True), (-8, False)):
            label = street().label.copy()
            bottom = round(foot + steps)
            label[bottom - 18 : bottom, column - 2 : column + 3] = class_id
            seen = paster()._seen(place, label)
            assert (~seen).sum() == (18 * 5 if hides else 0)
            image = street().image.copy()
            strip = np.ones((40, 40, 4), np.float32)
            light = np.full(3, 250.0)
            shown = paste(image, place, strip, seen, light, np.random.default_rng(0))
            assert not shown[~seen].any()
            assert (image[~seen] == 120).all()
            assert (image[shown] > 120).mean() > 0.99
            assert np.median(image[shown]) > 180
            assert shown.sum() > 100


def test_a_wide_fence_is_no_pole_and_hides_no_boards():
    place = stand(find_street(street().label, ROLES.ground, ROLES.built), (-2.2, 4.0), (-2.2, 12.0), 2.4, 1.5, 140.0)
    label = street().label.copy()
    label[80:118, :60] = BACKGROUND
    assert paster()._seen(place, label).all()


def test_people_of_other_pictures_pass_before_boards():
    label = street().label.copy()
    label[60:100, 70:84] = PEDESTRIAN
    image = street().image.copy()
    image[label == PEDESTRIAN] = (250, 20, 20)
    paste_both = BoardPaster([Sample(image, label, "person")], 1.0, "building", STREET8)
    results = [paste_both(street(), np.random.default_rng(seed)) for seed in range(20)]
    people = [result.label == PEDESTRIAN for result in results]
    assert 8 < sum(bool(one.any()) for one in people) < 20
    assert all(
        (result.image[one][:, 0] > 200).mean() > 0.9 for result, one in zip(results, people, strict=True) if one.any()
    )


def test_the_sample_itself_is_left_alone():
    sample = street()
    paster()(sample, np.random.default_rng(1))
    assert np.array_equal(sample.label, street().label)
    assert (sample.image == 120).all()


def test_the_same_seed_pastes_the_same_and_the_probability_is_kept():
    one, two = (paster()(street(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.label, two.label)
    rng, rare = np.random.default_rng(2), paster(0.3)
    changed = sum((rare(street(), rng).image != 120).any() for _ in range(100))
    assert 15 < changed < 45


def test_a_transform_without_boards_is_as_it_was_and_with_them_crops_the_same_part():
    augmentation = Augmentation(crop=(64, 96), brightness=0.3, rotate=0.5)
    assert BoardPaster.of([street()], augmentation, STREET8) is None
    asked = BoardPaster.of([street()], augmentation.model_copy(update={"boards": 1.0}), STREET8)
    plain, with_boards = (TrainingTransform(augmentation, MEAN, 255, boards=boards) for boards in (None, asked))
    shown = 0
    for seed in range(12):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        one, two = plain(street(), seed), with_boards(street(), seed)
        assert torch.equal(before, torch.get_rng_state())
        if (replaced := asked(street(), np.random.default_rng(seed))).label.tolist() == street().label.tolist():
            continue
        assert torch.equal(two.image, plain(replaced, seed).image)
        if not torch.equal(one.label, two.label):
            shown += 1
            assert (two.label[one.label != two.label] == BUILDING).all()
    assert shown > 3


def test_the_teacher_says_nothing_where_boards_stand_and_keeps_its_word_elsewhere():
    soft = np.full((HEIGHT // 4, WIDTH // 4, 8), 31, np.uint8)
    taught = SoftSample(street().image, street().label, "street", soft)
    result, boards = pasted(taught, 3)
    assert isinstance(result, SoftSample)
    quarter = boards.reshape(HEIGHT // 4, 4, WIDTH // 4, 4).mean((1, 3))
    assert (result.soft[quarter == 1] == 0).all()
    assert (quarter == 1).any()
    assert (result.soft == 31).all(-1).mean() > 0.5
    assert (soft == 31).all()


@pytest.mark.parametrize("class_id", [255, BUILDING])
def test_photos_without_labels_and_pictures_without_ground_stay_as_they_are(class_id):
    sample = replace(street(), label=np.full((HEIGHT, WIDTH), class_id, np.uint8))
    assert all(paster()(sample, np.random.default_rng(seed)) is sample for seed in range(5))


def test_a_class_that_the_taxonomy_lacks_is_named():
    with pytest.raises(UserError, match=r"augmentation\.boards_class: street8 has no wall; it has road, "):
        paster(class_name="wall")


@pytest.mark.parametrize(
    ("name", "ground", "standing"),
    [("cityscapes19", {"road", "sidewalk"}, {"person", "rider", "car", "bus"}), ("street8", {"road"}, {"vehicle"})],
)
def test_the_classes_of_other_sets_have_the_roles_of_those_that_they_belong_to(name, ground, standing):
    taxonomy = TAXONOMIES[name]
    roles = find_roles(taxonomy)
    assert ground <= {one for one in taxonomy.names if roles.ground[taxonomy.names.index(one)]}
    assert standing <= {one for one in taxonomy.names if roles.standing[taxonomy.names.index(one)]}
    assert not roles.ground[taxonomy.ignore_index]


def test_classes_without_ground_are_refused():
    classes = tuple(ClassInfo(id=i, name=name, color=(i, i, i)) for i, name in enumerate(("building", "cat")))
    with pytest.raises(UserError, match="pets has no class that is known as road or sidewalk"):
        BoardPaster([street()], 1.0, "building", Taxonomy(id="pets", classes=classes))
