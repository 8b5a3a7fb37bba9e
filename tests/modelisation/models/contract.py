"""What every architecture must fulfil. A test class inherits `ModelContract` and says how to build a small one."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from back.runtime.card import CARD_FILE, ONNX_FILE, read_card, verify_files
from back.runtime.predictor import Predictor
from modelisation.data.open import open_dataset
from modelisation.export.from_run import export_run
from modelisation.export.onnx import CHECKED
from modelisation.models import ARCHITECTURES, SegmentationModel, build_model, load_bundle_model
from modelisation.models.predict import normalise
from modelisation.recipe import Loss
from modelisation.scenes.render import render_scene
from modelisation.training.ema import WeightAverage
from modelisation.training.loss import make_criterion
from tests.modelisation.runs import run_folder
from tests.modelisation.tiny import write_data

CLASSES = 5
IGNORE = 255


def encoder_parameter_ids(model: SegmentationModel) -> set[int]:
    return {id(p) for layer in model.encoder_layers() for module in layer for p in module.parameters()}


class ModelContract:
    """Inherited by one test class an architecture."""

    architecture: str
    build: dict[str, Any]

    def fresh(self, seed: int = 0, classes: int = CLASSES) -> SegmentationModel:
        torch.manual_seed(seed)
        model = build_model(self.architecture, classes, **self.build)
        # Batch norms as after training: with mean 0 and variance 1 a folding mistake would not show.
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
                torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
        return model

    def test_it_is_listed_under_its_name(self) -> None:
        assert ARCHITECTURES[self.architecture].architecture == self.architecture

    @pytest.mark.parametrize(("height", "width"), [(32, 64), (96, 32)])
    def test_scores_come_at_the_promised_stride(self, height: int, width: int) -> None:
        model = self.fresh().eval()
        with torch.no_grad():
            scores = model(torch.randn(2, 3, height, width))
        s = model.score_stride
        assert scores.shape == (2, CLASSES, height // s, width // s)
        assert scores.isfinite().all()

    @pytest.mark.parametrize(("height", "width"), [(33, 47), (1, 1), (64, 95)])
    def test_dense_scores_have_the_size_of_an_odd_picture(self, height: int, width: int) -> None:
        with torch.no_grad():
            assert self.fresh().eval().dense_scores(torch.randn(1, 3, height, width)).shape == (
                1,
                CLASSES,
                height,
                width,
            )

    def test_dense_scores_are_the_bilinear_upsampling_of_the_scores(self) -> None:
        model = self.fresh().eval()
        image = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            expected = F.interpolate(model(image), size=(64, 64), mode="bilinear", align_corners=False)
            torch.testing.assert_close(model.dense_scores(image), expected)

    def test_every_parameter_gets_a_gradient(self) -> None:
        model = self.fresh().train()
        label = torch.randint(0, CLASSES, (2, 64, 64))
        model.loss(torch.randn(2, 3, 64, 64), label, make_criterion(Loss(), IGNORE)).backward()
        assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []

    def test_ignored_pixels_do_not_change_the_loss(self) -> None:
        model = self.fresh().eval()
        image = torch.randn(1, 3, 64, 64)
        label = torch.randint(0, CLASSES, (1, 64, 64))
        label[:, :, 32:] = IGNORE
        criterion = make_criterion(Loss(), IGNORE)
        with torch.no_grad():
            loss = model.loss(image, label, criterion)
            expected = F.cross_entropy(model.dense_scores(image)[..., :32], label[..., :32])
        torch.testing.assert_close(loss, expected)

    def test_one_batch_can_be_learnt(self) -> None:
        model = self.fresh().train()
        generator = torch.Generator().manual_seed(1)
        image = torch.randn(2, 3, 64, 64, generator=generator)
        label = (image.mean(1) > 0).long()
        label = (
            F.max_pool2d(label.float()[:, None], 16).repeat_interleave(16, 2).repeat_interleave(16, 3)[:, 0].long()
        )
        label[:, :, :32] = 2
        criterion = make_criterion(Loss(), IGNORE)
        optimiser = torch.optim.AdamW(model.parameter_groups(3e-3, 1.0, 0.0))
        losses = []
        for _ in range(25):
            loss = model.loss(image, label, criterion)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            losses.append(loss.item())
        assert losses[-1] < 0.6 * losses[0]

    def test_parameter_groups_hold_every_parameter_once(self) -> None:
        model = self.fresh()
        groups = model.parameter_groups(1e-3, 0.1, 0.05)
        held = [id(p) for group in groups for p in group["params"]]
        assert sorted(held) == sorted(id(p) for p in model.parameters())
        encoder = encoder_parameter_ids(model)
        for group in groups:
            for p in group["params"]:
                assert group["lr"] == pytest.approx(1e-4 if id(p) in encoder else 1e-3)
                assert (group["weight_decay"] == 0) == (p.ndim <= 1)

    def test_layer_decay_slows_the_encoder_towards_the_picture(self) -> None:
        model = self.fresh()
        rates = {
            id(p): group["lr"] for group in model.parameter_groups(1e-3, 0.5, 0.05, 0.8) for p in group["params"]
        }
        layers = model.encoder_layers()
        for depth, layer in enumerate(reversed(layers), start=1):
            found = {rates[id(p)] for module in layer for p in module.parameters()}
            assert list(found) == [pytest.approx(1e-3 * 0.5 * 0.8**depth)]
        encoder = encoder_parameter_ids(model)
        assert {rate for p, rate in rates.items() if p not in encoder} == {1e-3}
        assert len(layers) >= 4

    def test_the_encoders_layers_are_in_the_order_of_the_computation(self) -> None:
        model = self.fresh().eval()
        layers = [[id(p) for module in layer for p in module.parameters()] for layer in model.encoder_layers()]
        layer_of = {p: i for i, layer in enumerate(layers) for p in layer}
        assert len(layer_of) == sum(map(len, layers)), "a parameter is in one layer alone"
        ran: list[int] = []
        for module in model.modules():
            own = [layer_of[id(p)] for p in module.parameters(recurse=False) if id(p) in layer_of]
            if own:
                module.register_forward_hook(lambda *_, layer=own[0]: ran.append(layer))
        with torch.no_grad():
            model(torch.randn(1, 3, 64, 64))
        assert ran == sorted(ran)

    def test_frozen_batch_norms_stay_as_they_are_in_training(self) -> None:
        model = self.fresh().train()
        model.freeze_batchnorm()
        average = WeightAverage(model, 0.9)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        norms = [n for n, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
        optimiser = torch.optim.AdamW(model.parameter_groups(1e-2, 1.0, 0.1))
        for _ in range(2):
            model.eval()
            model.train()
            label = torch.randint(0, CLASSES, (2, 64, 64))
            model.loss(torch.randn(2, 3, 64, 64), label, make_criterion(Loss(), IGNORE)).backward()
            optimiser.step()
            optimiser.zero_grad()
            average.update()
        for state in (model.state_dict(), average.model.state_dict()):
            changed = {name for name, tensor in state.items() if not torch.equal(tensor, before[name])}
            assert norms
            assert not {name for name in changed if name.rsplit(".", 1)[0] in norms}
            assert changed, "everything else learns"

    def test_weights_survive_a_file(self, tmp_path: Path) -> None:
        model, other = self.fresh(0).eval(), self.fresh(1).eval()
        save_file(model.state_dict(), tmp_path / "weights.safetensors")
        other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        image = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            assert torch.equal(model(image), other(image))

    @pytest.fixture(scope="class")
    def exported(self, tmp_path_factory: pytest.TempPathFactory) -> tuple[SegmentationModel, Path]:
        """The network in the trainer's memory, and the bundle that `export` makes of its run."""
        folder = tmp_path_factory.mktemp("exported")
        model = run_folder(
            folder / "run", self.fresh(classes=8).eval(), architecture=self.architecture, build=self.build
        )
        val = open_dataset(write_data(folder / "data", train=0), "val")
        return model, export_run(folder / "run", val, scores_only=True)

    @pytest.mark.parametrize(("height", "width"), [*CHECKED, (32, 32), (160, 224)])
    def test_the_export_gives_the_trained_forms_scores(
        self, exported: tuple[SegmentationModel, Path], height: int, width: int
    ) -> None:
        model, bundle = exported
        assert read_card(bundle).input.fixed_size is None, "sizes must be dynamic"
        image = torch.randn(2, 3, height, width)
        with torch.no_grad():
            expected = model.eval()(image).numpy()
        session = onnxruntime.InferenceSession(bundle / ONNX_FILE, providers=["CPUExecutionProvider"])
        scores = session.run(["scores"], {"image": image.numpy()})[0]
        assert np.abs(scores - expected).max() <= 1e-5 * np.ptp(expected) * 10

    def test_the_export_takes_every_multiple_of_its_stride(self, exported: tuple[SegmentationModel, Path]) -> None:
        model, bundle = exported
        contract = read_card(bundle).input
        height, width = contract.fixed_size or (11 * contract.stride, 5 * contract.stride)
        image = torch.randn(1, 3, height, width)
        with torch.no_grad():
            expected = model.eval()(image).numpy()
        assert expected.shape[-2:] == (height // contract.score_stride, width // contract.score_stride)
        session = onnxruntime.InferenceSession(bundle / ONNX_FILE, providers=["CPUExecutionProvider"])
        scores = session.run(["scores"], {"image": image.numpy()})[0]
        assert np.abs(scores - expected).max() <= 1e-5 * np.ptp(expected) * 10

    def test_the_network_in_the_trainers_memory_is_the_one_that_is_served(
        self, exported: tuple[SegmentationModel, Path]
    ) -> None:
        model, bundle = exported
        verify_files(bundle, read_card(bundle))
        predictor = Predictor.load(bundle, precision="fp32")
        image = render_scene(7, *(predictor.card.input.fixed_size or (64, 128))).image[None].copy()
        with torch.no_grad():
            pixels = normalise(torch.from_numpy(image), predictor.card.input)
            expected = model.eval()(pixels)[0].numpy()
            again = load_bundle_model(bundle)(pixels)[0].numpy()
        assert np.abs(predictor.engine.run(image) - expected).max() <= 1e-3 * np.ptp(expected)
        assert np.abs(again - expected).max() <= 1e-4 * np.ptp(expected)

    def test_the_export_is_one_file_without_external_data(self, exported: tuple[SegmentationModel, Path]) -> None:
        _, bundle = exported
        assert sorted(p.name for p in bundle.iterdir()) == sorted([CARD_FILE, *read_card(bundle).files])

    def test_the_export_tells_nothing_of_the_machine(self, exported: tuple[SegmentationModel, Path]) -> None:
        _, bundle = exported
        assert str(Path(__file__).parents[3]).encode() not in (bundle / ONNX_FILE).read_bytes()
