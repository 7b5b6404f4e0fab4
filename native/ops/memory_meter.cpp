#include "ops/memory_meter.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace amalgam::ops {

namespace {

constexpr std::uint64_t always_sampled = 8;
constexpr std::uint64_t sampled_every = 64;

/// Memory of the process that lies in main memory, 0 where the system does not tell.
std::uint64_t resident_bytes() {
  std::ifstream facts("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  facts >> all >> resident;
  return facts ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

bool is_processor(const Device& device) { return device.name() == "cpu"; }

}  // namespace

MemoryMeter::MemoryMeter(const Device& device)
    : device_(device), at_start_(is_processor(device) ? resident_bytes() : device.memory().free_bytes) {}

void MemoryMeter::sample() {
  if (const std::uint64_t number = samples_++;
      !is_processor(device_) && number >= always_sampled && number % sampled_every != 0) {
    return;
  }
  peak_ = std::max(peak_, taken());
}

std::uint64_t MemoryMeter::taken() const {
  const std::uint64_t now = is_processor(device_) ? resident_bytes() : device_.memory().free_bytes;
  const std::uint64_t more = is_processor(device_) ? now : at_start_;
  const std::uint64_t less = is_processor(device_) ? at_start_ : now;
  return more > less ? more - less : 0;
}

}  // namespace amalgam::ops
