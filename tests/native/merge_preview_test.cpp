// The preview: the figures of the merge, and the inner products of the adapters, without a file.
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "merge/preview.h"
#include "merge_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Merge;

namespace {

/// `layers` layers of two kinds of module; the second adapter lacks one kind.
std::vector<Adapter> adapters_with(int layers) {
  test::Random random(31);
  std::vector<Adapter> adapters;
  for (int i = 0; i < 3; ++i) {
    Adapter adapter{{}, i + 0.5, i == 2 ? DType::BF16 : DType::F32};
    for (int layer = 0; layer < layers; ++layer) {
      const std::string prefix = std::string(layer < 10 ? "0" : "") + std::to_string(layer);
      adapter.modules[prefix + ".q"] = test::random_factors(random, 18, 18, 3 + i, adapter.dtype);
      if (i != 1) adapter.modules[prefix + ".up"] = test::random_factors(random, 30, 18, 3 + i, adapter.dtype);
    }
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

Json preview(const Json& request, std::int64_t most_bytes) {
  Json changed = Json::object({{"job", request.at("job")}, {"maxBytes", most_bytes}, {"threads", 1}});
  core::Progress progress;
  const core::CancelToken cancel;
  return merge::run_preview(changed, progress, cancel);
}

std::vector<const Adapter*> pointers(const std::vector<Adapter>& adapters) {
  std::vector<const Adapter*> result;
  for (const Adapter& adapter : adapters) result.push_back(&adapter);
  return result;
}

}  // namespace

TEST("a preview has the norms and discarded energies of the merge, and writes nothing") {
  const auto adapters = adapters_with(2);
  for (const auto& [method, rank] :
       std::vector<std::pair<std::string, int>>{{"concat", -1}, {"linear", 2}, {"average", 4}}) {
    Merge merge;
    merge.method = method;
    merge.coefficients = {.7, -.4, .2};
    merge.rank = rank;
    const auto merged = test::run(pointers(adapters), merge);
    const Json request = test::make_request(pointers(adapters), merge);
    const Json result = preview(request, 1 << 26);
    CHECK(result.get_bool("exact"));
    CHECK_EQ(result.get_int("modulesUsed"), 4);
    CHECK_EQ(result.get_int("modulesTotal"), 4);
    CHECK_EQ(result.get_array("modules").size(), 4u);
    for (const Json& row : result.get_array("modules")) {
      const Json& of_merge = test::module_row(merged.result, row.get_string("name"));
      CHECK_EQ(row.get_number("norm"), of_merge.get_number("norm"));
      CHECK_EQ(row.get_number("discardedEnergy"), of_merge.get_number("discardedEnergy"));
    }
    CHECK(!std::filesystem::exists(request.get_string("outFile")));
  }
}

TEST("gram holds the inner products of the updates without coefficients") {
  const auto adapters = adapters_with(2);
  Merge merge;
  merge.coefficients = {.7, -.4, 0};
  const Json result = preview(test::make_request(pointers(adapters), merge), 1 << 26);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      double expected = 0;
      for (const auto& [name, factors] : adapters[0].modules) {
        if (!adapters[i].modules.contains(name) || !adapters[j].modules.contains(name)) continue;
        const Dense left = test::delta_of(adapters[i], name);
        const Dense right = test::delta_of(adapters[j], name);
        for (std::int64_t e = 0; e < left.size(); ++e) expected += left.data()[e] * right.data()[e];
      }
      CHECK_NEAR(result.get_array("gram")[i].as_array("gram")[j].as_number("gram"), expected,
                 1e-9 * std::abs(expected) + 1e-9);
    }
  }
}

TEST("a sample of modules meets every part of the list and every kind, within the bytes allowed") {
  const int layers = 30;
  const auto adapters = adapters_with(layers);
  const Json request = test::make_request(pointers(adapters), Merge{});
  std::int64_t all_bytes = 0;
  for (const Adapter& adapter : adapters) {
    for (const auto& [name, factors] : adapter.modules) {
      all_bytes += (factors.a.size() + factors.b.size()) * core::dtype_bits(adapter.dtype) / 8;
    }
  }
  CHECK(preview(request, all_bytes).get_bool("exact"));
  const Json sampled = preview(request, all_bytes / 5);
  CHECK(!sampled.get_bool("exact"));
  const auto& rows = sampled.get_array("modules");
  CHECK_EQ(sampled.get_int("modulesUsed"), static_cast<std::int64_t>(rows.size()));
  CHECK_EQ(sampled.get_int("modulesTotal"), 2 * layers);
  CHECK(rows.size() >= 8 && rows.size() <= 14);
  std::set<std::string> kinds;
  std::set<int> thirds;
  for (const Json& row : rows) {
    const std::string& name = row.get_string("name");
    kinds.insert(name.substr(3));
    thirds.insert(std::stoi(name.substr(0, 2)) / 10);
  }
  CHECK_EQ(kinds.size(), 2u);
  CHECK_EQ(thirds.size(), 3u);
  CHECK_EQ(preview(request, 0).get_int("modulesUsed"), 1);
}
