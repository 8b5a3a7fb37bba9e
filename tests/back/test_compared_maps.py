import numpy as np
import pytest

from back.compared_maps import agreement_of, disagreement_map, error_map, outcome_map
from back.runtime.scores.confusion import count_pairs
from back.runtime.taxonomy import CITYSCAPES7, CITYSCAPES19, STREET8


def test_taxonomies_agree_by_the_names_of_their_classes() -> None:
    sky8, sky7 = STREET8.names.index("sky"), CITYSCAPES7.names.index("sky")
    a = np.array([[sky8, sky8, 0]], np.uint8)
    b = np.array([[sky7, 0, 0]], np.uint8)
    assert agreement_of(count_pairs(a, b), STREET8, CITYSCAPES7) == pytest.approx(1 / 3)
    assert disagreement_map([(a, STREET8), (b, CITYSCAPES7)]).tolist() == [[0, 255, 255]]


def test_of_two_sets_the_coarser_is_compared_where_it_groups_the_other() -> None:
    car, truck = (CITYSCAPES19.names.index(name) for name in ("car", "truck"))
    vehicle = STREET8.names.index("vehicle")
    a, b = np.array([[car, truck, 0]], np.uint8), np.array([[vehicle, vehicle, 1]], np.uint8)
    assert agreement_of(count_pairs(a, b), CITYSCAPES19, STREET8) == pytest.approx(2 / 3)
    assert disagreement_map([(a, CITYSCAPES19), (b, STREET8)]).tolist() == [[0, 0, 255]]


def test_third_model_alone_makes_a_disagreement() -> None:
    same, other = np.zeros((1, 2), np.uint8), np.array([[0, 1]], np.uint8)
    assert disagreement_map([(same, STREET8), (same, STREET8), (other, STREET8)]).tolist() == [[0, 255]]


def test_errors_leave_out_what_is_not_labelled() -> None:
    label, predicted = np.array([[0, 1, 255]], np.uint8), np.array([[0, 2, 3]], np.uint8)
    assert error_map(label, predicted, 255).tolist() == [[0, 255, 0]]


def test_each_outcome_by_hand_where_both_have_a_label() -> None:
    label = np.array([[1, 1, 1, 1, 255, 255]], np.uint8)
    a, b = np.array([[1, 1, 2, 2, 1, 2]], np.uint8), np.array([[1, 3, 1, 3, 1, 3]], np.uint8)
    assert outcome_map((label, a, STREET8), (label, b, STREET8)).tolist() == [[0, 1, 2, 3, 4, 4]]
    of_b = np.array([[1, 1, 1, 255, 1, 255]], np.uint8)  # its classes leave other pixels without a label
    assert outcome_map((label, a, STREET8), (of_b, b, CITYSCAPES7)).tolist() == [[0, 1, 2, 4, 4, 4]]
