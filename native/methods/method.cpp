#include "methods/method.h"

#include <utility>

#include "linalg/gram.h"
#include "ops/gemm.h"

namespace amalgam::methods {

void add(core::Matrix<double>& sum, double factor, const Core& source, ops::Executor& executor) {
  core::Matrix<double> left(source.left.rows, source.left.cols);
  for (std::int64_t i = 0; i < left.rows(); ++i) {
    for (std::int64_t j = 0; j < left.cols(); ++j) left(i, j) = factor * source.left(i, j);
  }
  ops::gemm(executor, ops::strided(left), ops::strided(source.right).transposed(), sum.view(), ops::Into::accumulate);
}

UnitPool make_pool(lora::RankUnits units, std::uint64_t seed, ops::Executor& executor) {
  core::Matrix<double> in_products = linalg::gram(ops::strided(units.a).transposed(), executor);
  core::Matrix<double> out_products = linalg::gram(ops::strided(units.b), executor);
  return {std::move(units), std::move(in_products), std::move(out_products), seed, executor};
}

}  // namespace amalgam::methods
