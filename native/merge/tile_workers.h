// The threads that make tiles, each with an executor and a buffer of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/cancel.h"
#include "core/tensor.h"
#include "ops/executor.h"

namespace amalgam::merge {

/// One of the threads.
struct TileWorker {
  TileWorker(int worker_number, const core::CancelToken& cancel) : number(worker_number), executor(1, cancel) {}

  int number;
  ops::Executor executor;  ///< of one thread
  core::Matrix<float> buffer;
};

/// Used by one caller at a time.
class TileWorkers {
 public:
  TileWorkers(int threads, const core::CancelToken& cancel);

  int count() const { return static_cast<int>(workers_.size()); }
  /// All threads together, for what is done between tiles.
  ops::Executor& together() { return together_; }

  /// How many rows of `row_length` numbers a tile has when `side_by_side` sources lie in the buffer at once. Depends on
  /// sizes only, not on the threads.
  static std::int64_t rows_together(std::int64_t row_length, std::size_t side_by_side);

  /// Cuts [0, rows) into tiles of `rows_together` rows and calls body(tile, first_row, count, worker) for each, on all
  /// threads; polls the cancel token before each. When a body throws, no further one begins and its exception is
  /// rethrown when the running ones have ended.
  using Body = std::function<void(std::int64_t tile, std::int64_t first_row, std::int64_t count, TileWorker& worker)>;
  void for_tiles(std::int64_t rows, std::int64_t rows_together, const Body& body);

 private:
  ops::Executor together_;
  std::vector<std::unique_ptr<TileWorker>> workers_;
};

}  // namespace amalgam::merge
