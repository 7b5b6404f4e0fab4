#include "lora/bf16_units.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/vectorised.h"

namespace amalgam::lora {

namespace {

using core::Matrix;

constexpr std::int64_t number_bytes = 2;

/// A and B as they lie in the file, which may be at odd addresses.
struct FactorBytes {
  const std::byte* a;
  const std::byte* b;
};

/// Neighbours in the file, as writers that sort by name leave them, come in one read.
FactorBytes read_factors(const FactorPair& factors, Bf16Units& units) {
  const auto& [file, a, b] = factors;
  if (a->end == b->begin) {
    const std::byte* both = file->read_within(a->begin, b->end, units.read);
    return {both, both + (a->end - a->begin)};
  }
  return {file->read_within(a->begin, a->end, units.read), file->read_within(b->begin, b->end, units.read_b)};
}

std::uint32_t number_at(const std::byte* numbers, std::int64_t index) {
  std::uint16_t number;
  std::memcpy(&number, numbers + index * number_bytes, sizeof number);
  return number;
}

/// rows x in numbers to the rows of `out`.
void place_a(const std::byte* numbers, std::int64_t rows, std::int64_t in, core::MatrixView<float> out) {
  const std::int64_t row_bytes = in * number_bytes;
  for (std::int64_t i = 0; i < rows; ++i) {
    out(i, out.cols - 1) = 0;  // the partner of an odd last one
    std::memcpy(out.row(i), numbers + i * row_bytes, static_cast<std::size_t>(row_bytes));
  }
}

/// rows x rank numbers: the columns of two neighbouring rows become one row of pairs.
void place_b(const std::byte* numbers, std::int64_t rows, std::int64_t rank, core::MatrixView<float> out) {
  core::vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i + 1 < rows; i += 2) {
      const std::byte* upper = numbers + i * rank * number_bytes;
      const std::byte* lower = upper + rank * number_bytes;
      float* pairs = out.data + i / 2 * out.stride;
      for (std::int64_t j = 0; j < rank; ++j) {
        pairs[j] = std::bit_cast<float>((number_at(lower, j) << 16) | number_at(upper, j));
      }
    }
  });
  if (rows % 2 == 0) return;
  for (std::int64_t j = 0; j < rank; ++j) {
    out(rows / 2, j) = std::bit_cast<float>(number_at(numbers + (rows - 1) * rank * number_bytes, j));
  }
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
  Bf16Units units{Matrix<float>::reusing(std::move(spare.a), total, (in + 1) / 2),
                  Matrix<float>::reusing(std::move(spare.b), (out + 1) / 2, total), std::move(spare.read),
                  std::move(spare.read_b)};
  std::int64_t first = 0;
  for (const UnitSource& source : sources) {
    cancel.check();
    const FactorBytes bytes = read_factors(source.factors, units);
    const std::int64_t rank = source.factors.rank();
    place_a(bytes.a, rank, in, units.a.view().row_range(first, rank));
    place_b(bytes.b, out, rank, units.b.view().col_range(first, rank));
    first += rank;
  }
  return units;
}

}  // namespace amalgam::lora
