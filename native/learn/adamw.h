// AdamW for the few numbers that lie on the host: raw coefficients. Factors are stepped on the device.
#pragma once

#include <span>

#include "ops/device.h"

namespace amalgam::learn {

/// One step of p (see ops::AdamwStep), which with m and v is kept in float and computed in double. All spans are of one
/// length.
void adamw(std::span<float> p, std::span<const double> gradient, std::span<float> m, std::span<float> v,
           const ops::AdamwStep& step);

}  // namespace amalgam::learn
