"""A project's label config (Label Studio's XML): in which form it wants labels, and what it calls the classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from back.problems import Problem
from back.runtime.taxonomy import Taxonomy

Form = Literal["brushlabels", "polygonlabels"]
# A brush says exactly which pixels, so it is taken where a config has both.
_FORMS: Mapping[str, Form] = {"BrushLabels": "brushlabels", "PolygonLabels": "polygonlabels"}
MAX_CHARACTERS = 200_000
_SHOWN = 12


@dataclass(frozen=True)
class LabelConfig:
    """What of a label config a prediction needs.

    Attributes:
        from_name: the name of its BrushLabels or PolygonLabels.
        to_name: the name of its Image.
        form: which of the two it is.
        image_key: where a task's data hold the address of the picture.
        model: the attribute `model_name`: which model answers; None for the default one.
        names: what each label stands for, in lower case: its value, alias and `predicted_values` -> its value.
    """

    from_name: str
    to_name: str
    form: Form
    image_key: str
    model: str | None
    names: Mapping[str, str]

    def labels_of(self, taxonomy: Taxonomy) -> dict[int, str]:
        """Class id -> label, without the classes that the config has no label for.

        Raises:
            Problem: 400, it has none for any of them.
        """
        known = {one.id: self.names[one.name.lower()] for one in taxonomy.classes if one.name.lower() in self.names}
        if not known:
            labels, classes = sorted(set(self.names.values())), [one.name for one in taxonomy.classes]
            raise Problem(
                400,
                f"No label of the config is a class of the model. The labels are {_listed(labels)}; the classes are "
                f"{_listed(classes)}. Rename labels, or name the classes: "
                f'<Label value="{labels[0][:40]}" predicted_values="{classes[0]}"/>.',
            )
        return known


def read_config(text: str) -> LabelConfig:
    """Read a label config.

    Raises:
        Problem: 400, it is no XML, or has no BrushLabels or PolygonLabels on an Image.
    """
    from defusedxml import DefusedXmlException, ElementTree

    try:
        root = ElementTree.fromstring(text, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise Problem(400, "The label config is no XML that can be read; send the project's own.") from error
    images = {tag.get("name"): tag.get("value", "") for tag in root.iter("Image")}
    for kind, form in _FORMS.items():
        for control in root.iter(kind):
            value = images.get(to_name := control.get("toName"), "")
            if value.startswith("$") and to_name and (from_name := control.get("name")):
                names = _names_of(control)
                if not names:
                    raise Problem(400, f"The {kind} {from_name[:60]!r} of the label config has no Label.")
                return LabelConfig(from_name, to_name, form, value[1:], control.get("model_name"), names)
    raise Problem(
        400,
        "The label config has no BrushLabels and no PolygonLabels on an Image; add one; the template "
        "'Semantic Segmentation with Masks' has it.",
    )


def left_out(labels: Mapping[int, str], taxonomy: Taxonomy) -> list[str]:
    """Names of the classes that are labelled nothing."""
    return [one.name for one in taxonomy.classes if one.id not in labels]


def _names_of(control: Any) -> dict[str, str]:
    """Values come last: a label's own name means that label, whatever others predict."""
    values = [(label, value) for label in control.iter("Label") if (value := label.get("value"))]
    names = {}
    for label, value in values:
        for name in (label.get("alias", ""), *label.get("predicted_values", "").split(",")):
            if name.strip():
                names[name.strip().lower()] = value
    return names | {value.lower(): value for _, value in values}


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
