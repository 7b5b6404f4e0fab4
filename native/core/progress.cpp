#include "core/progress.h"

#include <algorithm>
#include <utility>

namespace amalgam::core {

Progress::Progress(Sink sink, std::chrono::milliseconds interval, Clock clock)
    : sink_(std::move(sink)), interval_(interval), clock_(std::move(clock)) {
  stage_began_ = last_told_ = clock_();
}

void Progress::stage(std::string name, std::int64_t total, std::string unit) {
  const std::lock_guard lock(mutex_);
  stage_ = std::move(name);
  unit_ = std::move(unit);
  done_ = 0;
  total_ = std::max<std::int64_t>(total, 0);
  stage_began_ = clock_();
  tell(stage_began_);
}

void Progress::advance(std::int64_t n) {
  const std::lock_guard lock(mutex_);
  const bool was_complete = done_ >= total_;
  done_ = std::min(done_ + n, total_);
  const bool complete_now = done_ >= total_ && !was_complete;
  const Time now = clock_();
  if (complete_now || (!was_complete && now - last_told_ >= interval_)) tell(now);
}

ProgressReport Progress::report() const {
  const std::lock_guard lock(mutex_);
  return report_at(clock_());
}

ProgressReport Progress::report_at(Time now) const {
  ProgressReport report{stage_, done_, total_, unit_, 0.0, std::nullopt};
  const double seconds = std::chrono::duration<double>(now - stage_began_).count();
  if (seconds > 0.0) report.rate = static_cast<double>(done_) / seconds;
  if (report.rate > 0.0) report.eta_seconds = static_cast<double>(total_ - done_) / report.rate;
  return report;
}

void Progress::tell(Time now) {
  last_told_ = now;
  if (sink_) sink_(report_at(now));
}

}  // namespace amalgam::core
