import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from modelisation.training.kernels.depthwise import depthwise_gradients, use_fast_depthwise
from tests.clock import least_seconds


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the pictures are tiny: waking other threads would take longer than the work
    yield
    torch.set_num_threads(before)


pair = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Conv2d, Tensor]:
    """A depthwise convolution and an input [N, C, H, W] at least as large as its kernel."""
    channels = draw(st.sampled_from((2, 15, 16, 33, 64, 81, 144)))
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride, dilation = draw(pair), draw(pair)
    padding = draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
    reach = [d * (k - 1) + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    height, width = (max(1, least) + draw(st.integers(0, limit)) for least, limit in zip(reach, (9, 70), strict=True))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    layer = nn.Conv2d(
        channels, channels, kernel, stride, padding, dilation, groups=channels, bias=draw(st.booleans())
    )
    x = torch.randn(draw(st.integers(1, 3)), channels, height, width)
    return layer, x.to(memory_format=draw(st.sampled_from((torch.channels_last, torch.contiguous_format))))


def gradients(layer: nn.Conv2d, x: Tensor) -> list[Tensor]:
    """The output and the gradients of a fixed weighting of it by the input and the parameters, in float64."""
    x = x.detach().requires_grad_()
    y = layer(x)
    weighting = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape).sin()
    (y * weighting.to(torch.bfloat16).to(y.dtype)).sum().backward()
    found = [y.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())]
    return [tensor.double() for tensor in found if tensor is not None]


def fast(layer: nn.Conv2d) -> nn.Conv2d:
    layer = copy.deepcopy(layer).train()
    use_fast_depthwise(layer)
    return layer


@settings(max_examples=40, deadline=None)
@given(convolutions())
def test_float32_gradients_equal_those_of_float64(drawn: tuple[nn.Conv2d, Tensor]) -> None:
    layer, x = drawn
    exact = gradients(copy.deepcopy(layer).double(), x.double())
    for found, expected in zip(gradients(fast(layer), x), exact, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * max(1.0, float(expected.abs().max())))


@settings(max_examples=25, deadline=None)
@given(convolutions())
def test_autocast_gradients_differ_from_float64_by_the_rounding_of_bfloat16(drawn: tuple[nn.Conv2d, Tensor]) -> None:
    layer, x = drawn
    with torch.no_grad():  # so that only outputs and input gradients are rounded
        for parameter in layer.parameters():
            parameter.copy_(parameter.bfloat16())
    x = x.bfloat16()
    exact = gradients(copy.deepcopy(layer).double(), x.double())
    with torch.autocast("cpu", torch.bfloat16):
        rounded = gradients(fast(layer), x)
    for found, expected in zip(rounded[:2], exact[:2], strict=True):
        torch.testing.assert_close(found, expected, rtol=2**-8, atol=1e-5)
    # Summed and kept in float32: bfloat16 would be off by 2**-9 of the value.
    torch.testing.assert_close(rounded[2], exact[2], rtol=1e-5, atol=1e-6 * max(1.0, float(exact[2].abs().max())))


def test_gradients_repeat_to_the_last_bit_for_any_number_of_threads() -> None:
    x, grad = (torch.randn(3, 144, 9, 20).bfloat16() for _ in range(2))
    weight = torch.randn(144, 1, 3, 3)
    runs = []
    for count in (1, 2, 2, 3):
        torch.set_num_threads(count)
        runs.append(depthwise_gradients(x, grad, weight, (1, 1), (1, 1), (1, 1)))
    torch.set_num_threads(1)
    assert all(torch.equal(a, b) for run in runs[1:] for a, b in zip(run, runs[0], strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nan_reaches_the_gradients(dtype: torch.dtype) -> None:
    x, weight = torch.ones(1, 16, 5, 5, dtype=dtype), torch.ones(16, 1, 3, 3)
    grad = torch.ones(1, 16, 5, 5, dtype=dtype)
    grad[0, 7, 2, 2] = np.nan
    grad_x, grad_weight = depthwise_gradients(x, grad, weight, (1, 1), (1, 1), (1, 1))
    assert grad_weight.isnan().any(dim=(1, 2, 3)).nonzero().flatten().tolist() == [7]
    assert grad_x[0, 7, 1:4, 1:4].isnan().all()
    assert int(grad_x.isnan().sum()) == 9


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, 1),
        nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False),
        nn.Conv2d(16, 16, 3, padding=1, groups=4),
        nn.Conv2d(16, 16, 3, padding=1, groups=16, padding_mode="reflect"),
        nn.Conv2d(16, 32, 3, padding=1, groups=16),
    )


def backward_names(y: Tensor) -> set[str]:
    names, todo = set(), [y.grad_fn]
    while todo:
        node = todo.pop()
        if node is not None:
            names.add(type(node).__name__)
            todo += [parent for parent, _ in node.next_functions]
    return names


def test_only_plain_depthwise_layers_change() -> None:
    net = network()
    use_fast_depthwise(net)
    assert [type(layer) is nn.Conv2d for layer in net] == [True, False, True, True, True]


def test_state_dict_is_unchanged_and_loads_into_the_plain_network() -> None:
    net = network()
    before = {name: (id(value), value.clone()) for name, value in net.named_parameters()}
    use_fast_depthwise(net)
    assert {name: id(value) for name, value in net.named_parameters()} == {n: i for n, (i, _) in before.items()}
    assert all(torch.equal(net.state_dict()[name], value) for name, (_, value) in before.items())
    network().load_state_dict(net.state_dict())


def test_training_uses_the_fast_gradients_and_evaluation_the_plain_convolution() -> None:
    net, x = network(), torch.randn(2, 3, 8, 8)
    expected = net(x)
    use_fast_depthwise(net)
    assert "_FastDepthwiseBackward" in backward_names(net.train()(x))
    assert torch.equal(net(x), expected)
    assert "_FastDepthwiseBackward" not in backward_names(net.eval()(x))
    assert torch.equal(net(x), expected)


def test_float64_trains_by_the_plain_convolution() -> None:
    net = network().double()
    use_fast_depthwise(net)
    assert "_FastDepthwiseBackward" not in backward_names(net(torch.randn(2, 3, 8, 8).double()))


@pytest.mark.parametrize("training", [True, False])
def test_traced_graph_holds_no_python_operation(training: bool) -> None:
    net = network().train(training)
    use_fast_depthwise(net)
    graph = str(torch.jit.trace(net, torch.randn(1, 3, 8, 8), check_trace=False).inlined_graph)
    assert "PythonOp" not in graph
    assert graph.count("aten::_convolution") == len(net)


def test_exported_program_is_that_of_the_plain_network() -> None:
    net, x = network().eval(), torch.randn(1, 3, 8, 8)
    plain = torch.export.export(net, (x,)).graph_module.code
    use_fast_depthwise(net)
    assert torch.export.export(net, (x,)).graph_module.code == plain


def test_gradients_are_not_slower_than_those_of_torch() -> None:
    x, grad = (torch.randn(2, 256, 16, 20).bfloat16().to(memory_format=torch.channels_last) for _ in range(2))
    weight = torch.randn(256, 1, 5, 5)

    def plain() -> None:
        y = F.conv2d(x_leaf, weight_leaf.bfloat16(), padding=4, dilation=2, groups=256)
        y.backward(grad)

    x_leaf, weight_leaf = x.clone().requires_grad_(), weight.clone().requires_grad_()
    ours = least_seconds(lambda: depthwise_gradients(x, grad, weight, (1, 1), (4, 4), (2, 2)), rounds=5)
    assert ours < 1.5 * least_seconds(plain, rounds=5)
