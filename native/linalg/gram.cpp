#include "linalg/gram.h"

#include <algorithm>

namespace amalgam::linalg {

namespace {

// Rows of the result computed at once; only their part from the diagonal on, and the rest is mirrored.
constexpr std::int64_t block_rows = 48;

template <typename T>
core::Matrix<double> gram_of(ops::Strided<T> x, ops::Executor& executor) {
  const std::int64_t n = x.cols;
  core::Matrix<double> result(n, n);
  for (std::int64_t first = 0; first < n; first += block_rows) {
    const std::int64_t rows = std::min(block_rows, n - first);
    const ops::Strided<T> left{x.data + first * x.col_stride, x.rows, rows, x.row_stride, x.col_stride};
    const ops::Strided<T> right{left.data, x.rows, n - first, x.row_stride, x.col_stride};
    ops::gemm(executor, left.transposed(), right, result.view().row_range(first, rows).col_range(first, n - first),
              ops::Into::overwrite);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j) result(i, j) = result(j, i);
  }
  return result;
}

}  // namespace

core::Matrix<double> gram(ops::Strided<float> x, ops::Executor& executor) { return gram_of(x, executor); }

core::Matrix<double> gram(ops::Strided<double> x, ops::Executor& executor) { return gram_of(x, executor); }

}  // namespace amalgam::linalg
