#include "merge/tile_workers.h"

#include <algorithm>
#include <atomic>

namespace amalgam::merge {

namespace {

// A source's part of a tile stays in the second-level cache while it is looked at, all parts together in the third.
constexpr std::int64_t source_elements = 192 * 1024;
constexpr std::int64_t tile_elements = 1024 * 1024;

// Rows of the matrix product's register tile: what is not a multiple of them wastes part of it.
constexpr std::int64_t row_grain = 12;
constexpr std::int64_t fewest_rows = 4;

}  // namespace

TileWorkers::TileWorkers(int threads, const core::CancelToken& cancel) : together_(threads, cancel) {
  for (int number = 0; number < threads; ++number) workers_.push_back(std::make_unique<TileWorker>(number, cancel));
}

std::int64_t TileWorkers::rows_together(std::int64_t row_length, std::size_t side_by_side) {
  const std::int64_t elements =
      std::min(source_elements, tile_elements / static_cast<std::int64_t>(std::max<std::size_t>(side_by_side, 1)));
  const std::int64_t rows = std::max(elements / row_length, fewest_rows);
  return rows >= row_grain ? rows / row_grain * row_grain : rows;
}

void TileWorkers::for_tiles(std::int64_t rows, std::int64_t rows_together, const Body& body) {
  const std::int64_t tiles = (rows + rows_together - 1) / rows_together;
  std::atomic<std::int64_t> next{0};
  together_.pool().parallel_for(count(), [&](std::int64_t, std::int64_t, int number) {
    TileWorker& worker = *workers_[static_cast<std::size_t>(number)];
    try {
      for (std::int64_t tile = next.fetch_add(1); tile < tiles; tile = next.fetch_add(1)) {
        together_.cancel().check();
        const std::int64_t first = tile * rows_together;
        body(tile, first, std::min(rows_together, rows - first), worker);
      }
    } catch (...) {
      next.store(tiles);
      throw;
    }
  });
}

}  // namespace amalgam::merge
