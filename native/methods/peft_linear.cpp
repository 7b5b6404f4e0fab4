// PEFT 0.21.0, add_weighted_adapter, combination type "linear"
//
// A = sum_i sign(c_i) sqrt|c_i| A_i and B = sum_i sqrt|c_i| B_i, with c_i = coefficient times scaling: unit j of the
// result adds up the j-th units of all sources, and so holds the cross products of unlike adapters.
#include <cmath>
#include <vector>

#include "core/error.h"
#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

namespace {

/// The rank that all sources share.
std::int64_t common_rank(const lora::RankUnits& units) {
  const auto sources = units.tags.empty() ? 0 : units.tags.back().source + 1;
  const std::int64_t rank = sources == 0 ? 0 : units.count() / sources;
  for (std::int64_t u = 0; u < units.count(); ++u) {
    const lora::UnitTag& tag = units.tags[static_cast<std::size_t>(u)];
    if (tag.source == u / rank && tag.index == u % rank) continue;
    throw core::Error("request-invalid",
                      "peft_linear adds factors of equal rank; the sources of a module have unequal ones.")
        .with_hint("Use linear or concat, which take any ranks.");
  }
  return rank;
}

}  // namespace

lora::RankUnits peft_linear(lora::RankUnits units, const PeftLinearParams&) {
  const std::int64_t rank = common_rank(units);
  const std::int64_t in = units.a.cols();
  const std::int64_t out = units.b.rows();
  lora::RankUnits result{core::Matrix<float>(rank, in), core::Matrix<float>(out, rank), {}, {}};
  std::vector<float> a_factor;
  std::vector<float> b_factor;
  for (const double c : units.c) {
    b_factor.push_back(static_cast<float>(std::sqrt(std::abs(c))));
    a_factor.push_back(c < 0 ? -b_factor.back() : b_factor.back());
  }
  for (std::int64_t u = 0; u < units.count(); ++u) {
    float* sum = result.a.row(u % rank);
    for (std::int64_t i = 0; i < in; ++i) sum[i] += a_factor[static_cast<std::size_t>(u)] * units.a(u, i);
  }
  for (std::int64_t i = 0; i < out; ++i) {
    for (std::int64_t u = 0; u < units.count(); ++u) {
      result.b(i, u % rank) += b_factor[static_cast<std::size_t>(u)] * units.b(i, u);
    }
  }
  for (std::int64_t index = 0; index < rank; ++index) {
    result.c.push_back(1);
    result.tags.push_back({0, 0, index});
  }
  return result;
}

}  // namespace amalgam::methods
