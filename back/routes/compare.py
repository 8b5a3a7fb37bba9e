"""POST /compare: several models on one photo, which is uploaded and decoded once."""

import asyncio
import time
from itertools import combinations
from typing import Annotated, Literal

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from back.compared_maps import UInt8Array, agreement_of, disagreement_map, error_map, outcome_map
from back.label_files import decode_label, label_table, remap_label
from back.loading import Served
from back.pipeline import Segmented, Upload, check_form, decode, is_large, make_answer, segment, to_base64
from back.problems import Problem, responses
from back.routes.queries import PHOTO
from back.runtime.class_counts import count_labels
from back.runtime.imaging import Photo
from back.runtime.labels.tables import source_named
from back.runtime.masks.png import encode_gray_png
from back.runtime.scores.confusion import Counts, count_pairs, regrouped, scores_against
from back.runtime.taxonomy import Taxonomy, common_of, grouping
from back.schemas import CompareAnswer, CountedScores, LabelAnswer, LabelScores, Outcomes, Pair
from back.services import Services, ServicesDep

router = APIRouter(tags=["segmentation"])
MAX_MODELS = 8


WantedModels = Annotated[
    str | None,
    Field(
        max_length=1000,
        description="names, name@alias or name/version, separated by commas; default: every model that is ready",
        examples=["deeplabv3plus,segformer"],
        # Told, not checked: `_models` says in a sentence what is wrong, and forgives a comma too many.
        json_schema_extra={"pattern": rf"^[^,\s][^,]*(,[^,]*){{0,{MAX_MODELS - 1}}}$"},
    ),
]


LABEL = "PNG of class ids, of the photo's size"
LabelTaxonomy = Annotated[
    str,
    Field(
        max_length=100,
        description="what the values of the label file mean: street8, cityscapes19 (trainIds), cityscapes_label_ids, "
        "cityscapes7 or camvid11; or the class set of a model compared",
    ),
]


class CompareQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    models: WantedModels = None
    output: Literal["mask", "classes"] = Field(default="classes", description="form of each model's label map")
    label_taxonomy: LabelTaxonomy = "street8"


@router.post(
    "/compare",
    summary="Compare models on one photo",
    responses=responses(400, 404, 408, 413, 415, 422, 503),
    response_model=CompareAnswer,
)
async def compare(
    request: Request,
    services: ServicesDep,
    query: Annotated[CompareQuery, Query()],
    image: Annotated[UploadFile, File(description=PHOTO)],
    label: Annotated[UploadFile | None, File(description=LABEL)] = None,
) -> Response:
    """Every model's label map, how far each two agree, where they do not, and, where a label file comes with the
    photo, the errors of each model against it.

        curl -F image=@photo.jpg -F label=@labels.png 'http://127.0.0.1:8000/compare?label_taxonomy=camvid11'
    """
    await check_form(request, ("image", "label"))
    return Response(await compared(request, services, query, image, label), media_type="application/json")


async def compared(
    request: Request, services: Services, query: CompareQuery, image: UploadFile, label: UploadFile | None
) -> bytes:
    """The JSON of a `CompareAnswer`; raises Problem for what cannot be compared."""
    started = time.perf_counter()
    async with services.workers.admit():
        models = await _models(services, query.models)
        large = await is_large(services, image, models, query.output)
        async with services.workers.turn(request.is_disconnected, large):
            upload = await decode(services, image, request, models, query.output)
            truth = await _read_label(services, upload.photo, label, query.label_taxonomy, models)
            results = await asyncio.gather(*(segment(services, served, upload, query.output) for served in models))
            return await services.workers.run(
                lambda: _answer(upload, results, query.output, truth, started).model_dump_json().encode()
            )


async def _models(services: Services, text: str | None) -> list[Served]:
    if text is None:
        served = services.registry.served
        if not served:
            services.registry.find(None)  # raises: nothing is ready
        return [served[name] for name in sorted(served)][:MAX_MODELS]
    names = list(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise Problem(422, "The query parameter 'models' is empty; name models, separated by commas.")
    if len(names) > MAX_MODELS:
        raise Problem(422, f"At most {MAX_MODELS} models are compared at once; {len(names)} were named.")
    return [await services.find_model(name) for name in names]


async def _read_label(
    services: Services, photo: Photo, label: UploadFile | None, source: str, models: list[Served]
) -> dict[str, UInt8Array] | None:
    """The label in the classes of each model's taxonomy, by taxonomy id; None without a label."""
    if label is None:
        return None

    def work() -> dict[str, UInt8Array]:
        taxonomies = {served.predictor.card.taxonomy.id: served.predictor.card.taxonomy for served in models}
        kind = source_named(source, taxonomies.values())
        tables = {key: label_table(kind, taxonomy) for key, taxonomy in taxonomies.items()}
        label_HW = decode_label(label.file.read(), kind, photo.width, photo.height)
        return {key: remap_label(label_HW, table) for key, table in tables.items()}

    return await services.workers.run(work)


def _answer(
    upload: Upload,
    results: list[Segmented],
    output: Literal["mask", "classes"],
    truth: dict[str, UInt8Array] | None,
    started: float,
) -> CompareAnswer:
    keys = _keys(results)
    maps = [(result.prediction.labels_HW, result.prediction.taxonomy) for result in results]
    pairs = []
    for (key_a, (a_HW, a)), (key_b, (b_HW, b)) in combinations(zip(keys, maps, strict=True), 2):
        counts = count_pairs(a_HW, b_HW)
        matrix = counts[: len(a.classes), : len(b.classes)].tolist()
        common = common_of((a, b))
        pairs.append(
            Pair(
                a=key_a,
                b=key_b,
                pixel_agreement=agreement_of(counts, a, b),
                counted_in=None if common is None or a.same_classes(b) else common.id,
                confusion_matrix=matrix,
            )
        )
    several = len(maps) > 1
    return CompareAnswer(
        width=upload.photo.width,
        height=upload.photo.height,
        decode_ms=upload.decode_ms,
        models=[make_answer(result, output, started) for result in results],
        pairs=pairs,
        disagreement=to_base64(encode_gray_png(disagreement_map(maps)), "disagreement") if several else None,
        label=None if truth is None else _against_label(keys, results, truth),
    )


def _against_label(keys: list[str], results: list[Segmented], truth: dict[str, UInt8Array]) -> LabelAnswer:
    return LabelAnswer(
        models=_label_scores(keys, results, truth),
        pairs=_outcomes(keys, results, truth),
        truth={key: to_base64(encode_gray_png(label_HW), "truth") for key, label_HW in truth.items()},
    )


def _label_scores(keys: list[str], results: list[Segmented], truth: dict[str, UInt8Array]) -> dict[str, LabelScores]:
    scores = {}
    taxonomies = [result.prediction.taxonomy for result in results]
    common = common_of(taxonomies)
    differ = any(not one.same_classes(taxonomies[0]) for one in taxonomies)
    for key, result in zip(keys, results, strict=True):
        taxonomy, labels_HW = result.prediction.taxonomy, result.prediction.labels_HW
        label_HW = truth[taxonomy.id]
        errors = encode_gray_png(error_map(label_HW, labels_HW, taxonomy.ignore_index))
        pairs = count_pairs(label_HW, labels_HW)
        counted = _counted(pairs, taxonomy, common) if differ and common is not None else None
        scores[key] = LabelScores(
            **scores_against(pairs, taxonomy),
            taxonomy=taxonomy.id,
            errors=to_base64(errors, "errors"),
            counted=counted,
        )
    return scores


def _counted(pairs: Counts, taxonomy: Taxonomy, common: Taxonomy) -> CountedScores:
    """A model's scores in the classes that all models compared share."""
    own, places = len(taxonomy.classes), grouping(taxonomy, common) or ()
    scores = scores_against(regrouped(pairs[:own, :own], places, len(common.classes)), common)
    return CountedScores(taxonomy=common.id, **{k: scores[k] for k in ("miou", "pixel_accuracy", "class_iou")})


def _outcomes(keys: list[str], results: list[Segmented], truth: dict[str, UInt8Array]) -> list[Outcomes]:
    predictions = [result.prediction for result in results]
    judged = [(truth[p.taxonomy.id], p.labels_HW, p.taxonomy) for p in predictions]
    pairs = []
    for (key_a, a), (key_b, b) in combinations(zip(keys, judged, strict=True), 2):
        outcome_HW = outcome_map(a, b)
        both_right, only_a, only_b, both_wrong = count_labels(outcome_HW)[:4].tolist()
        pairs.append(
            Outcomes(
                a=key_a,
                b=key_b,
                both_right=both_right,
                only_a=only_a,
                only_b=only_b,
                both_wrong=both_wrong,
                outcome=to_base64(encode_gray_png(outcome_HW), "outcome"),
            )
        )
    return pairs


def _keys(results: list[Segmented]) -> list[str]:
    """A name for each model in the answer: its own, with the version where two versions of one are compared."""
    names = [result.served.name for result in results]
    return [
        name if names.count(name) == 1 else f"{name}/{result.served.version.version}"
        for name, result in zip(names, results, strict=True)
    ]
