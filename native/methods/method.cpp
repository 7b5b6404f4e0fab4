#include "methods/method.h"

#include "ops/gemm.h"

namespace amalgam::methods {

void add(core::Matrix<double>& sum, double factor, const Core& source, ops::Executor& executor) {
  core::Matrix<double> left(source.left.rows, source.left.cols);
  for (std::int64_t i = 0; i < left.rows(); ++i) {
    for (std::int64_t j = 0; j < left.cols(); ++j) left(i, j) = factor * source.left(i, j);
  }
  ops::gemm(executor, ops::strided(left), ops::strided(source.right).transposed(), sum.view(), ops::Into::accumulate);
}

}  // namespace amalgam::methods
