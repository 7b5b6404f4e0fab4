// TIES through the merge job, against printed values of other tools and a plain implementation in double.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "merge/preview.h"
#include "runner.h"
#include "varied_adapters.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Merge;

namespace {

core::Matrix<float> matrix_of(std::int64_t rows, std::int64_t cols, const std::vector<float>& values) {
  core::Matrix<float> matrix(rows, cols);
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

/// Two adapters of one module of 4 -> 3, whose merges by PEFT 0.21.0 and mergekit are on record.
std::vector<Adapter> two_small() {
  std::vector<Adapter> adapters(2);
  adapters[0].scaling = 2;
  adapters[0].modules["m"] = {matrix_of(2, 4, {1, -2, .5, 3, .25, 4, -1, 2.5}),
                              matrix_of(3, 2, {1, .5, -2, .75, .3f, -1.5})};
  adapters[1].scaling = 0.5;
  adapters[1].modules["m"] = {matrix_of(2, 4, {-.5, 1.5, 2, -1.25, 3.5, .75, -.2f, 1.1f}),
                              matrix_of(3, 2, {.6f, -1, 1.2f, .4f, -.7f, 2.2f})};
  return adapters;
}

Merge ties(const char* variant, double density, std::vector<double> coefficients, std::int64_t rank) {
  Merge merge = test::merge_of("ties", std::move(coefficients), rank);
  merge.params = Json::object({{"density", density}, {"variant", variant}});
  return merge;
}

void check_values(const Dense& delta, const std::vector<double>& expected, double tolerance) {
  CHECK_EQ(delta.size(), static_cast<std::int64_t>(expected.size()));
  for (std::int64_t i = 0; i < delta.size(); ++i) {
    CHECK_NEAR(delta.data()[i], expected[static_cast<std::size_t>(i)], tolerance);
  }
}

/// `count` adapters over one module that differ in a few entries: update = scaling B A with A = identity, so that the
/// update is B.
Adapter adapter_with_update(std::int64_t rows, std::int64_t cols, const std::vector<float>& update) {
  Adapter adapter{{}, 1, DType::F32};
  core::Matrix<float> identity(cols, cols);
  for (std::int64_t i = 0; i < cols; ++i) identity(i, i) = 1;
  adapter.modules["m"] = {std::move(identity), matrix_of(rows, cols, update)};
  return adapter;
}

}  // namespace

TEST("PEFT's ties_svd at density 0.5, rank 3 (nothing cut), both signs of a coefficient") {
  const auto adapters = two_small();
  const auto plus = test::run(test::pointers(adapters), ties("count", .5, {.7, .4}, 3));
  check_values(plus.deltas.at("m"), {-.76, 0, 0, 5.95, -2.5375, 5.11, .464, -5.775, 1.61, -9.24, 0, -3.99}, 1e-5);
  CHECK_EQ(test::module_row(plus.result, "m").get_number("discardedEnergy"), 0.0);
  const auto minus = test::run(test::pointers(adapters), ties("count", .5, {.7, -.4}, 3));
  check_values(minus.deltas.at("m"), {.76, 0, 0, 5.95, -2.5375, 4.69, -.464, -5.775, -1.61, -9.24, 0, -3.99}, 1e-5);
}

TEST("PEFT's ties_svd at density 0.5 cut to rank 2") {
  const auto adapters = two_small();
  const auto merged = test::run(test::pointers(adapters), ties("count", .5, {.7, .4}, 2));
  check_values(
      merged.deltas.at("m"),
      {.32604, .28631, -.19311, 5.86935, -1.7748, 5.31107, .32838, -5.83164, 2.08858, -9.11383, -.0851, -4.02554},
      2e-5);
  CHECK_EQ(merged.written_ranks.at("m"), 2);
  const Dense whole = test::run(test::pointers(adapters), ties("count", .5, {.7, .4}, 3)).deltas.at("m").copy();
  Dense cut = whole.copy();
  test::add(cut, -1, merged.deltas.at("m"));
  CHECK_NEAR(test::module_row(merged.result, "m").get_number("discardedEnergy"), test::norm(cut) / test::norm(whole),
             1e-6);
}

TEST("the original TIES at 50 %: the mean of the agreeing") {
  const auto adapters = two_small();
  const auto merged = test::run(test::pointers(adapters), ties("paper", .5, {1, 1}, 3));
  check_values(merged.deltas.at("m"), {-1.9, 0, 0, 8.5, -3.625, 7.525, 1.16, -8.25, 4.025, -13.2, 0, -5.7}, 2e-5);
}

TEST("the threshold of the paper is taken over all modules of an adapter, that of count in each") {
  // The second module's values are a hundred times smaller: at density 0.5 over both nothing of it stays.
  test::Random random(51);
  Adapter adapter{{}, 1, DType::F32};
  adapter.modules["large"] = test::random_factors(random, 12, 10, 3, DType::F32);
  adapter.modules["small"] = test::random_factors(random, 12, 10, 3, DType::F32);
  for (std::int64_t i = 0; i < adapter.modules["small"].a.size(); ++i) adapter.modules["small"].a.data()[i] *= 1e-8f;
  const auto paper = test::run({&adapter}, ties("paper", .5, {1}, 10));
  CHECK_EQ(test::norm(paper.deltas.at("small")), 0.0);
  CHECK(test::relative_difference(paper.deltas.at("large"), test::delta_of(adapter, "large")) < 1e-6);
  const auto count = test::run({&adapter}, ties("count", .5, {1}, 10));
  for (const char* module : {"large", "small"}) {
    const Dense delta = test::delta_of(adapter, module);
    std::vector<double> sizes;
    for (std::int64_t i = 0; i < delta.size(); ++i) sizes.push_back(std::abs(delta.data()[i]));
    std::sort(sizes.rbegin(), sizes.rend());
    double kept = 0;
    for (std::size_t i = 0; i < 60; ++i) kept += sizes[i] * sizes[i];
    CHECK_NEAR(test::module_row(count.result, module).get_number("norm") / std::sqrt(kept), 1, 1e-6);
  }
}

TEST("at density 1 adapters that agree in every sign give their mean, with coefficients inside it") {
  test::Random random(52);
  std::vector<float> one;
  std::vector<float> two;
  for (int i = 0; i < 48; ++i) {
    const auto sign = static_cast<float>(random.integer(0, 1) * 2 - 1);
    one.push_back(sign * static_cast<float>(std::abs(random.number()) + .1));
    two.push_back(sign * static_cast<float>(std::abs(random.number()) + .1));
  }
  const Adapter left = adapter_with_update(8, 6, one);
  const Adapter right = adapter_with_update(8, 6, two);
  for (const char* variant : {"paper", "count"}) {
    const auto mean = test::run({&left, &right}, ties(variant, 1, {1, 1}, 6));
    CHECK(test::relative_difference(mean.deltas.at("m"), test::dense_sum({&left, &right}, {.5, .5}, "m")) < 1e-6);
    const auto scaled = test::run({&left, &right}, ties(variant, 1, {.6, -.2}, 6));
    CHECK(test::relative_difference(scaled.deltas.at("m"), test::dense_sum({&left, &right}, {.3, -.1}, "m")) < 1e-6);
    const auto alone = test::run({&left}, ties(variant, 1, {1}, 6));
    CHECK(test::relative_difference(alone.deltas.at("m"), test::delta_of(left, "m")) < 1e-6);
  }
}

TEST("a sum of zero takes the majority sign of the job in paper, plus in count, and nothing when signs balance") {
  // Entries: a draw of +2 against -2, and one that decides the majority; the third adapter gives no sign to the draw.
  const Adapter first = adapter_with_update(1, 4, {2, 0, 0, 0});
  const Adapter second = adapter_with_update(1, 4, {-2, 0, 0, 0});
  const Adapter minus = adapter_with_update(1, 4, {0, -3, -3, 3});
  const Adapter plus = adapter_with_update(1, 4, {0, 3, 3, -3});
  const Adapter even = adapter_with_update(1, 4, {0, 3, 0, -3});
  const auto first_entry = [&](const char* variant, const Adapter& third) {
    const auto merged = test::run({&first, &second, &third}, ties(variant, 1, {1, 1, 1}, 1));
    return merged.deltas.at("m")(0, 0);
  };
  CHECK_NEAR(first_entry("paper", minus), -2, 1e-6);
  CHECK_NEAR(first_entry("paper", plus), 2, 1e-6);
  CHECK_NEAR(first_entry("paper", even), 0, 1e-6);
  CHECK_NEAR(first_entry("count", minus), 2, 1e-6);
  // Coefficients come after the election, to which the second adapter alone contributes here.
  const auto weighted = test::run({&first, &second, &minus}, ties("paper", 1, {5, .25, 1}, 1));
  CHECK_NEAR(weighted.deltas.at("m")(0, 0), -.5, 1e-6);
}

TEST("density 0 gives zero") {
  const auto adapters = two_small();
  for (const char* variant : {"paper", "count"}) {
    const auto merged = test::run(test::pointers(adapters), ties(variant, 0, {1, 1}, 3));
    CHECK_EQ(test::norm(merged.deltas.at("m")), 0.0);
    CHECK_EQ(test::module_row(merged.result, "m").get_number("norm"), 0.0);
    CHECK_EQ(test::module_row(merged.result, "m").get_int("rank"), 0);
  }
}

TEST("the same bytes come out for any number of threads, in both variants") {
  test::Random random(53);
  const auto adapters = test::varied_adapters(random);
  for (const char* variant : {"paper", "count"}) {
    std::string first;
    std::string first_rows;
    for (const int threads : {1, 2, 3, 8}) {
      Merge merge = ties(variant, .3, {.7, -1.3, .2}, 3);
      merge.threads = threads;
      const Json request = test::make_request(test::pointers(adapters), merge);
      const Json result = test::run_request(request);
      const std::string bytes = test::bytes_of(request.get_string("outFile"));
      if (threads == 1) {
        first = bytes;
        first_rows = result.at("modules").dump();
      }
      CHECK(bytes == first);
      CHECK_EQ(result.at("modules").dump(), first_rows);
    }
  }
}

TEST("a preview has the figures of the merge, and says when its thresholds are of a sample") {
  test::Random random(54);
  const auto adapters = test::varied_adapters(random);
  for (const char* variant : {"paper", "count"}) {
    const Json request = test::make_request(test::pointers(adapters), ties(variant, .3, {.7, -1.3, .2}, 3));
    const Json merged = test::run_request(request);
    const auto preview = [&](std::int64_t most_bytes) {
      core::Progress progress;
      const core::CancelToken cancel;
      return merge::run_preview(Json::object({{"job", request.at("job")}, {"maxBytes", most_bytes}, {"threads", 2}}),
                                progress, cancel);
    };
    const Json whole = preview(1 << 26);
    CHECK(whole.get_bool("exact"));
    for (const Json& row : whole.get_array("modules")) {
      const Json& of_merge = test::module_row(merged, row.get_string("name"));
      CHECK_EQ(row.get_number("norm"), of_merge.get_number("norm"));
      CHECK_EQ(row.get_number("discardedEnergy"), of_merge.get_number("discardedEnergy"));
    }
    const Json sample = preview(4000);
    CHECK(!sample.get_bool("exact"));
    CHECK(sample.get_int("modulesUsed") < sample.get_int("modulesTotal"));
    CHECK_EQ(sample.get_array("modules").size(), static_cast<std::size_t>(sample.get_int("modulesUsed")));
    for (const Json& row : sample.get_array("modules")) {
      const double of_merge = test::module_row(merged, row.get_string("name")).get_number("norm");
      // Per module the maths is the merge's own; over the job the threshold is that of the sample.
      if (variant == std::string("count")) CHECK_EQ(row.get_number("norm"), of_merge);
      CHECK(row.get_number("norm") > .3 * of_merge && row.get_number("norm") < 3 * of_merge);
    }
  }
}
