// Inner products of the columns of a tall matrix.
#pragma once

#include "core/tensor.h"
#include "ops/executor.h"
#include "ops/gemm.h"

namespace amalgam::linalg {

/// x^T x (n x n, symmetric to the bit) for x of m x n, summed in double.
core::Matrix<double> gram(ops::Strided<float> x, ops::Executor& executor);
core::Matrix<double> gram(ops::Strided<double> x, ops::Executor& executor);

}  // namespace amalgam::linalg
