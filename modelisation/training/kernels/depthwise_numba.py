"""Both gradients of a depthwise convolution in one pass over the pixels, compiled by numba.

Per output pixel and tap the work is two multiply-adds a channel, so what counts is to load each value once, to keep
the sums of the weight gradient in registers and to stay in the first-level cache. LLVM does not find that by itself
in loops over arrays that might overlap; the innermost loop is therefore given to it as vectors of fixed width.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

FeatureArray = npt.NDArray[np.uint16] | npt.NDArray[np.float32]
Float32Array = npt.NDArray[np.float32]

BLOCK = 64  # channels that are worked on together
_TILE = 32  # output pixels of a row that are worked on together: picture, gradients and sums fit in 48 KiB

# Multiply and add may fuse. Nothing else is loosened: NaN must pass through (that is how a diverged run is noticed)
# and the order of every sum is fixed, so a resumed run repeats the numbers.
_FASTMATH = {"contract"}


def _emit_tap_row(
    typing_context: Any, x: Any, x_at: Any, x_step: Any, g: Any, g_at: Any, g_step: Any,
    weight: Any, weight_at: Any, grad_x: Any, grad_x_at: Any, grad_x_step: Any,
    grad_weight: Any, grad_weight_at: Any, count: Any, lanes: Any,
) -> Any:  # fmt: skip
    """Code for one tap along one row for `lanes` neighbouring channels; `*_at` and `*_step` count elements, flat.

    For i in range(count), with x, g and grad_x taken at their `at + i * step`:
    `grad_x += g * weight` and `grad_weight += g * x`. x and g are float32, or the bits of bfloat16 as uint16.
    """
    width: int = lanes.literal_value
    arrays = (x, g, weight, grad_x, grad_weight)
    at = types.intp
    signature = types.void(x, at, at, g, at, at, weight, at, grad_x, at, at, grad_weight, at, at, lanes)

    index = ir.IntType(64)
    vector = ir.VectorType(ir.FloatType(), width)
    halves, words = (ir.VectorType(ir.IntType(bits), width) for bits in (16, 32))

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (x_, x_at_, x_step_, g_, g_at_, g_step_, w_, w_at_, gx_, gx_at_, gx_step_, gw_, gw_at_, count_, _) = arguments
        x_data, g_data, w_data, gx_data, gw_data = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(arrays, (x_, g_, w_, gx_, gw_), strict=True)
        )

        def place(data: Any, offset: Any, kind: Any) -> Any:
            return builder.bitcast(builder.gep(data, [offset]), kind.as_pointer())

        def feature(data: Any, kind: Any, offset: Any) -> Any:
            if kind.dtype == types.float32:
                return builder.load(place(data, offset, vector), align=4)
            bits = builder.zext(builder.load(place(data, offset, halves), align=2), words)
            return builder.bitcast(builder.shl(bits, ir.Constant(words, [16] * width)), vector)

        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, (vector, vector, vector)), f"llvm.fma.v{width}f32"
        )
        tap = builder.load(place(w_data, w_at_, vector), align=4)
        total_at = place(gw_data, gw_at_, vector)
        first_total = builder.load(total_at, align=4)

        before = builder.basic_block
        head, body, after = (builder.append_basic_block(f"tap_row_{name}") for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        i, total = builder.phi(index), builder.phi(vector)
        i.add_incoming(index(0), before)
        total.add_incoming(first_total, before)
        builder.cbranch(builder.icmp_signed("<", i, count_), body, after)

        builder.position_at_end(body)
        g_value = feature(g_data, g, builder.add(g_at_, builder.mul(i, g_step_)))
        x_value = feature(x_data, x, builder.add(x_at_, builder.mul(i, x_step_)))
        gx_place = place(gx_data, builder.add(gx_at_, builder.mul(i, gx_step_)), vector)
        builder.store(builder.call(fma, [g_value, tap, builder.load(gx_place, align=4)]), gx_place, align=4)
        i.add_incoming(builder.add(i, index(1)), body)
        total.add_incoming(builder.call(fma, [g_value, x_value, total]), body)
        builder.branch(head)

        builder.position_at_end(after)
        builder.store(total, total_at, align=4)
        return context.get_dummy_value()

    return signature, codegen


_tap_row: Any = intrinsic(prefer_literal=True)(_emit_tap_row)


@njit(nogil=True, error_model="numpy", fastmath=_FASTMATH, cache=True)
def _move_row(sums: Float32Array, bits: npt.NDArray[np.uint32], out: FeatureArray, channels: int) -> None:
    """Write `sums` [pixels, BLOCK] (`bits`: the same memory) to `out` [pixels, channels] and set them to zero."""
    for pixel in range(out.shape[0]):
        source, source_bits, target = sums[pixel], bits[pixel], out[pixel]
        if out.itemsize == 2:  # bfloat16, rounded to nearest, ties to even
            for c in range(channels):
                odd = (source_bits[c] >> np.uint32(16)) & np.uint32(1)
                target[c] = np.uint16((source_bits[c] + np.uint32(0x7FFF) + odd) >> np.uint32(16))
        else:
            for c in range(channels):
                target[c] = source[c]
        source[:] = 0


@njit(nogil=True, error_model="numpy", fastmath=_FASTMATH, cache=True)
def backward_items(
    x_NHWC: FeatureArray,
    g_NHWC: FeatureArray,
    weight_TC: Float32Array,
    grad_x_NHWC: FeatureArray,
    grad_weight_NTC: Float32Array,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    first: int,
    last: int,
) -> None:
    """Gradients of a depthwise convolution for the items first..last-1; an item is one picture's BLOCK channels.

    Items share no output, so they may run in any order and on any thread with the same result.

    Args:
        x_NHWC: the convolution's input, C-contiguous; float32, or bfloat16 seen as uint16.
        g_NHWC: gradient of its output, same dtype, C-contiguous.
        weight_TC: weights, taps (kernel rows * columns) by channels, C-contiguous.
        grad_x_NHWC: written, same shape and dtype as `x_NHWC`.
        grad_weight_NTC: zeros on entry; every picture's share of the weight gradient is added.
        kernel: rows and columns, as the next three.
        stride: step between output pixels.
        padding: zeros around the input.
        dilation: step between taps.
        first: first item; there are N * ceil(C / BLOCK).
        last: one behind the last item.
    """
    _, height, width, channels = x_NHWC.shape
    out_height, out_width = g_NHWC.shape[1:3]
    blocks = (channels + BLOCK - 1) // BLOCK
    # On a cache line's boundary: vectors that straddle two lines would cost twice.
    memory = np.zeros(width * BLOCK + 16, np.float32)
    skip = -memory.ctypes.data % 64 // 4
    sums = memory[skip : skip + width * BLOCK].reshape(width, BLOCK)
    bits = sums.view(np.uint32)
    for item in range(first, last):
        n, start = item // blocks, item % blocks * BLOCK
        stop = min(channels, start + BLOCK)
        for iy in range(height):
            for tile in range(0, out_width, _TILE):
                for ky in range(kernel[0]):
                    oy, rest = divmod(iy + padding[0] - ky * dilation[0], stride[0])
                    if rest != 0 or oy < 0 or oy >= out_height:
                        continue
                    for kx in range(kernel[1]):
                        # Output column ox meets input column ox * stride + shift, which must lie in the picture.
                        shift = kx * dilation[1] - padding[1]
                        ox = max(tile, -(shift // stride[1]))
                        count = min(tile + _TILE, out_width, (width - 1 - shift) // stride[1] + 1) - ox
                        if count <= 0:
                            continue
                        ix = ox * stride[1] + shift
                        tap = ky * kernel[1] + kx
                        x_at = ((n * height + iy) * width + ix) * channels
                        g_at = ((n * out_height + oy) * out_width + ox) * channels
                        gw_at = (n * kernel[0] * kernel[1] + tap) * channels
                        x_step, s_step = stride[1] * channels, stride[1] * BLOCK
                        c = start
                        while c + BLOCK <= stop:
                            _tap_row(x_NHWC, x_at + c, x_step, g_NHWC, g_at + c, channels,
                                     weight_TC, tap * channels + c, sums, ix * BLOCK + c - start, s_step,
                                     grad_weight_NTC, gw_at + c, count, BLOCK)  # fmt: skip
                            c += BLOCK
                        while c + 16 <= stop:
                            _tap_row(x_NHWC, x_at + c, x_step, g_NHWC, g_at + c, channels,
                                     weight_TC, tap * channels + c, sums, ix * BLOCK + c - start, s_step,
                                     grad_weight_NTC, gw_at + c, count, 16)  # fmt: skip
                            c += 16
                        while c < stop:
                            _tap_row(x_NHWC, x_at + c, x_step, g_NHWC, g_at + c, channels,
                                     weight_TC, tap * channels + c, sums, ix * BLOCK + c - start, s_step,
                                     grad_weight_NTC, gw_at + c, count, 1)  # fmt: skip
                            c += 1
            _move_row(sums, bits, grad_x_NHWC[n, iy, :, start:stop], stop - start)
