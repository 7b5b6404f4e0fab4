// Matrix products of our own, for machines without cuBLAS.
#pragma once

#include "ops/backend.h"

/// out = x w^T or out += x w^T, by tensor cores; see `linear` in ops/backend.h. An element's bits depend on its row of x and
/// of w only.
int32_t cuda_matmul(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& w, const AmalgamArray& out,
                    bool accumulate, AmalgamFailure* failure);
