// What stops a merge: bad numbers, bad shapes, bad requests, a full name, and a person who cancels.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "merge/module_workers.h"
#include "runner.h"
#include "varied_adapters.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Merge;

namespace {

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

std::string message_of(const Json& request) {
  return CHECK_ERROR("request-invalid", test::run_request(request)).what();
}

}  // namespace

TEST("a number that is not finite stops the merge by tensor, and leaves no file") {
  test::Random random(14);
  auto adapters = test::varied_adapters(random);
  adapters[0].modules["layers.0.up"].b(7, 1) = 4242.0f;
  const Json request = test::make_request(test::pointers(adapters), test::merge_of("linear", {1, 1, 1}, 2));
  const std::string& path = request.at("job").get_array("adapters")[0].get_string("weightsFile");
  test::replace_float(path, 4242.0f, std::numeric_limits<float>::quiet_NaN());
  const auto error = CHECK_ERROR("not-finite", test::run_request(request));
  CHECK_EQ(error.tensor, test::b_name("layers.0.up"));
  CHECK_EQ(error.path, path);
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("a result that float16 cannot hold is an error, and leaves no file") {
  test::Random random(15);
  const auto adapters = test::varied_adapters(random);
  Merge merge = test::merge_of("concat", {1e12, 1, 1});
  merge.dtype = "float16";
  const Json request = test::make_request(test::pointers(adapters), merge);
  CHECK_ERROR("not-finite", test::run_request(request));
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("factors that do not fit their module are refused before anything is written") {
  test::Random random(16);
  const auto adapters = test::varied_adapters(random);
  const Json request = test::make_request(test::pointers(adapters), test::merge_of("concat", {1, 1, 1}));
  for (const auto& [key, tensor] :
       {std::pair{"in", test::a_name("layers.0.down")}, {"out", test::b_name("layers.0.down")}}) {
    const auto error = CHECK_ERROR("shape-mismatch", test::run_request(with_module(request, key, 61)));
    CHECK_EQ(error.tensor, tensor);
  }
  CHECK_ERROR("shape-mismatch", test::run_request(with_module(request, "rank", 5, true)));
  CHECK_EQ(CHECK_ERROR("tensor-missing", test::run_request(with_module(request, "a", "nowhere", true))).tensor,
           "nowhere");
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}

TEST("a file that is already there is neither emptied nor removed") {
  test::Random random(17);
  const auto adapters = test::varied_adapters(random);
  const Json request = test::make_request(test::pointers(adapters), test::merge_of("concat", {1, 1, 1}));
  std::ofstream(request.get_string("outFile")) << "mine";
  CHECK_ERROR("write-failed", test::run_request(request));
  CHECK_EQ(test::bytes_of(request.get_string("outFile")), "mine");
}

TEST("requests that are wrong name the field") {
  test::Random random(18);
  const auto adapters = test::varied_adapters(random);
  const Json request = test::make_request(test::pointers(adapters), test::merge_of("linear", {1, 1, 1}, 2));
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
  CHECK_ERROR("unknown-method", test::run_request(with_job(request, "method", "tiez")));
  CHECK_ERROR("parameter-invalid", test::run_request(with_job(request, "params", Json::object({{"density", 1}}))));
  CHECK_ERROR("file-unreadable",
              test::run_request(with_job(
                  request, "adapters",
                  Json::array({Json::object({{"weightsFile", "/nowhere/at/all"}, {"params", Json::object({})}}),
                               Json::object({{"weightsFile", "/nowhere/at/all"}, {"params", Json::object({})}}),
                               Json::object({{"weightsFile", "/nowhere/at/all"}, {"params", Json::object({})}})}))));
  // Ranks that add up to more than the output holds, and a rank that a method on factors cannot cut to.
  Merge narrow = test::merge_of("concat", {1, 1, 1});
  narrow.output_rank = 11;
  CHECK(message_of(test::make_request(test::pointers(adapters), narrow)).find("job.output.rank is 11") == 0);
  CHECK(message_of(test::make_request(test::pointers(adapters), test::merge_of("concat", {1, 1, 1}, 4)))
            .find("cannot cut") != std::string::npos);
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
  Merge merge = test::merge_of("linear", {1, 1}, 8);
  merge.threads = 2;
  const Json request = test::make_request(test::pointers(adapters), merge);
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
      const int threads = worker.executor.pool().threads();
      CHECK(threads == 4 / side_by_side || threads == 4 / side_by_side + 1);
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
