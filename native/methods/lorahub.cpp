// Huang et al. 2023, LoraHub (arXiv 2307.13269), as released: A and B are combined separately
//
// A = sum_i w_i sqrt(s_i) A_i and B = sum_i w_i sqrt(s_i) B_i, with w_i the coefficients and s_i the scalings (the sign of
// a negative one goes to A). Unit j of the result adds up the j-th units of all sources that have as many, which is
// filling smaller ranks up with zeros; so it holds the cross products of unlike adapters, and an adapter's own product
// with w_i squared.
#include <algorithm>
#include <cmath>

#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

lora::RankUnits lorahub(lora::RankUnits units, const LorahubParams&) {
  const std::int64_t in = units.a.cols();
  const std::int64_t out = units.b.rows();
  std::int64_t rank = 0;
  for (const lora::UnitTag& tag : units.tags) rank = std::max(rank, tag.index + 1);
  lora::RankUnits result{core::Matrix<float>(rank, in), core::Matrix<float>(out, rank), {}, {}};
  for (std::int64_t u = 0; u < units.count(); ++u) {
    const double w = units.tags[static_cast<std::size_t>(u)].coefficient;
    const double c = units.c[static_cast<std::size_t>(u)];  // w s, so that w sqrt(s) is the signed root of c w
    const auto root = static_cast<float>(std::sqrt(std::abs(c * w)));
    const float a_factor = c < 0 ? -root : root;
    const float b_factor = w < 0 ? -root : root;
    const std::int64_t unit = units.tags[static_cast<std::size_t>(u)].index;
    float* a = result.a.row(unit);
    for (std::int64_t j = 0; j < in; ++j) a[j] += a_factor * units.a(u, j);
    for (std::int64_t i = 0; i < out; ++i) result.b(i, unit) += b_factor * units.b(i, u);
  }
  for (std::int64_t index = 0; index < rank; ++index) {
    result.c.push_back(1);
    result.tags.push_back({0, 0, index});
  }
  return result;
}

}  // namespace amalgam::methods
