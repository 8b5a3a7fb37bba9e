"""Every small input that went wrong (../shared/cases/README.md) has its tests: this table says where.

Of each line, tests named `data/test_cases.py` and the like read the case itself where it is beside the project; the
others make its twin, so that they run everywhere.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
README = TESTS.parents[1] / "shared" / "cases" / "README.md"
_CASES = "modelisation/data/test_cases.py"
# What the first column names -> the tests that hold it, as file::function.
TABLE = {
    "ds_labels_plain_grey": (
        f"{_CASES}::test_loader_and_doctor_agree",
        "back/runtime/labels/test_read.py::test_any_encoding_of_the_same_pixels_gives_the_same_ids",
    ),
    "ds_labels_grey_2bit_0_and_3": (
        f"{_CASES}::test_labels_are_read_as_their_ids",
        "back/runtime/labels/test_read.py::test_few_bits_a_pixel_are_not_scaled",
        "back/routes/test_labels.py::test_the_values_are_those_that_compare_counts",
        "modelisation/doctor/test_palettes.py::test_labels_of_two_bits_a_pixel_are_not_scaled",
    ),
    "ds_labels_binary_0_255": (
        f"{_CASES}::test_loader_and_doctor_agree",
        "modelisation/doctor/test_conventions.py::test_masks_of_one_class_are_called_so_whatever_they_show",
    ),
    "ds_labels_right_ids_voc_palette": (
        f"{_CASES}::test_right_ids_under_the_palette_of_voc_are_those_ids",
        "modelisation/doctor/test_palettes.py::test_right_ids_under_a_foreign_palette_are_no_fault",
    ),
    "ds_label_suffix_PNG_upper": (
        f"{_CASES}::test_loader_and_doctor_agree",
        "modelisation/data/test_left_out.py::test_loader_doctor_and_api_see_the_same",
    ),
    "ds_some_in_subfolder": (
        f"{_CASES}::test_loader_and_doctor_agree",
        "modelisation/data/test_left_out.py::test_loader_doctor_and_api_see_the_same",
        "modelisation/commands/test_predict.py::test_a_folder_is_read_as_a_data_set_is_and_what_is_left_out_is_said",
    ),
    "ds_twin_stems_jpg_and_png": (
        f"{_CASES}::test_loader_and_doctor_agree",
        "modelisation/data/test_left_out.py::test_loader_doctor_and_api_see_the_same",
    ),
    "ds_unsplit_images_labels": (
        f"{_CASES}::test_four_clips_without_splits_are_split",
        "modelisation/data/test_splits.py::test_training_and_validation_share_no_picture_and_no_clip",
        "modelisation/data/test_splits.py::test_an_unknown_split_lists_what_there_is",
    ),
    "ds_train_mostly_ignored": (
        "modelisation/training/test_few_labels.py::test_training_goes_on_where_most_pictures_have_no_label",
        "modelisation/commands/test_train.py::test_batches_without_a_labelled_pixel_and_single_pictures_are_trained_on",
    ),
    "ds_val_all_ignored": (
        f"{_CASES}::test_a_split_that_is_ignored_throughout_is_refused",
        "modelisation/commands/test_train.py::test_a_split_that_is_all_ignored_is_refused",
    ),
    "grey16.png": (
        "modelisation/data/test_read_rgb.py::test_the_cases_are_read_as_chromium_shows_them",
        "front/photos/test_picture.py::test_every_kind_of_photo_has_the_pixels_that_the_api_sees",
    ),
    "cmyk.jpg": (
        "modelisation/data/test_read_rgb.py::test_the_cases_are_read_as_chromium_shows_them",
        "front/photos/test_picture.py::test_every_kind_of_photo_has_the_pixels_that_the_api_sees",
    ),
    "exif_*.jpg": (
        "front/photos/test_exif.py::test_the_files_that_tripped_others_are_turned_as_a_browser_and_the_api_turn_them",
        "modelisation/data/test_read_rgb.py::test_pictures_are_decoded_as_the_api_decodes_them",
    ),
    "*_orientation6.*": (
        "front/photos/test_exif.py::test_the_files_that_tripped_others_are_turned_as_a_browser_and_the_api_turn_them",
        "front/photos/test_exif.py::test_the_api_turns_it_the_same_way",
    ),
    "jpeg_xmp_orientation6.jpg": (
        "front/photos/test_exif.py::test_the_files_that_tripped_others_are_turned_as_a_browser_and_the_api_turn_them",
        "front/photos/test_exif.py::test_a_photo_is_turned_as_browsers_turn_it_whatever_its_exif_says",
    ),
    "png_*.png": (
        "modelisation/data/test_read_rgb.py::test_damaged_side_chunks_change_no_pixel",
        "modelisation/data/test_read_rgb.py::test_a_damaged_picture_is_refused_by_name_with_the_reason",
        "front/photos/test_png.py::test_a_png_is_shown_whatever_stands_beside_its_pixels",
    ),
    "tiny_segformer.yaml": (
        "modelisation/commands/test_train.py::test_what_does_not_go_together_is_found_before_anything_is_written",
        "modelisation/training/test_few_labels.py::test_one_picture_to_train_on_and_one_to_validate_on_are_enough",
    ),
    "tiny_deeplab.yaml": (
        "modelisation/commands/test_train.py::test_deeplab_does_not_train_on_single_pictures",
        "modelisation/test_recipe.py::augmentation.flip=50",
    ),
    "--run-dir": ("modelisation/commands/test_train.py::test_a_folder_with_files_is_refused_and_nothing_is_lost",),
    "predict --out": (
        "modelisation/commands/test_predict.py::test_masks_are_not_written_into_the_photos_own_folder",
        "modelisation/commands/test_predict.py::test_a_photo_under_a_masks_name_is_not_written_over",
    ),
    "a folder named in two spellings": (
        "modelisation/outputs/test_mark.py::test_a_folder_that_holds_an_input_is_refused_however_it_is_spelt",
        "modelisation/commands/test_predict.py::test_masks_are_not_written_into_the_photos_own_folder",
    ),
}


@pytest.mark.parametrize("line", TABLE)
def test_the_tests_of_a_line_exist(line: str) -> None:
    for test in TABLE[line]:
        file, name = test.split("::")
        assert name in (TESTS / file).read_text(encoding="utf-8"), test


@pytest.mark.skipif(not README.is_file(), reason="the cases are not beside the project (../shared/cases)")
def test_every_line_is_in_the_table() -> None:
    rows = re.findall(r"^\| (.+?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)[1:]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`([^`]+)`", row) or [row]
        assert all(any(line in name for line in TABLE) for name in named if name != ".."), row
