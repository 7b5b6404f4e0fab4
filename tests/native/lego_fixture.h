// Adapters and merges for the tests of LoRA-LEGO.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "merge_fixture.h"
#include "varied_adapters.h"

namespace amalgam::test {

/// The parameters as the paper has them.
struct Lego {
  std::int64_t k;
  double reference_rank;
  bool param_reweight = true;
  bool output_reweight = true;
  const char* units = "stored";
  const char* features = "raw";
  bool equal_votes = false;
  std::int64_t restarts = 10;
};

inline Merge lego(const Lego& params, std::vector<double> coefficients = {}) {
  Merge merge = merge_of("lego", std::move(coefficients));
  merge.params = core::Json::object({{"k", params.k},
                               {"paramReweight", params.param_reweight},
                               {"outputReweight", params.output_reweight},
                               {"referenceRank", params.reference_rank},
                               {"restarts", params.restarts},
                               {"features", params.features},
                               {"equalVotes", params.equal_votes},
                               {"units", params.units}});
  return merge;
}

/// One module "m" with the scales of a trained adapter: A uniform within 1/sqrt(in), B as long.
inline Adapter random_adapter(Random& random, std::int64_t out, std::int64_t in, std::int64_t rank,
                              double scaling = 1) {
  Adapter adapter{{}, scaling, core::DType::F32};
  Factors factors = random_factors(random, out, in, rank, core::DType::F32);
  for (std::int64_t i = 0; i < factors.a.size(); ++i) factors.a.data()[i] /= std::sqrt(static_cast<float>(in));
  for (std::int64_t i = 0; i < factors.b.size(); ++i) factors.b.data()[i] /= std::sqrt(static_cast<float>(out));
  adapter.modules["m"] = std::move(factors);
  return adapter;
}

inline Dense merged(const std::vector<const Adapter*>& adapters, const Merge& merge) {
  return run(adapters, merge).deltas.at("m").copy();
}

inline Dense scaled(Dense delta, double factor) {
  for (std::int64_t i = 0; i < delta.size(); ++i) delta.data()[i] *= factor;
  return delta;
}

/// The adapter with unit u in place `place[u]`, A times `on_a[u]` and B over it.
inline Adapter rewritten(const Adapter& adapter, const std::vector<std::int64_t>& place,
                         const std::vector<float>& on_a) {
  Adapter result = copy_of(adapter);
  const Factors& from = adapter.modules.at("m");
  Factors& to = result.modules["m"];
  for (std::size_t u = 0; u < place.size(); ++u) {
    const auto old = static_cast<std::int64_t>(u);
    for (std::int64_t j = 0; j < from.a.cols(); ++j) to.a(place[u], j) = on_a[u] * from.a(old, j);
    for (std::int64_t i = 0; i < from.b.rows(); ++i) to.b(i, place[u]) = from.b(i, old) / on_a[u];
  }
  return result;
}

/// The adapter in another basis: planes of units (0, 1), (2, 3), ... turned by one radian.
inline Adapter turned(const Adapter& adapter) {
  Adapter result = copy_of(adapter);
  const Factors& from = adapter.modules.at("m");
  Factors& to = result.modules["m"];
  const auto c = static_cast<float>(std::cos(1.0));
  const auto s = static_cast<float>(std::sin(1.0));
  for (std::int64_t u = 0; u + 1 < from.a.rows(); u += 2) {
    for (std::int64_t j = 0; j < from.a.cols(); ++j) {
      to.a(u, j) = c * from.a(u, j) - s * from.a(u + 1, j);
      to.a(u + 1, j) = s * from.a(u, j) + c * from.a(u + 1, j);
    }
    for (std::int64_t i = 0; i < from.b.rows(); ++i) {
      to.b(i, u) = c * from.b(i, u) - s * from.b(i, u + 1);
      to.b(i, u + 1) = s * from.b(i, u) + c * from.b(i, u + 1);
    }
  }
  return result;
}

/// The request with some of its modules only.
inline core::Json only_modules(const core::Json& request, const std::vector<std::string>& names) {
  core::Json job;
  for (const auto& [key, value] : request.at("job").as_object("job")) {
    core::Json kept = value;
    if (key == "modules") {
      kept = core::Json::array();
      for (const core::Json& module : value.as_array(key)) {
        if (std::find(names.begin(), names.end(), module.get_string("name")) != names.end()) kept.push(module);
      }
    }
    job.set(key, kept);
  }
  return core::Json::object({{"job", job}, {"outFile", fresh_folder() + "/merged"}, {"threads", 1}});
}

inline core::Matrix<float> matrix(std::int64_t rows, std::int64_t cols, const std::vector<float>& values) {
  core::Matrix<float> result(rows, cols);
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

}  // namespace amalgam::test
