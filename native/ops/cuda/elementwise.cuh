// scale and axpy; see ops/backend.h.
#pragma once

#include "ops/backend.h"

int32_t cuda_scale(int32_t device, int64_t count, float alpha, float* device_x, AmalgamFailure* failure);
int32_t cuda_axpy(int32_t device, int64_t count, float alpha, const float* device_x, float* device_y,
                  AmalgamFailure* failure);
