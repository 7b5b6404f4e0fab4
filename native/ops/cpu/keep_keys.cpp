#include <algorithm>

#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

void cpu::keep_keys(Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences) {
  const auto keep = [&](const Array& rows, const Array& kept) {
    require(rows.type == core::DType::F32 && kept.type == core::DType::F32, "keep_keys: keys and values are F32");
    require(rows.cols == kept.cols, "keep_keys: shapes");
    for (const SequenceRows& sequence : sequences) {
      if (sequence.slot < 0) continue;
      require(sequence.past + sequence.rows <= cache.positions, "keep_keys: a sequence longer than its slot");
      const Array from = rows.row_range(sequence.first, sequence.rows);
      const Array to = kept.row_range(sequence.slot * cache.positions + sequence.past, sequence.rows);
      for (std::int64_t i = 0; i < sequence.rows; ++i) std::copy_n(row_of(from, i), rows.cols, row_of(to, i));
    }
  };
  keep(k, cache.keys);
  keep(v, cache.values);
}

}  // namespace amalgam::ops
