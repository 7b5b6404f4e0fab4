// How far a job is: counted by the threads that work, told to one sink at a readable pace.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace amalgam::core {

/// One moment of a job. `done` and `total` count `unit`s ("bytes" or "modules") of this stage only.
struct ProgressReport {
  std::string stage;
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;
  double rate = 0.0;                  ///< units per second since the stage began
  std::optional<double> eta_seconds;  ///< until the stage ends; empty while the rate is unknown
};

/// Thread-safe counter. The sink is called from whichever thread made the count move, never twice at once: when a stage
/// begins, when it is complete, and in between at most once per interval. The sink must not call back into Progress.
class Progress {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Sink = std::function<void(const ProgressReport&)>;
  using Clock = std::function<Time()>;

  explicit Progress(Sink sink = {}, std::chrono::milliseconds interval = std::chrono::milliseconds(100),
                    Clock clock = std::chrono::steady_clock::now);

  /// Begins a stage of `total` units and reports it at once.
  void stage(std::string name, std::int64_t total, std::string unit);

  /// Adds `n` finished units. Counts past the total are reported as the total.
  void advance(std::int64_t n);

  /// The present state, for tests and for the last line of a log.
  ProgressReport report() const;

 private:
  ProgressReport report_at(Time now) const;
  void tell(Time now);

  Sink sink_;
  std::chrono::milliseconds interval_;
  Clock clock_;
  mutable std::mutex mutex_;
  std::string stage_;
  std::string unit_;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
  Time stage_began_;
  Time last_told_;
};

}  // namespace amalgam::core
