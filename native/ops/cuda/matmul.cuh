// Matrix products of our own, for machines without cuBLAS.
#pragma once

#include "ops/backend.h"

/// A factor of a product: rows() x depth() numbers in bfloat16, the array itself or, turned, its transpose.
struct MatmulFactor {
  AmalgamArray array;
  bool turned = false;

  int64_t rows() const { return turned ? array.cols : array.rows; }
  int64_t depth() const { return turned ? array.rows : array.cols; }
};

/// out(i, j) = or += sum_k left(i, k) right(j, k), by tensor cores; out is bfloat16 or float. A left factor is turned only
/// where the right one is. An element's bits depend on its row of left and of right only.
int32_t cuda_matmul(AmalgamContext* context, const MatmulFactor& left, const MatmulFactor& right,
                    const AmalgamArray& out, bool accumulate, AmalgamFailure* failure);
