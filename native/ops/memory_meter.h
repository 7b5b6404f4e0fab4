// How much memory of a device a job takes.
#pragma once

#include <cstdint>

#include "ops/device.h"

namespace amalgam::ops {

/// Counts from its construction: on the processor the growth of the process, on a graphics card what is less free
/// there.
class MemoryMeter {
 public:
  explicit MemoryMeter(const Device& device);

  /// Looks now. On a graphics card only now and then, because asking it takes longer there.
  void sample();
  std::uint64_t peak_bytes() const { return peak_; }

 private:
  std::uint64_t taken() const;

  const Device& device_;
  std::uint64_t at_start_ = 0;
  std::uint64_t peak_ = 0;
  std::uint64_t samples_ = 0;
};

}  // namespace amalgam::ops
