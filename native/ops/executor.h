// Where arithmetic runs: threads, instruction set, stop flag, and the threads' scratch memory.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/cancel.h"
#include "core/cpu.h"
#include "core/tensor.h"
#include "core/thread_pool.h"

namespace amalgam::ops {

/// Owns a thread pool and one growing scratch buffer per thread, so that small products in a loop allocate nothing.
/// Used by one caller at a time.
class Executor {
 public:
  /// `set` must be one that this processor has. `cancel` must outlive the executor.
  Executor(int threads, const core::CancelToken& cancel, core::InstructionSet set = core::best_instruction_set())
      : pool_(threads), cancel_(cancel), set_(set), scratch_(static_cast<std::size_t>(threads)) {}

  core::ThreadPool& pool() { return pool_; }
  const core::CancelToken& cancel() const { return cancel_; }
  core::InstructionSet instruction_set() const { return set_; }

  /// At least `bytes` bytes for `worker` alone, aligned for vectors; valid until the worker's next call, never zeroed.
  std::byte* scratch(int worker, std::size_t bytes) {
    core::Matrix<std::byte>& buffer = scratch_[static_cast<std::size_t>(worker)];
    if (buffer.bytes() < bytes) buffer = core::Matrix<std::byte>(1, static_cast<std::int64_t>(bytes));
    return buffer.data();
  }

 private:
  core::ThreadPool pool_;
  const core::CancelToken& cancel_;
  core::InstructionSet set_;
  std::vector<core::Matrix<std::byte>> scratch_;
};

}  // namespace amalgam::ops
