#include <vector>

#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/lanes.h"
#include "ops/cpu/masks.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

typedef double DoubleLanes __attribute__((vector_size(128)));

/// Rows whose squares go to the same lanes.
constexpr std::int64_t block_rows = 64;

AMALGAM_INLINE inline void add_squares(DoubleLanes& sums, const float* numbers, std::int64_t count) {
  for_lanes(numbers, count, 0.0f, [&](const Lanes& sixteen) AMALGAM_INLINE {
    const DoubleLanes wide = __builtin_convertvector(sixteen, DoubleLanes);
    sums += wide * wide;
  });
}

/// Of the rows [begin, end); `room` holds a row.
AMALGAM_INLINE inline double squares_of(const Array& g, const Array& mask, std::int64_t begin, std::int64_t end,
                                        float* room) {
  DoubleLanes sums{};
  for (std::int64_t i = begin; i < end; ++i) {
    const float* row = row_of(g, i);
    if (mask.data != nullptr) {
      const std::uint8_t* wanted = mask_row(mask, i);
      for (std::int64_t j = 0; j < g.cols; ++j) room[j] = wanted[j] != 0 ? row[j] : 0.0f;
      row = room;
    }
    add_squares(sums, row, g.cols);
  }
  double total = 0;
  for (std::int64_t lane = 0; lane < lanes; ++lane) total += sums[lane];
  return total;
}

}  // namespace

double cpu::squared_norm(Executor& executor, Array g, Array mask) {
  require(g.type == core::DType::F32, "squared_norm: gradients are F32");
  require_mask(mask, g);
  // The blocks are added in order, whatever the threads.
  const std::int64_t blocks = (g.rows + block_rows - 1) / block_rows;
  std::vector<double> of_blocks(static_cast<std::size_t>(blocks));
  for_rows(executor, blocks, block_rows * g.cols, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> room(static_cast<std::size_t>(g.cols));
    core::vectorised([&, row = room.data(), sums = of_blocks.data()]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i * block_rows;
        const std::int64_t last = first + block_rows < g.rows ? first + block_rows : g.rows;
        sums[i] = squares_of(g, mask, first, last, row);
      }
    });
  });
  double total = 0;
  for (const double of_block : of_blocks) total += of_block;
  return total;
}

}  // namespace amalgam::ops
