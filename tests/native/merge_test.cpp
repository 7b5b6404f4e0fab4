// The merge job from request to file, judged by dense sums and a dense SVD.
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "merge/module_workers.h"
#include "merge_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Merge;

namespace {

const std::vector<std::string> modules{"layers.0.down", "layers.0.q", "layers.0.up", "layers.1.q", "layers.1.tall"};

/// Adapters of unequal ranks and dtypes over modules that are wide, tall, square and smaller than the ranks; the second
/// lacks two of them.
std::vector<Adapter> varied_adapters(test::Random& random) {
  struct Sides {
    std::int64_t out;
    std::int64_t in;
  };
  const std::vector<Sides> sides{{20, 60}, {24, 24}, {60, 20}, {5, 30}, {33, 4}};
  const DType dtypes[] = {DType::F32, DType::BF16, DType::F16};
  const double scalings[] = {2, 0.25, 1.5};
  const std::int64_t ranks[] = {4, 7, 1};
  std::vector<Adapter> adapters;
  for (int i = 0; i < 3; ++i) {
    Adapter adapter{{}, scalings[i], dtypes[i]};
    for (std::size_t m = 0; m < modules.size(); ++m) {
      if (i == 1 && (m == 1 || m == 4)) continue;
      adapter.modules[modules[m]] = test::random_factors(random, sides[m].out, sides[m].in, ranks[i], dtypes[i]);
    }
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

std::vector<const Adapter*> pointers(const std::vector<Adapter>& adapters) {
  std::vector<const Adapter*> result;
  for (const Adapter& adapter : adapters) result.push_back(&adapter);
  return result;
}

Merge of(const char* method, std::vector<double> coefficients, std::int64_t rank = -1) {
  Merge merge;
  merge.method = method;
  merge.coefficients = std::move(coefficients);
  merge.rank = rank;
  return merge;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

Json run_request(const Json& request) {
  core::Progress progress;
  const core::CancelToken cancel;
  return merge::run_merge(request, progress, cancel);
}

/// `request` with `job.<key>` replaced.
Json with_job(const Json& request, const std::string& key, Json value) {
  Json job = Json::object({});
  for (const auto& [name, old] : request.at("job").as_object("job")) job.set(name, name == key ? value : old);
  Json changed = Json::object({});
  for (const auto& [name, old] : request.as_object("request")) changed.set(name, name == "job" ? job : old);
  return changed;
}

/// `request` with a member of its first module (or of that module's first source) replaced.
Json with_module(const Json& request, const std::string& key, const Json& value, bool in_source = false) {
  const auto changed_object = [&](const Json& object) {
    Json result = Json::object({});
    for (const auto& [name, old] : object.as_object("object")) result.set(name, name == key ? value : old);
    return result;
  };
  Json rows = Json::array();
  for (const Json& module : request.at("job").get_array("modules")) {
    if (rows.is_array() && !rows.as_array("rows").empty()) {
      rows.push(module);
    } else if (!in_source) {
      rows.push(changed_object(module));
    } else {
      Json sources = Json::array();
      for (const Json& source : module.get_array("sources")) {
        sources.push(sources.as_array("sources").empty() ? changed_object(source) : source);
      }
      Json changed = Json::object({});
      for (const auto& [name, old] : module.as_object("module")) changed.set(name, name == "sources" ? sources : old);
      rows.push(changed);
    }
  }
  return with_job(request, "modules", rows);
}

std::string message_of(const Json& request) { return CHECK_ERROR("request-invalid", run_request(request)).what(); }

}  // namespace

TEST("concat and untruncated linear are the exact sum, for all shapes, ranks, dtypes and missing modules") {
  test::Random random(1);
  const auto adapters = varied_adapters(random);
  const auto all = pointers(adapters);
  const std::vector<double> coefficients{.7, -1.3, 0.2};
  for (const char* method : {"concat", "linear"}) {
    const auto merged = test::run(all, of(method, coefficients));
    for (const std::string& module : modules) {
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
  const auto adapters = varied_adapters(random);
  const Json concat = test::make_request(pointers(adapters), of("concat", {.7, -1.3, .2}));
  const Json linear = test::make_request(pointers(adapters), of("linear", {.7, -1.3, .2}));
  run_request(concat);
  run_request(linear);
  CHECK(bytes_of(concat.get_string("outFile")) == bytes_of(linear.get_string("outFile")));
}

TEST("linear at a rank that loses nothing equals concat, though it goes through the core") {
  test::Random random(3);
  const auto adapters = varied_adapters(random);
  const auto all = pointers(adapters);
  const auto exact = test::run(all, of("concat", {.7, -1.3, .2}));
  // Rank 11 is below the stacked rank 12, and above what the small modules can have.
  const auto cut = test::run(all, of("linear", {.7, -1.3, .2}, 11));
  for (const char* module : {"layers.1.q", "layers.1.tall"}) {
    CHECK(test::relative_difference(cut.deltas.at(module), exact.deltas.at(module)) < 1e-6);
    CHECK_EQ(test::module_row(cut.result, module).get_number("discardedEnergy"), 0.0);
    CHECK_EQ(cut.written_ranks.at(module), 11);
  }
  CHECK_EQ(test::module_row(cut.result, "layers.1.q").get_int("rank"), 5);
}

TEST("linear cut to a rank is the best fit, and reports norm and discarded energy as a dense SVD does") {
  test::Random random(4);
  const auto adapters = varied_adapters(random);
  const auto all = pointers(adapters);
  for (const auto& coefficients : std::vector<std::vector<double>>{{.7, 1.3, .2}, {.7, -1.3, -.2}}) {
    for (const std::int64_t rank : {1, 3, 6}) {
      const auto merged = test::run(all, of("linear", coefficients, rank));
      for (const std::string& module : modules) {
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
  const auto adapters = varied_adapters(random);
  const auto all = pointers(adapters);
  for (const std::int64_t rank : {-1, 2}) {
    const auto merged = test::run(all, of("average", {}, rank));
    for (const std::string& module : modules) {
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
  Merge merge = of("peft_linear", coefficients);
  merge.output_rank = 4;
  const auto merged = test::run(pointers(adapters), merge);
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
  const auto adapters = varied_adapters(random);
  const std::vector<const Adapter*> repeated{&adapters[0], &adapters[2], &adapters[0]};
  for (const std::int64_t rank : {-1, 2}) {
    const auto merged = test::run(repeated, of("linear", {.5, 0, .25}, rank));
    for (const std::string& module : modules) {
      Dense expected = test::delta_of(adapters[0], module);
      for (std::int64_t i = 0; i < expected.size(); ++i) expected.data()[i] *= 0.75;
      if (rank == 2) expected = test::best_fit(expected, 2);
      CHECK(test::relative_difference(merged.deltas.at(module), expected) < 1e-6);
    }
  }
  const auto nothing = test::run({&adapters[0]}, of("linear", {0}, 2));
  CHECK_EQ(test::norm(nothing.deltas.at("layers.0.q")), 0.0);
  CHECK_EQ(test::module_row(nothing.result, "layers.0.q").get_number("norm"), 0.0);
  CHECK_EQ(test::module_row(nothing.result, "layers.0.q").get_number("discardedEnergy"), 0.0);
}

TEST("coefficients of any size keep their precision") {
  test::Random random(8);
  const auto adapters = varied_adapters(random);
  for (const double size : {1e-12, 1e12}) {
    for (const std::int64_t rank : {-1, 3}) {
      const auto merged = test::run({&adapters[0], &adapters[2]}, of("linear", {.7 * size, -.4 * size}, rank));
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
  const Json request = test::make_request({&adapter}, of("concat", {-8}));
  run_request(request);
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
  const auto adapters = varied_adapters(random);
  for (const char* method : {"concat", "linear"}) {
    Merge merge = of(method, {1, 1, 1}, method == std::string("linear") ? 2 : -1);
    merge.output_rank = 16;
    const Json request = test::make_request(pointers(adapters), merge);
    run_request(request);
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
    const Dense expected = used == 5 ? test::dense_sum(pointers(adapters), {}, "layers.0.q")
                                     : test::best_fit(test::dense_sum(pointers(adapters), {}, "layers.0.q"), 2);
    CHECK(test::relative_difference(test::multiply(test::to_dense(b), test::to_dense(a)), expected) < 1e-6);
  }
}

TEST("output in 16 bits is rounded once") {
  test::Random random(11);
  const auto adapters = varied_adapters(random);
  for (const auto& [dtype, tolerance] :
       std::vector<std::pair<std::string, double>>{{"bfloat16", 4e-3}, {"float16", 5e-4}}) {
    Merge merge = of("concat", {.7, -1.3, .2});
    merge.dtype = dtype;
    const auto merged = test::run(pointers(adapters), merge);
    for (const std::string& module : modules) {
      const Dense expected = test::dense_sum(pointers(adapters), {.7, -1.3, .2}, module);
      CHECK(test::relative_difference(merged.deltas.at(module), expected) < tolerance);
    }
  }
}

TEST("the same bytes come out for any number of threads") {
  test::Random random(12);
  const auto adapters = varied_adapters(random);
  for (const auto& merge : {of("concat", {.7, -1.3, .2}), of("linear", {.7, -1.3, .2}, 3), of("average", {}, 2)}) {
    std::string first;
    std::string first_rows;
    for (const int threads : {1, 2, 3, 8}) {
      Merge with_threads = merge;
      with_threads.threads = threads;
      const Json request = test::make_request(pointers(adapters), with_threads);
      const Json result = run_request(request);
      const std::string bytes = bytes_of(request.get_string("outFile"));
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
  const auto adapters = varied_adapters(random);
  const Json request = test::make_request(pointers(adapters), of("linear", {1, 1, 1}, 2));
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

TEST("a number that is not finite stops the merge by tensor, and leaves no file") {
  test::Random random(14);
  auto adapters = varied_adapters(random);
  adapters[0].modules["layers.0.up"].b(7, 1) = 4242.0f;
  const Json request = test::make_request(pointers(adapters), of("linear", {1, 1, 1}, 2));
  const std::string& path = request.at("job").get_array("adapters")[0].get_string("weightsFile");
  test::replace_float(path, 4242.0f, std::numeric_limits<float>::quiet_NaN());
  const auto error = CHECK_ERROR("not-finite", run_request(request));
  CHECK_EQ(error.tensor, test::b_name("layers.0.up"));
  CHECK_EQ(error.path, path);
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("a result that float16 cannot hold is an error, and leaves no file") {
  test::Random random(15);
  const auto adapters = varied_adapters(random);
  Merge merge = of("concat", {1e12, 1, 1});
  merge.dtype = "float16";
  const Json request = test::make_request(pointers(adapters), merge);
  CHECK_ERROR("not-finite", run_request(request));
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("factors that do not fit their module are refused before anything is written") {
  test::Random random(16);
  const auto adapters = varied_adapters(random);
  const Json request = test::make_request(pointers(adapters), of("concat", {1, 1, 1}));
  for (const auto& [key, tensor] :
       {std::pair{"in", test::a_name("layers.0.down")}, {"out", test::b_name("layers.0.down")}}) {
    const auto error = CHECK_ERROR("shape-mismatch", run_request(with_module(request, key, 61)));
    CHECK_EQ(error.tensor, tensor);
  }
  CHECK_ERROR("shape-mismatch", run_request(with_module(request, "rank", 5, true)));
  CHECK_EQ(CHECK_ERROR("tensor-missing", run_request(with_module(request, "a", "nowhere", true))).tensor, "nowhere");
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("a file that is already there is neither emptied nor removed") {
  test::Random random(17);
  const auto adapters = varied_adapters(random);
  const Json request = test::make_request(pointers(adapters), of("concat", {1, 1, 1}));
  std::ofstream(request.get_string("outFile")) << "mine";
  CHECK_ERROR("write-failed", run_request(request));
  CHECK_EQ(bytes_of(request.get_string("outFile")), "mine");
}

TEST("requests that are wrong name the field") {
  test::Random random(18);
  const auto adapters = varied_adapters(random);
  const Json request = test::make_request(pointers(adapters), of("linear", {1, 1, 1}, 2));
  CHECK_EQ(message_of(with_job(request, "schema", 2)), "job.schema must be from 1 to 1, not 2.");
  CHECK_EQ(message_of(with_job(request, "device", "cuda:0")), "job.device must be \"cpu\", not \"cuda:0\".");
  CHECK_EQ(message_of(with_job(request, "modules", Json::array())), "job.modules must not be empty.");
  CHECK_EQ(message_of(with_job(request, "adapters", Json::array())), "job.adapters must not be empty.");
  CHECK_EQ(message_of(with_module(request, "rank", 0)), "job.modules[0].rank must be -1 (all of it) or at least 1.");
  CHECK_EQ(message_of(with_module(request, "rank", 3)), "job.modules[0].rank must be from -1 to 2, not 3.");
  CHECK_EQ(message_of(with_module(request, "in", 0)).substr(0, 24), "job.modules[0].in must b");
  CHECK_EQ(message_of(with_module(request, "adapter", 3, true)),
           "job.modules[0].sources[0].adapter must be from 0 to 2, not 3.");
  CHECK_EQ(message_of(with_module(request, "rank", 4097, true)).substr(0, 31), "job.modules[0].sources[0].rank ");
  CHECK(message_of(with_module(request, "coefficient", "x", true)).find("job.modules[0].sources[0].coefficient") !=
        std::string::npos);
  CHECK(message_of(with_job(request, "output", Json::object({{"dtype", "float32"}})))
            .find("job.output.rank is missing") == 0);
  CHECK(message_of(with_job(request, "output", Json::object({{"dtype", "float64"}, {"rank", 2}}))).find("float64") !=
        std::string::npos);
  CHECK_ERROR("unknown-method", run_request(with_job(request, "method", "tiez")));
  CHECK_ERROR("parameter-invalid", run_request(with_job(request, "params", Json::object({{"density", 1}}))));
  CHECK_ERROR("file-unreadable",
              run_request(with_job(
                  request, "adapters",
                  Json::array({Json::object({{"weightsFile", "/nowhere/at/all"}, {"params", Json::object({})}}),
                               Json::object({{"weightsFile", "/nowhere/at/all"}, {"params", Json::object({})}}),
                               Json::object({{"weightsFile", "/nowhere/at/all"}, {"params", Json::object({})}})}))));
  // Ranks that add up to more than the output holds, and a rank that a method on factors cannot cut to.
  Merge narrow = of("concat", {1, 1, 1});
  narrow.output_rank = 11;
  CHECK(message_of(test::make_request(pointers(adapters), narrow)).find("job.output.rank is 11") == 0);
  CHECK(message_of(test::make_request(pointers(adapters), of("concat", {1, 1, 1}, 4))).find("cannot cut") !=
        std::string::npos);
  CHECK_EQ(message_of(with_module(request, "outputA", test::a_name("layers.0.q"))),
           "The tensor is to be written twice.");
}

TEST("a merge stops within 200 ms of the request and leaves no file") {
  test::Random random(19);
  std::vector<Adapter> adapters;
  for (int i = 0; i < 2; ++i) {
    Adapter adapter{{}, 1, DType::F32};
    for (int m = 0; m < 40; ++m) {
      adapter.modules[std::to_string(m)] = test::random_factors(random, 600, 500, 150, DType::F32);
    }
    adapters.push_back(std::move(adapter));
  }
  Merge merge = of("linear", {1, 1}, 8);
  merge.threads = 2;
  const Json request = test::make_request(pointers(adapters), merge);
  core::CancelToken cancel;
  std::chrono::steady_clock::time_point asked;
  std::thread asker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    asked = std::chrono::steady_clock::now();
    cancel.request();
  });
  core::Progress progress;
  CHECK_ERROR("cancelled", merge::run_merge(request, progress, cancel));
  const auto waited = std::chrono::steady_clock::now() - asked;
  asker.join();
  CHECK(waited < std::chrono::milliseconds(200));
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("workers: every module once, the failure of the lowest one, and no beginnings after it") {
  const core::CancelToken never;
  for (const int side_by_side : {1, 3}) {
    std::vector<std::atomic<int>> calls(50);
    merge::for_modules(50, side_by_side, 4, never, [&](std::int64_t i, merge::ModuleWorker& worker) {
      ++calls[static_cast<std::size_t>(i)];
      CHECK_EQ(worker.executor.pool().threads(), 4 / side_by_side);
    });
    for (const auto& count : calls) CHECK_EQ(count.load(), 1);
    std::atomic<int> begun{0};
    const auto error = CHECK_ERROR(
        "not-finite", merge::for_modules(1000, side_by_side, 4, never, [&](std::int64_t i, merge::ModuleWorker&) {
          ++begun;
          if (i >= 5) throw core::Error("not-finite", "module " + std::to_string(i));
        }));
    CHECK_EQ(std::string(error.what()), "module 5");
    CHECK(begun.load() <= 5 + side_by_side);
  }
}
