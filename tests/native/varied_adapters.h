// Three unlike adapters and short ways to merge them, for the tests of the merge job.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "merge_fixture.h"

namespace amalgam::test {

inline const std::vector<std::string> varied_modules{"layers.0.down", "layers.0.q", "layers.0.up", "layers.1.q",
                                                     "layers.1.tall"};

/// Adapters of unequal ranks and dtypes over modules that are wide, tall, square and smaller than the ranks; the second
/// lacks two of them.
inline std::vector<Adapter> varied_adapters(Random& random) {
  struct Sides {
    std::int64_t out;
    std::int64_t in;
  };
  const std::vector<Sides> sides{{20, 60}, {24, 24}, {60, 20}, {5, 30}, {33, 4}};
  const core::DType dtypes[] = {core::DType::F32, core::DType::BF16, core::DType::F16};
  const double scalings[] = {2, 0.25, 1.5};
  const std::int64_t ranks[] = {4, 7, 1};
  std::vector<Adapter> adapters;
  for (int i = 0; i < 3; ++i) {
    Adapter adapter{{}, scalings[i], dtypes[i]};
    for (std::size_t m = 0; m < varied_modules.size(); ++m) {
      if (i == 1 && (m == 1 || m == 4)) continue;
      adapter.modules[varied_modules[m]] = random_factors(random, sides[m].out, sides[m].in, ranks[i], dtypes[i]);
    }
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

inline std::vector<const Adapter*> pointers(const std::vector<Adapter>& adapters) {
  std::vector<const Adapter*> result;
  for (const Adapter& adapter : adapters) result.push_back(&adapter);
  return result;
}

/// A merge in one line.
inline Merge merge_of(const char* method, std::vector<double> coefficients, std::int64_t rank = -1) {
  Merge merge;
  merge.method = method;
  merge.coefficients = std::move(coefficients);
  merge.rank = rank;
  return merge;
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

inline core::Json run_request(const core::Json& request) {
  core::Progress progress;
  const core::CancelToken cancel;
  return amalgam::merge::run_merge(request, progress, cancel);
}

}  // namespace amalgam::test
