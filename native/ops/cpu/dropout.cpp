#include "ops/dropout_mask.h"

#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/lanes.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

/// Columns whose random words are made at a time: four per lane.
constexpr std::int64_t block_cols = 4 * lanes;

/// 1 for the kept columns of a row from 4 * group on, 0 for the others.
AMALGAM_INLINE inline void fill_mask(std::uint64_t key, std::int64_t row, std::int64_t group, std::uint32_t threshold,
                                     std::uint32_t (&kept)[block_cols]) {
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    const core::PhiloxWords words =
        dropout_words(key, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(group + lane));
    for (std::int64_t i = 0; i < 4; ++i) kept[4 * lane + i] = words.word[i] >= threshold ? 1 : 0;
  }
}

template <Into into>
void drop(const Array& x, float rate, std::uint64_t key, const Array& out, std::int64_t begin, std::int64_t end) {
  const std::uint32_t threshold = dropout_threshold(rate);
  const float scale = dropout_scale(rate);
  core::vectorised([&]() AMALGAM_INLINE {
    std::uint32_t kept[block_cols];
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t first = 0; first < x.cols; first += block_cols) {
        fill_mask(key, i, first / 4, threshold, kept);
        const std::int64_t count = x.cols - first < block_cols ? x.cols - first : block_cols;
        const float* from = row_of(x, i) + first;
        float* to = row_of(out, i) + first;
        for (std::int64_t j = 0; j < count; ++j) {
          const float value = kept[j] != 0 ? from[j] * scale : 0.0f;
          to[j] = into == Into::accumulate ? to[j] + value : value;
        }
      }
    }
  });
}

}  // namespace

void cpu::dropout(Executor& executor, Array x, float rate, std::uint64_t key, Array out, Into into) {
  require(x.rows == out.rows && x.cols == out.cols, "dropout: shapes");
  require(x.type == core::DType::F32 && out.type == core::DType::F32, "dropout: activations are F32");
  require(rate >= 0 && rate < 1, "dropout: a rate in [0, 1)");
  for_rows(executor, x.rows, x.cols, [&](std::int64_t begin, std::int64_t end) {
    if (into == Into::overwrite) return drop<Into::overwrite>(x, rate, key, out, begin, end);
    drop<Into::accumulate>(x, rate, key, out, begin, end);
  });
}

}  // namespace amalgam::ops
