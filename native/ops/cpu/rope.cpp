#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

/// By the angles (direction 1) or by the opposite ones (-1).
void rotate_heads(Executor& executor, Array x, std::int64_t head_dim, std::span<const std::int32_t> positions,
                  Array cosines, Array sines, float direction) {
  const std::int64_t half = head_dim / 2;
  require(head_dim > 0 && head_dim % 2 == 0 && x.cols % head_dim == 0, "rope: head_dim");
  require(static_cast<std::int64_t>(positions.size()) == x.rows, "rope: one position per row");
  require(cosines.cols == half && sines.cols == half && cosines.rows == sines.rows, "rope: tables");
  require(x.type == core::DType::F32 && cosines.type == core::DType::F32 && sines.type == core::DType::F32,
          "rope: activations and tables are F32");
  for (const std::int32_t position : positions) {
    require(position >= 0 && position < cosines.rows, "rope: a position outside the tables");
  }
  for_rows(executor, x.rows, x.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t position = positions[static_cast<std::size_t>(i)];
        const float* cosine = row_of(cosines, position);
        const float* sine = row_of(sines, position);
        for (float* head = row_of(x, i); head < row_of(x, i) + x.cols; head += head_dim) {
          for (std::int64_t j = 0; j < half; ++j) {
            const float first = head[j];
            const float second = head[half + j];
            const float turn = direction * sine[j];
            head[j] = first * cosine[j] - second * turn;
            head[half + j] = second * cosine[j] + first * turn;
          }
        }
      }
    });
  });
}

}  // namespace

void cpu::rope(Executor& executor, Array x, std::int64_t head_dim, std::span<const std::int32_t> positions,
               Array cosines, Array sines) {
  rotate_heads(executor, x, head_dim, positions, cosines, sines, 1.0f);
}

void cpu::rope_back(Executor& executor, Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions,
                    Array cosines, Array sines) {
  rotate_heads(executor, d_x, head_dim, positions, cosines, sines, -1.0f);
}

}  // namespace amalgam::ops
