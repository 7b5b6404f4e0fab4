#include "lora/folded_units.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/vectorised.h"

namespace amalgam::lora {

namespace {

/// The units at `places`, in that order.
RankUnits picked(const RankUnits& units, const std::vector<std::int64_t>& places) {
  const auto count = static_cast<std::int64_t>(places.size());
  RankUnits result{core::Matrix<float>(count, units.a.cols()), core::Matrix<float>(units.b.rows(), count), {}, {}};
  for (std::int64_t u = 0; u < count; ++u) {
    const std::int64_t place = places[static_cast<std::size_t>(u)];
    std::copy_n(units.a.row(place), units.a.cols(), result.a.row(u));
    for (std::int64_t i = 0; i < units.b.rows(); ++i) result.b(i, u) = units.b(i, place);
    result.c.push_back(units.c[static_cast<std::size_t>(place)]);
    result.tags.push_back(units.tags[static_cast<std::size_t>(place)]);
  }
  return result;
}

/// Takes the scales out of `units` and returns what each column of b is to be multiplied by; a is multiplied already.
std::vector<float> folded_into_a(RankUnits& units) {
  std::vector<float> on_b;
  for (std::int64_t u = 0; u < units.count(); ++u) {
    double& c = units.c[static_cast<std::size_t>(u)];
    const auto root = static_cast<float>(std::sqrt(std::abs(c)));
    on_b.push_back(c < 0 ? -root : root);
    c = 1;
    float* row = units.a.row(u);
    core::vectorised([row, root, in = units.a.cols()]() AMALGAM_INLINE {
      for (std::int64_t j = 0; j < in; ++j) row[j] *= root;
    });
  }
  return on_b;
}

}  // namespace

RankUnits folded_units(RankUnits units) {
  std::vector<std::int64_t> kept;
  for (std::int64_t u = 0; u < units.count(); ++u) {
    if (units.c[static_cast<std::size_t>(u)] != 0) kept.push_back(u);
  }
  if (static_cast<std::int64_t>(kept.size()) < units.count()) units = picked(units, kept);
  const std::vector<float> on_b = folded_into_a(units);
  for (std::int64_t i = 0; i < units.b.rows(); ++i) {
    float* row = units.b.row(i);
    core::vectorised([row, factors = on_b.data(), count = units.count()]() AMALGAM_INLINE {
      for (std::int64_t u = 0; u < count; ++u) row[u] *= factors[u];
    });
  }
  return units;
}

}  // namespace amalgam::lora
