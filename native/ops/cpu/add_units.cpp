#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::add_units(Executor& executor, Array x, Array a, Array b, Array c, std::span<const std::int32_t> set_of_row,
                    Array out) {
  const std::int64_t units = a.rows;
  require(a.cols == x.cols && b.cols == units && b.rows == out.cols && c.cols == units && x.rows == out.rows,
          "add_units: shapes");
  require(static_cast<std::int64_t>(set_of_row.size()) == x.rows, "add_units: one set per row");
  require(c.type == core::DType::F32, "add_units: coefficients are F32");
  for (const std::int32_t set : set_of_row) require(set >= 0 && set < c.rows, "add_units: a set outside c");
  core::Matrix<float> values(x.rows, units);
  const Array inner{values.data(), core::DType::F32, x.rows, units, units};
  linear(executor, x, a, inner, Into::overwrite);
  for_rows(executor, x.rows, units, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        float* value = row_of(inner, i);
        const float* coefficient = row_of(c, set_of_row[static_cast<std::size_t>(i)]);
        for (std::int64_t r = 0; r < units; ++r) value[r] *= coefficient[r];
      }
    });
  });
  linear(executor, inner, b, out, Into::accumulate);
}

}  // namespace amalgam::ops
