// How the rates of learning move over the steps.
#pragma once

#include <cstdint>

#include "learn/request.h"

namespace amalgam::learn {

/// What the rates are multiplied with at step t of `steps`, t from 0: (t + 1) / warmup for t < warmup, then 1
/// (constant), 1/2 (1 + cos(pi (t - w) / (steps - w))) (Loshchilov and Hutter 2017) or 1 - (t - w) / (steps - w).
double rate_factor(Schedule schedule, std::int64_t t, std::int64_t steps, std::int64_t warmup);

}  // namespace amalgam::learn
