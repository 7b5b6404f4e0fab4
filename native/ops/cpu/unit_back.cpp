#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/lanes.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::unit_back(Executor& executor, Array u, Array v, std::span<const std::int32_t> set_of_row, Array d_c) {
  require(v.rows == u.rows && v.cols == u.cols && d_c.cols == u.cols, "unit_back: shapes");
  require(static_cast<std::int64_t>(set_of_row.size()) == u.rows, "unit_back: one set per row");
  require(u.type == core::DType::F32 && v.type == core::DType::F32 && d_c.type == core::DType::F32,
          "unit_back: units and gradients are F32");
  for (const std::int32_t set : set_of_row) require(set >= 0 && set < d_c.rows, "unit_back: a set outside d_c");
  // The threads share the units, not the rows, so that every sum runs over the rows in order.
  const std::int64_t blocks = (u.cols + lanes - 1) / lanes;
  for_rows(executor, blocks, u.rows * lanes, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * lanes;
    const std::int64_t last = end * lanes < u.cols ? end * lanes : u.cols;
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < u.rows; ++i) {
        const float* left = row_of(u, i);
        const float* right = row_of(v, i);
        float* sum = row_of(d_c, set_of_row[static_cast<std::size_t>(i)]);
        for (std::int64_t r = first; r < last; ++r) sum[r] += left[r] * right[r];
      }
    });
  });
}

}  // namespace amalgam::ops
