"""The report's text: models, numbers, classes and how far they carry. Every name is escaped; there is no script."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from front.api.comparison import Agreement, LabelScore, Segmentation
from front.report.pictures import OPACITY, difference_uri, overlay_uri, photo_uri
from front.report.swaps import largest_swaps
from front.ui.names import dataset_name, display_name
from front.ui.palette import css

_STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
_EXPECT = "Photos of yours are other streets and another camera: expect the lower numbers, not the first one."
_DASH = "–"


@dataclass(frozen=True)
class Reported:
    """One model of a report: its answer, the classes' names and colours by id, and its card as the API gives it."""

    answer: Segmentation
    classes: Sequence[Mapping[str, Any]]
    card: Mapping[str, Any]

    @property
    def title(self) -> str:
        return display_name(self.answer.model)


@dataclass(frozen=True)
class Subject:
    """What a report is of.

    Attributes:
        name: of the photo's file.
        size: width and height of the photo, pixels.
        jpeg: the photo, upright, no matter how small.
        when: date and time, for people.
    """

    name: str
    size: tuple[int, int]
    jpeg: bytes
    when: str


@dataclass(frozen=True)
class Judged:
    """Two models against a label file, in comparable classes, in the models' order."""

    label_name: str
    scores: tuple[LabelScore, LabelScore]


def report_html(
    subject: Subject,
    models: Sequence[Reported],
    agreement: Agreement | None = None,
    judged: Judged | None = None,
) -> bytes:
    """The file.

    Args:
        agreement: of exactly two models.
        judged: of the same two.
    """
    width, height = subject.size
    names = " and ".join(model.title for model in models)
    see = f"What {names} {'sees' if len(models) == 1 else 'see'} on this photo of {width} × {height} pixels."
    parts = [
        f"<h1>{escape(subject.name)}</h1>",
        f'<p class="soft">{escape(f"{see} {subject.when}.")}</p>',
        _numbers(models, agreement, judged),
        _figures(subject, models, agreement),
        "<h2>Models</h2>",
        _models(models),
        "<h2>Classes</h2>",
        _classes(models, judged),
        _swaps(models, agreement),
        "<h2>How far it carries</h2>",
        _carries(models),
        f"<footer>Made by StreetSeg's dashboard. Colours lie over the photo with {OPACITY:.0%}; dark grey classes "
        "are hatched, so that no shadow looks like one. Estimates by small networks: no basis for driving or for "
        "watching people.</footer>",
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(subject.name)}: {escape(names)}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src '
        f"'unsafe-inline'\"><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    return page.encode()


def _numbers(models: Sequence[Reported], agreement: Agreement | None, judged: Judged | None) -> str:
    if agreement is None:
        return ""
    numbers = {"Same class": _percent(agreement.share), "Different class": _percent(1 - agreement.share)}
    if judged is not None:
        a, b = (score.miou for score in judged.scores)
        numbers |= {f"mIoU of {m.title}": _percent(s.miou) for m, s in zip(models, judged.scores, strict=True)}
        numbers["Difference, B − A"] = _DASH if a is None or b is None else f"{100 * (b - a):+.1f} points"
    items = "".join(f"<li>{escape(name)}<b>{value}</b></li>" for name, value in numbers.items())
    notes = []
    if agreement.counted_in is not None:
        notes.append(f"The models' classes differ; both are counted in {agreement.counted_in}.")
    if judged is not None:
        notes.append(f"mIoU: mean over the classes of the overlap with the label file {judged.label_name}.")
    return f'<ul class="numbers">{items}</ul>' + "".join(f'<p class="soft">{escape(note)}</p>' for note in notes)


def _figures(subject: Subject, models: Sequence[Reported], agreement: Agreement | None) -> str:
    figures = [("Photo", "", photo_uri(subject.jpeg), f"The photo {subject.name}.")]
    for model in models:
        uri = overlay_uri(subject.jpeg, model.answer.classes_png, model.classes)
        alt = f"The photo under the colours of {model.title}."
        figures.append((model.title, f"version {model.answer.version}", uri, alt))
    if agreement is not None:
        uri = difference_uri(subject.jpeg, agreement.map_png)
        figures.append(("Where they differ", "marked in red", uri, "Where the two models give different classes."))
    return '<div class="figures">' + "".join(
        f'<figure><figcaption>{escape(title)} <span>{escape(note)}</span></figcaption><img src="{uri}" '
        f'alt="{escape(alt)}"></figure>'
        for title, note, uri, alt in figures
    ) + "</div>"  # fmt: skip


def _models(models: Sequence[Reported]) -> str:
    rows = []
    for model in models:
        metrics = model.card.get("metrics")
        measured = (
            f"mIoU {_percent(metrics['miou'])} on {dataset_name(metrics['dataset'])} {metrics['split']}, "
            f"{metrics['images']} images"
            if metrics
            else "not measured"
        )
        answer = model.answer
        rows.append((model.title, answer.version, answer.sha256[:12], measured, f"{answer.worked_ms:.0f} ms"))
    return _table(("Model", "Version", "Weights (sha256)", "Measured before", "Time for this photo"), rows)


def _classes(models: Sequence[Reported], judged: Judged | None) -> str:
    colours = {one["name"]: one["color"] for model in models for one in model.classes}
    head = ["Class", *(f"{model.title}, share" for model in models)]
    pair = models if len(models) == 2 else ()
    if pair:
        head.append("B − A, points")
    if judged is not None:
        head += [f"{model.title}, IoU" for model in models]
    rows = []
    for name, color in colours.items():
        shares = [model.answer.class_shares.get(name) for model in models]
        cells = [
            f'<span class="name"><i style="background:{css(color)}"></i>{escape(name)}</span>',
            *(_percent(share) for share in shares),
        ]
        if pair:
            a, b = shares
            cells.append(_DASH if a is None or b is None else f"{100 * (b - a):+.1f}")
        if judged is not None:
            cells += [_percent(score.class_iou.get(name)) for score in judged.scores]
        rows.append(cells)
    return _table(head, rows, escaped=True)


def _swaps(models: Sequence[Reported], agreement: Agreement | None) -> str:
    if agreement is None:
        return ""
    swaps = largest_swaps(agreement.matrix, *([str(c["name"]) for c in model.classes] for model in models))
    rows = [(one, other, f"{share:.2f} %") for one, other, share in swaps]
    return "<h2>The largest differences</h2>" + _table((*(m.title for m in models), "Of the photo"), rows)


def _carries(models: Sequence[Reported]) -> str:
    scores: dict[str, dict[str, float]] = {}
    for model in models:
        metrics = model.card.get("metrics")
        own = {f"{dataset_name(metrics['dataset'])} {metrics['split']}": metrics["miou"]} if metrics else {}
        for pictures, miou in (own | (model.card.get("carries") or {})).items():
            scores.setdefault(pictures, {})[model.title] = miou
    rows = [(kind, *(_percent(found.get(model.title)) for model in models)) for kind, found in scores.items()]
    limits = "".join(f"<p><b>{escape(m.title)}.</b> {escape(str(m.card.get('limits', '')))}</p>" for m in models)
    table = _table(("mIoU on pictures of", *(model.title for model in models)), rows) if rows else ""
    return f"<p>{_EXPECT}</p>{table}{limits}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], *, escaped: bool = False) -> str:
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell if escaped else escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _percent(value: float | None) -> str:
    return _DASH if value is None else f"{100 * value:.1f} %"
