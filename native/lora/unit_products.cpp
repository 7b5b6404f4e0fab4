#include "lora/unit_products.h"

#include <algorithm>
#include <cmath>

#include "linalg/gram.h"
#include "ops/gemm.h"

namespace amalgam::lora {

namespace {

using core::Matrix;

// Squared lengths of units between these have inner products that float holds with full precision.
constexpr float least_square = 1e-20f;
constexpr float largest_square = 1e30f;

// Float products are good to 1e-7 of the units' lengths. As long as the squared norm is not much smaller than the sum
// of the units' own, that is 1e-6 of the norm or better.
constexpr double least_share = 0.1;

bool fits_float(const Matrix<float>& gram) {
  for (std::int64_t u = 0; u < gram.rows(); ++u) {
    if (!(gram(u, u) >= least_square && gram(u, u) <= largest_square)) return false;
  }
  return true;
}

Matrix<float> float_gram(ops::Strided<float> x, ops::Executor& executor) {
  Matrix<float> result(x.cols, x.cols);
  ops::gram(executor, x, result.view());
  return result;
}

}  // namespace

Matrix<double> unit_products(const RankUnits& units, ops::Executor& executor) {
  Matrix<double> products = linalg::gram(ops::strided(units.b), executor);
  const Matrix<double> inputs = linalg::gram(ops::strided(units.a).transposed(), executor);
  for (std::int64_t i = 0; i < products.size(); ++i) products.data()[i] *= inputs.data()[i];
  return products;
}

double update_norm(const Matrix<double>& products, std::span<const double> c) {
  double sum = 0;
  for (std::int64_t u = 0; u < products.rows(); ++u) {
    double row = 0;
    for (std::int64_t v = 0; v < products.cols(); ++v) row += products(u, v) * c[static_cast<std::size_t>(v)];
    sum += c[static_cast<std::size_t>(u)] * row;
  }
  return std::sqrt(std::max(sum, 0.0));  // where updates cancel, rounding may leave less than nothing
}

double quick_update_norm(const RankUnits& units, ops::Executor& executor) {
  const Matrix<float> out = float_gram(ops::strided(units.b), executor);
  const Matrix<float> in = float_gram(ops::strided(units.a).transposed(), executor);
  if (fits_float(out) && fits_float(in)) {
    Matrix<double> products(out.rows(), out.cols());
    double own = 0;
    for (std::int64_t u = 0; u < products.rows(); ++u) {
      for (std::int64_t v = 0; v < products.cols(); ++v) products(u, v) = static_cast<double>(out(u, v)) * in(u, v);
      const double c = units.c[static_cast<std::size_t>(u)];
      own += c * c * products(u, u);
    }
    const double norm = update_norm(products, units.c);
    if (norm * norm >= least_share * own) return norm;
  }
  return update_norm(unit_products(units, executor), units.c);
}

}  // namespace amalgam::lora
