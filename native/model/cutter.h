// Cuts one block of a device's memory into arrays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/device.h"

namespace amalgam::model {

/// Hands out arrays one after the other from a block; with no block it only counts.
class Cutter {
 public:
  /// Of every array, in bytes: what both processors and graphics cards like best.
  static constexpr std::size_t alignment = 256;

  explicit Cutter(void* memory) : memory_(static_cast<std::byte*>(memory)) {}

  ops::Array take(core::DType type, std::int64_t rows, std::int64_t cols) {
    std::byte* place = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (ops::array_bytes(type, rows, cols) + alignment - 1) / alignment * alignment;
    furthest_ = std::max(furthest_, used_);
    return {place, type, rows, cols, cols};
  }

  /// Where the next array begins. Going back makes arrays share their memory.
  std::size_t place() const { return used_; }
  void go_to(std::size_t place) { used_ = place; }

  /// Bytes that the block needs.
  std::size_t bytes() const { return furthest_; }

 private:
  std::byte* memory_;
  std::size_t used_ = 0;
  std::size_t furthest_ = 0;
};

}  // namespace amalgam::model
