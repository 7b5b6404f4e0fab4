#include "ops/dropout_mask.h"

#include <cstring>

#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

/// Eight words of 32 bits, each with room for a product.
typedef std::uint64_t WideWords __attribute__((vector_size(64)));

constexpr std::int64_t groups = 8;
constexpr std::int64_t block_cols = 4 * groups;

struct WideProduct {
  AMALGAM_INLINE void operator()(const WideWords& word, std::uint64_t factor, WideWords& high, WideWords& low) const {
    const WideWords product = word * factor;
    high = product >> 32;
    low = product & 0xffffffffu;
  }
};

/// The words of `block_cols` columns of a row from 4 * group on, as dropout_words has them.
AMALGAM_INLINE inline void fill_words(std::uint64_t key, std::int64_t row, std::int64_t group,
                                      std::uint32_t (&out)[block_cols]) {
  WideWords word[4] = {WideWords{0, 1, 2, 3, 4, 5, 6, 7} + static_cast<std::uint64_t>(group),
                       WideWords{} + static_cast<std::uint64_t>(row), WideWords{}, WideWords{}};
  core::philox_rounds(word, static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32), WideProduct());
  // From four words of eight groups to eight groups of four words.
  const WideWords first_pairs = word[0] | word[1] << 32;
  const WideWords second_pairs = word[2] | word[3] << 32;
  const WideWords lower = __builtin_shuffle(first_pairs, second_pairs, WideWords{0, 8, 1, 9, 2, 10, 3, 11});
  const WideWords upper = __builtin_shuffle(first_pairs, second_pairs, WideWords{4, 12, 5, 13, 6, 14, 7, 15});
  std::memcpy(out, &lower, sizeof lower);
  std::memcpy(out + block_cols / 2, &upper, sizeof upper);
}

template <Into into>
AMALGAM_INLINE inline void drop(const std::uint32_t* words, std::uint32_t threshold, float scale, const float* from,
                                float* to, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float value = words[j] >= threshold ? from[j] * scale : 0.0f;
    to[j] = into == Into::accumulate ? to[j] + value : value;
  }
}

template <Into into>
void drop_rows(const Array& x, float rate, std::uint64_t key, const Array& out, std::int64_t begin,
               std::int64_t end) {
  const std::uint32_t threshold = dropout_threshold(rate);
  const float scale = dropout_scale(rate);
  core::vectorised([&]() AMALGAM_INLINE {
    std::uint32_t words[block_cols];
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = row_of(x, i);
      float* to = row_of(out, i);
      std::int64_t col = 0;
      for (; col + block_cols <= x.cols; col += block_cols) {
        fill_words(key, i, col / 4, words);
        drop<into>(words, threshold, scale, from + col, to + col, block_cols);
      }
      if (col == x.cols) continue;
      fill_words(key, i, col / 4, words);
      drop<into>(words, threshold, scale, from + col, to + col, x.cols - col);
    }
  });
}

}  // namespace

void cpu::dropout(Executor& executor, Array x, float rate, std::uint64_t key, Array out, Into into) {
  require(x.rows == out.rows && x.cols == out.cols, "dropout: shapes");
  require(x.type == core::DType::F32 && out.type == core::DType::F32, "dropout: activations are F32");
  require(rate >= 0 && rate < 1, "dropout: a rate in [0, 1)");
  for_rows(executor, x.rows, x.cols, [&](std::int64_t begin, std::int64_t end) {
    if (into == Into::overwrite) return drop_rows<Into::overwrite>(x, rate, key, out, begin, end);
    drop_rows<Into::accumulate>(x, rate, key, out, begin, end);
  });
}

}  // namespace amalgam::ops
