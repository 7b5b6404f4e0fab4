// The merge job from request to file, judged by dense sums and a dense SVD.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "runner.h"
#include "varied_adapters.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Merge;

TEST("concat and untruncated linear are the exact sum, for all shapes, ranks, dtypes and missing modules") {
  test::Random random(1);
  const auto adapters = test::varied_adapters(random);
  const auto all = test::pointers(adapters);
  const std::vector<double> coefficients{.7, -1.3, 0.2};
  for (const char* method : {"concat", "linear"}) {
    const auto merged = test::run(all, test::merge_of(method, coefficients));
    for (const std::string& module : test::varied_modules) {
      const Dense expected = test::dense_sum(all, coefficients, module);
      CHECK(test::relative_difference(merged.deltas.at(module), expected) < 1e-6);
      const Json& row = test::module_row(merged.result, module);
      CHECK_NEAR(row.get_number("norm") / test::norm(expected), 1, 1e-6);
      CHECK_EQ(row.get_number("discardedEnergy"), 0.0);
      CHECK_EQ(row.get_int("rank"), module == "layers.0.q" || module == "layers.1.tall" ? 5 : 12);
      CHECK_EQ(merged.written_ranks.at(module), 12);
    }
    CHECK_EQ(merged.result.get_int("rank"), 12);
  }
}

TEST("untruncated linear writes the very bytes of concat") {
  test::Random random(2);
  const auto adapters = test::varied_adapters(random);
  const Json concat = test::make_request(test::pointers(adapters), test::merge_of("concat", {.7, -1.3, .2}));
  const Json linear = test::make_request(test::pointers(adapters), test::merge_of("linear", {.7, -1.3, .2}));
  test::run_request(concat);
  test::run_request(linear);
  CHECK(test::bytes_of(concat.get_string("outFile")) == test::bytes_of(linear.get_string("outFile")));
}

TEST("linear at a rank that loses nothing equals concat, though it goes through the core") {
  test::Random random(3);
  const auto adapters = test::varied_adapters(random);
  const auto all = test::pointers(adapters);
  const auto exact = test::run(all, test::merge_of("concat", {.7, -1.3, .2}));
  // Rank 11 is below the stacked rank 12, and above what the small modules can have.
  const auto cut = test::run(all, test::merge_of("linear", {.7, -1.3, .2}, 11));
  for (const char* module : {"layers.1.q", "layers.1.tall"}) {
    CHECK(test::relative_difference(cut.deltas.at(module), exact.deltas.at(module)) < 1e-6);
    CHECK_EQ(test::module_row(cut.result, module).get_number("discardedEnergy"), 0.0);
    CHECK_EQ(cut.written_ranks.at(module), 11);
  }
  CHECK_EQ(test::module_row(cut.result, "layers.1.q").get_int("rank"), 5);
}

TEST("linear cut to a rank is the best fit, and reports norm and discarded energy as a dense SVD does") {
  test::Random random(4);
  const auto adapters = test::varied_adapters(random);
  const auto all = test::pointers(adapters);
  for (const auto& coefficients : std::vector<std::vector<double>>{{.7, 1.3, .2}, {.7, -1.3, -.2}}) {
    for (const std::int64_t rank : {1, 3, 6}) {
      const auto merged = test::run(all, test::merge_of("linear", coefficients, rank));
      for (const std::string& module : test::varied_modules) {
        const Dense sum = test::dense_sum(all, coefficients, module);
        const Dense fit = test::best_fit(sum, rank);
        CHECK(test::relative_difference(merged.deltas.at(module), fit) < 1e-6);
        Dense cut = sum.copy();
        test::add(cut, -1, fit);
        const Json& row = test::module_row(merged.result, module);
        CHECK_NEAR(row.get_number("norm") / test::norm(sum), 1, 1e-6);
        CHECK_NEAR(row.get_number("discardedEnergy"), test::norm(cut) / test::norm(sum), 1e-6);
        CHECK_EQ(merged.written_ranks.at(module), rank);
      }
    }
  }
}

TEST("average divides by all adapters, also where one lacks the module") {
  test::Random random(5);
  const auto adapters = test::varied_adapters(random);
  const auto all = test::pointers(adapters);
  for (const std::int64_t rank : {-1, 2}) {
    const auto merged = test::run(all, test::merge_of("average", {}, rank));
    for (const std::string& module : test::varied_modules) {
      const Dense mean = test::dense_sum(all, {1.0 / 3, 1.0 / 3, 1.0 / 3}, module);
      const Dense expected = rank == -1 ? mean.copy() : test::best_fit(mean, rank);
      CHECK(test::relative_difference(merged.deltas.at(module), expected) < 1e-6);
    }
  }
}

TEST("peft_linear adds factors over the adapters that have the module") {
  test::Random random(6);
  std::vector<Adapter> adapters;
  for (int i = 0; i < 3; ++i) {
    Adapter adapter{{}, i + 0.5, DType::F32};
    adapter.modules["m"] = test::random_factors(random, 14, 9, 4, DType::F32);
    if (i != 1) adapter.modules["n"] = test::random_factors(random, 6, 17, 4, DType::F32);
    adapters.push_back(std::move(adapter));
  }
  const std::vector<double> coefficients{.7, -.4, .3};
  Merge merge = test::merge_of("peft_linear", coefficients);
  merge.output_rank = 4;
  const auto merged = test::run(test::pointers(adapters), merge);
  for (const std::string module : {"m", "n"}) {
    const test::Factors& shape = adapters[0].modules.at(module);
    Dense a(4, shape.a.cols());
    Dense b(shape.b.rows(), 4);
    for (std::size_t i = 0; i < 3; ++i) {
      if (!adapters[i].modules.contains(module)) continue;
      const double c = coefficients[i] * adapters[i].scaling;
      test::add(a, std::copysign(std::sqrt(std::abs(c)), c), test::to_dense(adapters[i].modules.at(module).a));
      test::add(b, std::sqrt(std::abs(c)), test::to_dense(adapters[i].modules.at(module).b));
    }
    const Dense expected = test::multiply(b, a);
    CHECK(test::relative_difference(merged.deltas.at(module), expected) < 1e-6);
    CHECK_NEAR(test::module_row(merged.result, module).get_number("norm") / test::norm(expected), 1, 1e-5);
    CHECK_EQ(merged.written_ranks.at(module), 4);
  }
}

TEST("a zero coefficient takes part with nothing, and a repeated adapter counts twice") {
  test::Random random(7);
  const auto adapters = test::varied_adapters(random);
  const std::vector<const Adapter*> repeated{&adapters[0], &adapters[2], &adapters[0]};
  for (const std::int64_t rank : {-1, 2}) {
    const auto merged = test::run(repeated, test::merge_of("linear", {.5, 0, .25}, rank));
    for (const std::string& module : test::varied_modules) {
      Dense expected = test::delta_of(adapters[0], module);
      for (std::int64_t i = 0; i < expected.size(); ++i) expected.data()[i] *= 0.75;
      if (rank == 2) expected = test::best_fit(expected, 2);
      CHECK(test::relative_difference(merged.deltas.at(module), expected) < 1e-6);
    }
  }
  const auto nothing = test::run({&adapters[0]}, test::merge_of("linear", {0}, 2));
  CHECK_EQ(test::norm(nothing.deltas.at("layers.0.q")), 0.0);
  CHECK_EQ(test::module_row(nothing.result, "layers.0.q").get_number("norm"), 0.0);
  CHECK_EQ(test::module_row(nothing.result, "layers.0.q").get_number("discardedEnergy"), 0.0);
}

TEST("coefficients of any size keep their precision") {
  test::Random random(8);
  const auto adapters = test::varied_adapters(random);
  for (const double size : {1e-12, 1e12}) {
    for (const std::int64_t rank : {-1, 3}) {
      const auto merged =
          test::run({&adapters[0], &adapters[2]}, test::merge_of("linear", {.7 * size, -.4 * size}, rank));
      Dense expected = test::dense_sum({&adapters[0], &adapters[2]}, {.7 * size, -.4 * size}, "layers.0.q");
      if (rank == 3) expected = test::best_fit(expected, 3);
      CHECK(test::relative_difference(merged.deltas.at("layers.0.q"), expected) < 1e-6);
    }
  }
}

TEST("both factors carry the square root of the scale, and A its sign") {
  test::Random random(9);
  Adapter adapter{{}, 2, DType::F32};
  adapter.modules["m"] = test::random_factors(random, 6, 5, 2, DType::F32);
  const Json request = test::make_request({&adapter}, test::merge_of("concat", {-8}));
  test::run_request(request);
  const core::SafetensorsReader file(request.get_string("outFile"));
  const auto a = test::read_matrix(file, test::a_name("m"));
  const auto b = test::read_matrix(file, test::b_name("m"));
  for (std::int64_t i = 0; i < a.size(); ++i) CHECK_EQ(a.data()[i], -4 * adapter.modules["m"].a.data()[i]);
  for (std::int64_t i = 0; i < b.size(); ++i) CHECK_EQ(b.data()[i], 4 * adapter.modules["m"].b.data()[i]);
  CHECK_EQ(file.metadata().size(), 1u);
  CHECK_EQ(file.metadata()[0].first, "format");
  CHECK_EQ(file.metadata()[0].second, "pt");
}

TEST("modules are padded with zero rows and columns to the output's rank") {
  test::Random random(10);
  const auto adapters = test::varied_adapters(random);
  for (const char* method : {"concat", "linear"}) {
    Merge merge = test::merge_of(method, {1, 1, 1}, method == std::string("linear") ? 2 : -1);
    merge.output_rank = 16;
    const Json request = test::make_request(test::pointers(adapters), merge);
    test::run_request(request);
    const core::SafetensorsReader file(request.get_string("outFile"));
    const auto a = test::read_matrix(file, test::a_name("layers.0.q"));
    const auto b = test::read_matrix(file, test::b_name("layers.0.q"));
    const std::int64_t used = method == std::string("linear") ? 2 : 5;
    CHECK_EQ(a.rows(), 16);
    CHECK_EQ(b.cols(), 16);
    for (std::int64_t u = used; u < 16; ++u) {
      for (std::int64_t i = 0; i < a.cols(); ++i) CHECK_EQ(a(u, i), 0.0f);
      for (std::int64_t i = 0; i < b.rows(); ++i) CHECK_EQ(b(i, u), 0.0f);
    }
    const Dense expected = used == 5 ? test::dense_sum(test::pointers(adapters), {}, "layers.0.q")
                                     : test::best_fit(test::dense_sum(test::pointers(adapters), {}, "layers.0.q"), 2);
    CHECK(test::relative_difference(test::multiply(test::to_dense(b), test::to_dense(a)), expected) < 1e-6);
  }
}

TEST("output in 16 bits is rounded once") {
  test::Random random(11);
  const auto adapters = test::varied_adapters(random);
  for (const auto& [dtype, tolerance] :
       std::vector<std::pair<std::string, double>>{{"bfloat16", 4e-3}, {"float16", 5e-4}}) {
    Merge merge = test::merge_of("concat", {.7, -1.3, .2});
    merge.dtype = dtype;
    const auto merged = test::run(test::pointers(adapters), merge);
    for (const std::string& module : test::varied_modules) {
      const Dense expected = test::dense_sum(test::pointers(adapters), {.7, -1.3, .2}, module);
      CHECK(test::relative_difference(merged.deltas.at(module), expected) < tolerance);
    }
  }
}

TEST("the same bytes come out for any number of threads") {
  test::Random random(12);
  const auto adapters = test::varied_adapters(random);
  for (const auto& merge : {test::merge_of("concat", {.7, -1.3, .2}), test::merge_of("linear", {.7, -1.3, .2}, 3),
                            test::merge_of("average", {}, 2)}) {
    std::string first;
    std::string first_rows;
    for (const int threads : {1, 2, 3, 8}) {
      Merge with_threads = merge;
      with_threads.threads = threads;
      const Json request = test::make_request(test::pointers(adapters), with_threads);
      const Json result = test::run_request(request);
      const std::string bytes = test::bytes_of(request.get_string("outFile"));
      const std::string rows = result.at("modules").dump();
      if (threads == 1) {
        first = bytes;
        first_rows = rows;
      }
      CHECK(bytes == first);
      CHECK_EQ(rows, first_rows);
    }
  }
}

TEST("the result counts bytes, time and memory, and progress counts to the end of both stages") {
  test::Random random(13);
  const auto adapters = test::varied_adapters(random);
  const Json request = test::make_request(test::pointers(adapters), test::merge_of("linear", {1, 1, 1}, 2));
  std::vector<core::ProgressReport> reports;
  core::Progress progress([&](const core::ProgressReport& report) { reports.push_back(report); });
  const core::CancelToken cancel;
  const Json result = merge::run_merge(request, progress, cancel);
  std::int64_t factor_bytes = 0;
  for (const Adapter& adapter : adapters) {
    for (const auto& [name, factors] : adapter.modules) {
      factor_bytes += (factors.a.size() + factors.b.size()) * core::dtype_bits(adapter.dtype) / 8;
    }
  }
  CHECK_EQ(result.get_int("bytesRead"), factor_bytes);
  CHECK_EQ(result.get_int("bytesWritten"),
           static_cast<std::int64_t>(std::filesystem::file_size(request.get_string("outFile"))));
  CHECK(result.get_number("seconds") > 0);
  CHECK(result.get_int("peakBytes") > 0);
  CHECK_EQ(reports.front().stage, "merging");
  CHECK_EQ(reports.front().total, factor_bytes);
  CHECK_EQ(reports.back().stage, "saving");
  CHECK_EQ(reports.back().done, reports.back().total);
}
