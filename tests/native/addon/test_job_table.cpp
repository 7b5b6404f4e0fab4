// Jobs whose only purpose is to behave badly on demand.
#include <array>
#include <chrono>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "jobs/job_table.h"
#include "core/error.h"
#include "core/thread_pool.h"

namespace amalgam::jobs {

namespace {

using core::Json;

/// Gives its request back.
Json echo(const Json& request, core::Progress&, const core::CancelToken&) { return request; }

/// { milliseconds, threads }: keeps `threads` threads busy that long, reporting every step, looking at the stop flag
/// every millisecond.
Json spin(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const std::int64_t steps = request.get_int("milliseconds", 1, 600'000);
  core::ThreadPool pool(static_cast<int>(request.get_int("threads", 1, 8)));
  progress.stage("spin", steps, "modules");
  for (std::int64_t step = 0; step < steps; ++step) {
    cancel.check();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    pool.parallel_for(pool.threads(), [&](std::int64_t, std::int64_t, int) {
      while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    });
    progress.advance(1);
  }
  return Json::object({{"steps", steps}});
}

/// Begins `stages` stages without a pause, each of which is reported.
Json flood(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const std::int64_t stages = request.get_int("stages", 1, 10'000'000);
  for (std::int64_t stage = 0; stage < stages; ++stage) {
    cancel.check();
    progress.stage("stage " + std::to_string(stage), 1, "modules");
  }
  return Json::object({{"stages", stages}});
}

/// { what: "error" | "memory" | "stranger" | "unknown" }
Json fail(const Json& request, core::Progress&, const core::CancelToken&) {
  const std::string& what = request.get_string("what");
  if (what == "memory") throw std::bad_alloc();
  if (what == "stranger") throw std::out_of_range("a bug");
  if (what == "unknown") throw 7;
  throw core::Error("shape-mismatch", "expected 16 rows, found 8")
      .at_path("/some/file")
      .at_tensor("layer.0.lora_A.weight")
      .with_hint("look again");
}

constexpr std::array kinds{
    JobKind{"echo", echo},
    JobKind{"spin", spin},
    JobKind{"flood", flood},
    JobKind{"fail", fail},
};

}  // namespace

std::span<const JobKind> job_table() { return kinds; }

}  // namespace amalgam::jobs
