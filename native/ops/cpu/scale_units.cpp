#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::scale_units(Executor& executor, Array u, Array c, std::span<const std::int32_t> set_of_row, Array out) {
  require(c.cols == u.cols && out.rows == u.rows && out.cols == u.cols, "scale_units: shapes");
  require(static_cast<std::int64_t>(set_of_row.size()) == u.rows, "scale_units: one set per row");
  require(u.type == core::DType::F32 && c.type == core::DType::F32 && out.type == core::DType::F32,
          "scale_units: units and coefficients are F32");
  for (const std::int32_t set : set_of_row) require(set >= 0 && set < c.rows, "scale_units: a set outside c");
  for_rows(executor, u.rows, u.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* value = row_of(u, i);
        const float* coefficient = row_of(c, set_of_row[static_cast<std::size_t>(i)]);
        float* to = row_of(out, i);
        for (std::int64_t r = 0; r < u.cols; ++r) to[r] = value[r] * coefficient[r];
      }
    });
  });
}

}  // namespace amalgam::ops
