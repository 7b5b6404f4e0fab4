#include "lora/bf16_units.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "core/bf16.h"
#include "core/error.h"
#include "core/vectorised.h"

namespace amalgam::lora {

namespace {

using core::TensorInfo;

/// Throws for the first NaN or infinity among numbers of which the first has that index in the tensor.
void check_finite(const core::SafetensorsReader& file, const TensorInfo& tensor, std::int64_t first,
                  const std::uint16_t* data, std::int64_t count) {
  constexpr std::uint16_t size = 0x7fff;       // all but the sign
  constexpr std::uint16_t infinity = 0x7f80;   // NaN lies above it
  std::uint16_t largest = 0;  // no early exit: this loop becomes vector code
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<std::uint16_t>(data[i] & size);
      largest = value > largest ? value : largest;
    }
  });
  if (largest < infinity) return;
  const std::uint16_t* place =
      std::find_if(data, data + count, [](std::uint16_t bits) { return (bits & size) >= infinity; });
  throw not_finite(file, tensor, first + (place - data), core::bf16_to_f32(*place));
}

/// Reads the tensor piece by piece, all finite: visit(first row, rows, numbers).
template <typename Visit>
void read_pieces(const core::SafetensorsReader& file, const TensorInfo& tensor, std::vector<std::uint16_t>& piece,
                 std::int64_t even_rows, const core::CancelToken& cancel, Visit visit) {
  const std::int64_t length = tensor.row_length();
  const std::int64_t together = std::max(even_rows, rows_per_piece(tensor) / even_rows * even_rows);
  piece.resize(static_cast<std::size_t>(together * length));
  for (std::int64_t row = 0; row < tensor.rows(); row += together) {
    cancel.check();
    const std::int64_t rows = std::min(together, tensor.rows() - row);
    const std::size_t bytes = static_cast<std::size_t>(rows * length) * sizeof(std::uint16_t);
    file.read_raw(tensor, static_cast<std::uint64_t>(row * length) * sizeof(std::uint16_t), bytes, piece.data());
    check_finite(file, tensor, row * length, piece.data(), rows * length);
    visit(row, rows, piece.data());
  }
}

/// Columns of two neighbouring rows of B become one row of pairs. `lower` is null after the last row.
void pair_rows(const std::uint16_t* upper, const std::uint16_t* lower, std::int64_t count, float* out) {
  core::vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t j = 0; j < count; ++j) {
      const std::uint32_t high = lower == nullptr ? 0 : lower[j];
      out[j] = std::bit_cast<float>((high << 16) | upper[j]);
    }
  });
}

}  // namespace

bool all_bf16(std::span<const UnitSource> sources) {
  return std::all_of(sources.begin(), sources.end(), [](const UnitSource& source) {
    return source.factors.a->dtype == core::DType::BF16 && source.factors.b->dtype == core::DType::BF16;
  });
}

Bf16Units load_bf16_units(std::span<const UnitSource> sources, Bf16Units spare, const core::CancelToken& cancel) {
  std::int64_t total = 0;
  for (const UnitSource& source : sources) total += source.factors.rank();
  const std::int64_t in = sources.empty() ? 0 : sources.front().factors.in();
  const std::int64_t out = sources.empty() ? 0 : sources.front().factors.out();
  Bf16Units units{core::Matrix<float>::reusing(std::move(spare.a), total, (in + 1) / 2),
                  core::Matrix<float>::reusing(std::move(spare.b), (out + 1) / 2, total)};
  std::vector<std::uint16_t> piece;
  std::int64_t first = 0;
  for (const UnitSource& source : sources) {
    const auto& [file, a, b] = source.factors;
    const std::int64_t rank = a->rows();
    read_pieces(*file, *a, piece, 1, cancel, [&](std::int64_t row, std::int64_t rows, const std::uint16_t* data) {
      for (std::int64_t i = 0; i < rows; ++i) {
        units.a(first + row + i, units.a.cols() - 1) = 0;  // the partner of an odd last one
        std::memcpy(units.a.row(first + row + i), data + i * in, static_cast<std::size_t>(in) * sizeof *data);
      }
    });
    read_pieces(*file, *b, piece, 2, cancel, [&](std::int64_t row, std::int64_t rows, const std::uint16_t* data) {
      for (std::int64_t i = 0; i < rows; i += 2) {
        const std::uint16_t* upper = data + i * rank;
        pair_rows(upper, i + 1 < rows ? upper + rank : nullptr, rank, units.b.row((row + i) / 2) + first);
      }
    });
    first += rank;
  }
  return units;
}

}  // namespace amalgam::lora
