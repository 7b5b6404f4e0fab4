#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::embed(Executor& executor, Array table, std::span<const std::int32_t> ids, Array out) {
  require(static_cast<std::int64_t>(ids.size()) == out.rows && table.cols == out.cols, "embed: shapes");
  require(out.type == core::DType::F32, "embed: activations are F32");
  for (const std::int32_t id : ids) require(id >= 0 && id < table.rows, "embed: an id outside the table");
  for_rows(executor, out.rows, out.cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Array row = table.row_range(ids[static_cast<std::size_t>(i)], 1);
      core::to_f32(table.type, static_cast<const std::byte*>(row.data), out.cols, row_of(out, i));
    }
  });
}

}  // namespace amalgam::ops
