// The kind on_tiles: selection on bits, tiles that do not depend on where they are cut, statistics, stages, stopping.
#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "merge/inputs.h"
#include "merge/request.h"
#include "merge/statistics.h"
#include "merge/tile_source.h"
#include "merge/tiles.h"
#include "runner.h"
#include "varied_adapters.h"

using namespace amalgam;
using core::DType;
using core::Json;
using methods::OnTiles;
using methods::Scope;
using methods::Tile;
using test::Adapter;
using test::Dense;
using test::Merge;

namespace {

/// Selection by sorting.
std::vector<float> by_sorting(const std::vector<float>& values, const std::vector<std::int64_t>& ranks) {
  std::vector<float> sizes;
  for (const float value : values) sizes.push_back(std::abs(value));
  std::sort(sizes.rbegin(), sizes.rend());
  std::vector<float> result;
  for (const std::int64_t rank : ranks) result.push_back(sizes[static_cast<std::size_t>(rank - 1)]);
  return result;
}

std::vector<float> by_bits(const std::vector<float>& values, const std::vector<std::int64_t>& ranks, int workers = 1) {
  return merge::largest_magnitudes(ranks, workers, [&](const merge::TakeValues& take) {
    // Pieces of odd lengths, dealt out to the workers in turn.
    std::size_t place = 0;
    int worker = 0;
    for (std::size_t length = 1; place < values.size(); length = length * 3 % 1000 + 1) {
      const std::size_t count = std::min(length, values.size() - place);
      take(values.data() + place, static_cast<std::int64_t>(count), worker);
      worker = (worker + 1) % workers;
      place += count;
    }
  });
}

std::vector<std::int64_t> many_ranks(std::size_t count) {
  const auto n = static_cast<std::int64_t>(count);
  std::vector<std::int64_t> ranks{1, n, (n + 1) / 2};
  for (std::int64_t i = 1; i < 10; ++i) ranks.push_back(std::max<std::int64_t>(n * i / 10, 1));
  return ranks;
}

void check_selection(const std::vector<float>& values) {
  const std::vector<std::int64_t> ranks = many_ranks(values.size());
  CHECK(by_bits(values, ranks) == by_sorting(values, ranks));
  CHECK(by_bits(values, ranks, 3) == by_sorting(values, ranks));
}

/// A job opened, with a rule of the test's own in place of its method.
struct Opened {
  Opened(const std::vector<const Adapter*>& adapters, const Merge& merge)
      : document(test::make_request(adapters, merge)),
        request(merge::read_merge_job(lora::Field(document, "").at("job"))),
        inputs(merge::open_inputs(request)) {
    for (std::size_t i = 0; i < inputs.modules.size(); ++i) all.push_back(i);
  }

  Json document;
  merge::MergeRequest request;
  merge::Inputs inputs;
  std::vector<std::size_t> all;
};

struct Result {
  std::vector<Dense> deltas;  ///< by module
  std::vector<double> norms;
  std::vector<std::string> stages;
};

Result run_rule(const Opened& opened, const OnTiles& method, int threads = 1) {
  Result result;
  std::mutex lock;
  core::Progress progress([&](const core::ProgressReport& report) {
    if (result.stages.empty() || result.stages.back() != report.stage) result.stages.push_back(report.stage);
    CHECK(report.done <= report.total);
  });
  const core::CancelToken cancel;
  merge::TileMerge tiles(method, opened.inputs, opened.all, threads, progress, cancel, [](std::uint64_t) {});
  tiles.run(merge::Want::factors, [&](std::size_t, const merge::Combined& combined) {
    result.deltas.push_back(test::multiply(test::to_dense(combined.units.b), test::to_dense(combined.units.a)));
    result.norms.push_back(combined.norm);
  });
  return result;
}

/// The plain sum with coefficients, as a rule.
void sum_rule(const Tile& tile, core::MatrixView<float> result) {
  for (std::int64_t i = 0; i < result.rows; ++i) {
    for (std::int64_t j = 0; j < result.cols; ++j) {
      float sum = 0;
      for (const auto& source : tile.sources) sum += static_cast<float>(source.coefficient) * source.values(i, j);
      result(i, j) = sum;
    }
  }
}

Merge at_full_rank(std::vector<double> coefficients) {
  Merge merge = test::merge_of("ties", std::move(coefficients), 60);
  merge.params = Json::object({{"density", 0.5}, {"variant", "paper"}});
  return merge;
}

}  // namespace

TEST("selection on bits finds what sorting finds: random values of all sizes") {
  test::Random random(41);
  for (const std::size_t count : {1u, 2u, 3u, 127u, 128u, 129u, 1000u, 20000u}) {
    std::vector<float> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random.number()));
    check_selection(values);
    for (float& value : values) value = std::ldexp(value, static_cast<int>(random.integer(-140, 120)));
    check_selection(values);
  }
}

TEST("selection on bits finds what sorting finds: equal values, zeros of both signs, neighbours, denormals, ends") {
  test::Random random(42);
  check_selection(std::vector<float>(1000, 0.25f));
  check_selection(std::vector<float>(1000, -0.0f));
  std::vector<float> few;
  std::vector<float> neighbours;  // all within one bin of the upper bits, and across the border of two
  std::vector<float> denormals;
  for (int i = 0; i < 3000; ++i) {
    few.push_back(static_cast<float>(random.integer(-2, 2)));
    const auto around = static_cast<std::uint32_t>(0x3f800000 + random.integer(-40, 40));
    neighbours.push_back(std::bit_cast<float>(around) * (random.integer(0, 1) == 0 ? 1.0f : -1.0f));
    denormals.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random.integer(0, 70000))));
  }
  check_selection(few);
  check_selection(neighbours);
  check_selection(denormals);
  std::vector<float> ends{std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(), 0, -0.0f,
                          -std::numeric_limits<float>::max(), std::numeric_limits<float>::min()};
  check_selection(ends);
}

TEST("tiles are the rows of scaling B A to float, wherever they are cut and with any number of threads") {
  test::Random random(43);
  const auto adapters = test::varied_adapters(random);
  const Opened opened(test::pointers(adapters), at_full_rank({1, 1, 1}));
  const core::CancelToken cancel;
  ops::Executor executor(1, cancel);
  ops::Executor two(2, cancel);
  for (const merge::ModuleInputs& module : opened.inputs.modules) {
    const merge::ModuleUpdates updates(module, cancel, [](std::uint64_t) {});
    for (std::size_t i = 0; i < updates.count(); ++i) {
      core::Matrix<float> whole(updates.out(), updates.in());
      updates.rows(i, 0, whole.view(), two);
      const Adapter& adapter = adapters[static_cast<std::size_t>(module.request->sources[i].adapter)];
      CHECK(test::relative_difference(test::to_dense(whole), test::delta_of(adapter, module.request->name)) < 3e-7);
      const merge::ModuleUpdates alone(module, i, cancel, [](std::uint64_t) {});
      for (std::int64_t row = 0; row < updates.out(); ++row) {
        core::Matrix<float> one(1, updates.in());
        alone.rows(0, row, one.view(), executor);
        for (std::int64_t j = 0; j < updates.in(); ++j) CHECK(one(0, j) == whole(row, j));
      }
    }
  }
}

TEST("a plain sum as a rule is the sum, with missing modules and equal bits for any number of threads") {
  test::Random random(44);
  const auto adapters = test::varied_adapters(random);
  const std::vector<double> coefficients{.7, -1.3, .2};
  const Opened opened(test::pointers(adapters), at_full_rank(coefficients));
  const OnTiles method{{}, sum_rule};
  const Result one = run_rule(opened, method, 1);
  const Result three = run_rule(opened, method, 3);
  for (std::size_t m = 0; m < opened.all.size(); ++m) {
    const std::string& name = opened.request.modules[m].name;
    const Dense expected = test::dense_sum(test::pointers(adapters), coefficients, name);
    CHECK(test::relative_difference(one.deltas[m], expected) < 1e-6);
    CHECK_NEAR(one.norms[m] / test::norm(expected), 1, 1e-6);
    for (std::int64_t i = 0; i < expected.size(); ++i) CHECK(one.deltas[m].data()[i] == three.deltas[m].data()[i]);
  }
  CHECK(one.stages == std::vector<std::string>{"merging"});
}

TEST("thresholds are taken per module or over an adapter's modules, several at once, with the ends of the range") {
  test::Random random(45);
  const auto adapters = test::varied_adapters(random);
  const Opened opened(test::pointers(adapters), at_full_rank({1, 1, 1}));
  for (const Scope scope : {Scope::module, Scope::job}) {
    OnTiles method;
    method.prepass.kept = {.3, 0, 1, .01, .9};
    method.prepass.kept_over = scope;
    std::mutex lock;
    // By the first value's place: (module's columns, adapter) names a source of the fixture.
    std::vector<std::pair<std::pair<std::int64_t, int>, std::vector<float>>> seen;
    method.rule = [&](const Tile& tile, core::MatrixView<float> result) {
      sum_rule(tile, result);
      const std::lock_guard guard(lock);
      for (const auto& source : tile.sources) seen.push_back({{result.cols, source.adapter}, source.thresholds});
    };
    const Result result = run_rule(opened, method, 2);
    CHECK(result.stages == (scope == Scope::job ? std::vector<std::string>{"thresholds", "merging"}
                                                : std::vector<std::string>{"merging"}));
    CHECK(!seen.empty());
    for (const auto& [place, thresholds] : seen) {
      const Adapter& adapter = adapters[static_cast<std::size_t>(place.second)];
      std::vector<float> values;
      for (const auto& [name, factors] : adapter.modules) {
        if (scope == Scope::module && factors.a.cols() != place.first) continue;
        const Dense delta = test::delta_of(adapter, name);
        for (std::int64_t i = 0; i < delta.size(); ++i) values.push_back(static_cast<float>(delta.data()[i]));
      }
      const auto n = static_cast<double>(values.size());
      const auto rank = [&](double kept) { return std::max<std::int64_t>(static_cast<std::int64_t>(kept * n), 1); };
      const std::vector<float> expected = by_sorting(values, {rank(.3), rank(.01), rank(.9)});
      CHECK_EQ(thresholds.size(), 5u);
      CHECK_NEAR(thresholds[0] / expected[0], 1, 1e-5);
      CHECK(std::isinf(thresholds[1]));
      CHECK_EQ(thresholds[2], 0.0f);
      if (.01 * n >= 1) CHECK_NEAR(thresholds[3] / expected[1], 1, 1e-5);
      CHECK_NEAR(thresholds[4] / expected[2], 1, 1e-4);
    }
  }
}

TEST("a tally is counted only when a rule asks for it, over a module or over the job") {
  test::Random random(46);
  const auto adapters = test::varied_adapters(random);
  const Opened opened(test::pointers(adapters), at_full_rank({1, 1, 1}));
  for (const Scope scope : {Scope::module, Scope::job}) {
    std::atomic<int> counted{0};
    OnTiles method;
    method.prepass.tally = [&](const Tile& tile) {
      ++counted;
      std::vector<double> energies(static_cast<std::size_t>(tile.adapters));
      for (const auto& source : tile.sources) {
        for (std::int64_t i = 0; i < source.values.rows; ++i) {
          for (std::int64_t j = 0; j < source.values.cols; ++j) {
            energies[static_cast<std::size_t>(source.adapter)] +=
                static_cast<double>(source.values(i, j)) * static_cast<double>(source.values(i, j));
          }
        }
      }
      return energies;
    };
    method.prepass.tally_over = scope;
    method.prepass.tally_stage = "energies";
    method.rule = sum_rule;
    CHECK(run_rule(opened, method).stages == std::vector<std::string>{"merging"});
    CHECK_EQ(counted.load(), 0);
    // Every source by its share of the energy.
    method.rule = [](const Tile& tile, core::MatrixView<float> result) {
      double total = 0;
      for (const double energy : methods::tally_of(tile)) total += energy;
      for (std::int64_t i = 0; i < result.rows; ++i) {
        for (std::int64_t j = 0; j < result.cols; ++j) {
          double sum = 0;
          for (const auto& source : tile.sources) {
            sum += methods::tally_of(tile)[static_cast<std::size_t>(source.adapter)] / total *
                   static_cast<double>(source.values(i, j));
          }
          result(i, j) = static_cast<float>(sum);
        }
      }
    };
    const Result result = run_rule(opened, method, 2);
    CHECK(counted.load() > 0);
    CHECK(result.stages == (scope == Scope::job ? std::vector<std::string>{"merging", "energies", "merging"}
                                                : std::vector<std::string>{"merging"}));
    for (std::size_t m = 0; m < opened.all.size(); ++m) {
      const std::string& module = opened.request.modules[m].name;
      std::vector<double> energies(3);
      double total = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        for (const auto& [name, factors] : adapters[i].modules) {
          if (scope == Scope::module && name != module) continue;
          energies[i] += std::pow(test::norm(test::delta_of(adapters[i], name)), 2);
        }
        total += energies[i];
      }
      for (double& energy : energies) energy /= total;
      const Dense expected = test::dense_sum(test::pointers(adapters), energies, module);
      CHECK(test::relative_difference(result.deltas[m], expected) < 1e-6);
    }
  }
}

TEST("what a rule throws ends the job, and what is not finite is refused") {
  test::Random random(47);
  const auto adapters = test::varied_adapters(random);
  const Opened opened(test::pointers(adapters), at_full_rank({1, 1, 1}));
  const OnTiles throwing{{}, [](const Tile&, core::MatrixView<float>) { throw core::Error("made-up", "no"); }};
  CHECK_ERROR("made-up", run_rule(opened, throwing, 3));
  const OnTiles infinite{{}, [](const Tile& tile, core::MatrixView<float> result) {
                           sum_rule(tile, result);
                           result(0, 0) = std::numeric_limits<float>::infinity();
                         }};
  CHECK_ERROR("not-finite", run_rule(opened, infinite));
}

TEST("a job stops within 200 ms, in every stage") {
  // Large enough for seconds of work: 4096 x 4096 at three sources.
  test::Random random(48);
  std::vector<Adapter> adapters;
  for (int i = 0; i < 3; ++i) {
    Adapter adapter{{}, 1, DType::F32};
    adapter.modules["m"] = test::random_factors(random, 3000, 3000, 16, DType::F32);
    adapters.push_back(std::move(adapter));
  }
  Merge merge = test::merge_of("ties", {1, 1, 1}, 16);
  merge.params = Json::object({{"density", 0.2}, {"variant", "paper"}});
  const Json request = test::make_request(test::pointers(adapters), merge);
  for (const int delay_ms : {5, 120, 400}) {
    core::CancelToken cancel;
    std::atomic<bool> asked{false};
    std::chrono::steady_clock::time_point asked_at;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
      asked_at = std::chrono::steady_clock::now();
      asked = true;
      cancel.request();
    });
    core::Progress progress;
    std::string code;
    try {
      merge::run_merge(request, progress, cancel);
    } catch (const core::Error& error) {
      code = error.code;
    }
    const auto ended = std::chrono::steady_clock::now();
    stopper.join();
    if (code.empty()) SKIP("the job ended before it was stopped");
    CHECK_EQ(code, "cancelled");
    CHECK(ended - asked_at < std::chrono::milliseconds(200));
  }
}

TEST("memory follows the largest module, not the model") {
  test::Random random(49);
  const auto adapter_of = [&](int modules) {
    Adapter adapter{{}, 1, DType::F32};
    for (int m = 0; m < modules; ++m) {
      adapter.modules["m" + std::to_string(m)] = test::random_factors(random, 600, 500, 4, DType::F32);
    }
    return adapter;
  };
  std::vector<std::int64_t> peaks;
  for (const int modules : {1, 12}) {
    const Adapter one = adapter_of(modules);
    const Adapter two = adapter_of(modules);
    Merge merge = test::merge_of("ties", {1, 1}, 4);
    merge.params = Json::object({{"density", 0.2}, {"variant", "paper"}});
    peaks.push_back(test::run({&one, &two}, merge).result.get_int("peakBytes"));
  }
  CHECK_EQ(peaks[0], peaks[1]);
  CHECK(peaks[0] > 600 * 500 * 4);
}
