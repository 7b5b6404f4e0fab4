#include "lora/unit_products.h"

#include <algorithm>
#include <cmath>

#include "linalg/gram.h"

namespace amalgam::lora {

core::Matrix<double> unit_products(const RankUnits& units, ops::Executor& executor) {
  core::Matrix<double> products = linalg::gram(ops::strided(units.b), executor);
  const core::Matrix<double> inputs = linalg::gram(ops::strided(units.a).transposed(), executor);
  for (std::int64_t i = 0; i < products.size(); ++i) products.data()[i] *= inputs.data()[i];
  return products;
}

double update_norm(const core::Matrix<double>& products, std::span<const double> c) {
  double sum = 0;
  for (std::int64_t u = 0; u < products.rows(); ++u) {
    double row = 0;
    for (std::int64_t v = 0; v < products.cols(); ++v) row += products(u, v) * c[static_cast<std::size_t>(v)];
    sum += c[static_cast<std::size_t>(u)] * row;
  }
  return std::sqrt(std::max(sum, 0.0));  // where updates cancel, rounding may leave less than nothing
}

}  // namespace amalgam::lora
