// A stop flag shared by the thread that asks and the threads that compute.
#pragma once

#include <atomic>

#include "core/error.h"

namespace amalgam::core {

/// Set once, from any thread. Long work calls check() at least every 50 ms: once per matrix panel, tensor chunk or
/// sweep.
class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

  /// Throws Error "cancelled" once a stop was requested.
  void check() const {
    if (requested()) throw Error("cancelled", "The job was cancelled.");
  }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace amalgam::core
