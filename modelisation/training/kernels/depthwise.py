"""Depthwise convolutions that train fast on the CPU.

oneDNN is fast in the forward of a depthwise convolution, but in the gradients only for the commonest shapes: with
5x5 kernels, dilation or a stride in bfloat16 it falls back to code that takes over half of a training step of
DeepLabV3+ on an EfficientNet-Lite. Here the gradients come from `depthwise_numba`; the forward stays as it was.

Worth: a whole training step of `recipes/deeplabv3plus.yaml` (batch 8, crop 256x320, bf16) takes 3.0 s of processor
time in place of 6.2 with torch's gradients (one thread of an Intel Xeon, medians of 3 interleaved rounds).
"""

from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from back.runtime.process.threads import worker_pool
from modelisation.training.kernels.depthwise_numba import BLOCK, FeatureArray, backward_items

_DTYPES = {torch.float32, torch.bfloat16}


def use_fast_depthwise(module: nn.Module) -> None:
    """Let every depthwise convolution inside `module` train with the fast gradients, in place.

    Only `nn.Conv2d` itself (no subclass) with groups == in_channels == out_channels, zero padding and numeric padding
    is touched. Parameters, their names and `state_dict` stay. The fast way is taken only in training mode with
    gradients on, on the CPU, in float32 or bfloat16 (autocast counts); evaluation, CUDA, tracing, compiling and
    export run the plain convolution. Activations in `channels_last` spare a copy.

    The gradients equal torch's but for rounding, do not depend on the number of threads, and repeat to the last bit.
    The weights' gradient is summed and returned in float32 under autocast. A second derivative raises RuntimeError.
    """
    for layer in module.modules():
        if type(layer) is nn.Conv2d and _is_depthwise(layer):
            # Swapping the class instead of the layer keeps the parameters, hooks and every reference to the layer.
            layer.__class__ = DepthwiseConv2d


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise `nn.Conv2d` made by `use_fast_depthwise`."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not (self.training and _is_fast(input, weight)):
            return super()._conv_forward(input, weight, bias)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else input.dtype
        output: Tensor = _FastDepthwise.apply(input.to(dtype), weight, bias, self.stride, self.padding, self.dilation)
        return output


class _FastDepthwise(torch.autograd.Function):
    """`F.conv2d` of one channel a group; weight and bias may be float32 with bfloat16 activations."""

    @staticmethod
    def forward(
        ctx: Any,
        x_NCHW: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(x_NCHW, weight)
        ctx.geometry = (stride, padding, dilation)
        ctx.bias_dtype = None if bias is None else bias.dtype
        dtype, groups = x_NCHW.dtype, x_NCHW.shape[1]
        bias = None if bias is None else bias.to(dtype)
        return F.conv2d(x_NCHW, weight.to(dtype), bias, stride, padding, dilation, groups)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_NCHW: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None, None, None]:
        x_NCHW, weight = ctx.saved_tensors
        grad_x, grad_weight = depthwise_gradients(x_NCHW, grad_NCHW, weight, *ctx.geometry)
        grad_bias = None
        if ctx.bias_dtype is not None:
            grad_bias = grad_NCHW.sum((0, 2, 3), dtype=torch.float32).to(ctx.bias_dtype)
        return grad_x, grad_weight, grad_bias, None, None, None


def depthwise_gradients(
    x_NCHW: Tensor,
    grad_NCHW: Tensor,
    weight: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Gradients of a depthwise convolution with respect to its input and its weight.

    Args:
        x_NCHW: input, float32 or bfloat16 on the CPU.
        grad_NCHW: gradient of the output, same dtype.
        weight: [C, 1, kernel rows, kernel columns].
        stride: rows and columns, as the next two.
        padding: zeros around the input.
        dilation: step between taps.

    Returns:
        The input's gradient, of its dtype and in channels_last, and the weight's, of the weight's dtype. Both are
        summed in float32.
    """
    rows, columns = weight.shape[-2:]
    x_NHWC = x_NCHW.detach().permute(0, 2, 3, 1).contiguous()
    grad_NHWC = grad_NCHW.permute(0, 2, 3, 1).contiguous()
    weight_TC = weight.detach().float().reshape(-1, rows * columns).t().contiguous()
    batch, channels = x_NCHW.shape[:2]
    grad_x_NHWC = torch.empty_like(x_NHWC)
    grad_weight_NTC = torch.zeros(batch, rows * columns, channels)
    run = partial(
        backward_items,
        _array(x_NHWC),
        _array(grad_NHWC),
        weight_TC.numpy(),
        _array(grad_x_NHWC),
        grad_weight_NTC.numpy(),
        (rows, columns),
        stride,
        padding,
        dilation,
    )

    # This thread takes the first share and the pool the others. numba's own threads, or another OpenMP's, would fight
    # with torch's, which go on spinning for a while after each operation.
    items = batch * -(-channels // BLOCK)
    threads = max(1, min(torch.get_num_threads(), items))
    edges = [items * thread // threads for thread in range(threads + 1)]
    others = [worker_pool().submit(run, first, last) for first, last in pairwise(edges[1:])]
    run(edges[0], edges[1])
    for other in others:
        other.result()

    grad_weight_TC = grad_weight_NTC.sum(0)  # always in the pictures' order, whichever thread took them
    return grad_x_NHWC.permute(0, 3, 1, 2), grad_weight_TC.t().reshape(weight.shape).to(weight.dtype)


def _is_depthwise(layer: nn.Conv2d) -> bool:
    one_each = layer.groups == layer.in_channels == layer.out_channels
    return one_each and layer.groups > 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def _is_fast(x: Tensor, weight: Tensor) -> bool:
    runs_eagerly = not (torch.jit.is_tracing() or torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export())
    wants_gradient = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    on_cpu = x.device.type == weight.device.type == "cpu"
    if torch.is_autocast_enabled("cpu"):
        known_types = {x.dtype, weight.dtype, torch.get_autocast_dtype("cpu")} <= _DTYPES
    else:
        known_types = x.dtype == weight.dtype and x.dtype in _DTYPES
    return runs_eagerly and wants_gradient and on_cpu and known_types and x.ndim == 4


def _array(tensor: Tensor) -> FeatureArray:
    # numpy has no bfloat16: the kernel gets the bits.
    array: FeatureArray = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
