// gram_f64; see ops/backend.h.
#pragma once

#include "ops/backend.h"

int32_t cuda_gram_f64(int32_t device, int64_t rows, int64_t cols, const float* device_a, double* device_g,
                      AmalgamFailure* failure);
