#include "learn/schedule.h"

#include <cmath>
#include <numbers>

namespace amalgam::learn {

double rate_factor(Schedule schedule, std::int64_t t, std::int64_t steps, std::int64_t warmup) {
  if (t < warmup) return static_cast<double>(t + 1) / static_cast<double>(warmup);
  if (schedule == Schedule::constant) return 1;
  const double done = static_cast<double>(t - warmup) / static_cast<double>(steps - warmup);
  return schedule == Schedule::linear ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace amalgam::learn
