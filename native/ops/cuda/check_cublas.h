// Whether the matrix products of a device are right.
#pragma once

#include "ops/device.h"

namespace amalgam::ops {

/// Compares one small product of bfloat16 numbers with the same sums on the processor. False when an element is off by more than
/// rounding, or cuBLAS refuses the call.
bool small_product_is_right(Device& device);

}  // namespace amalgam::ops
