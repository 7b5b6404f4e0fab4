// The factors of adapters as they lie in their files: checked shapes, and reading in small pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "core/cancel.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "lora/rank_units.h"

namespace amalgam::lora {

/// A and B of one adapter in one target module.
struct FactorPair {
  const core::SafetensorsReader* file;
  const core::TensorInfo* a;  ///< rank x in
  const core::TensorInfo* b;  ///< out x rank

  std::int64_t rank() const { return a->rows(); }
  std::int64_t in() const { return a->row_length(); }
  std::int64_t out() const { return b->rows(); }
  std::uint64_t file_bytes() const { return (a->end - a->begin) + (b->end - b->begin); }
};

/// Finds both tensors. Throws Error "tensor-missing", "unknown-dtype" when they hold no floats, "shape-mismatch" when
/// they are not two matrices of that rank.
FactorPair find_factors(const core::SafetensorsReader& file, std::string_view a, std::string_view b, std::int64_t rank);

/// Cuts the rows of a tensor into pieces of about 256 KB, which stay in the cache while they are looked at, and calls
/// visit(first_row, rows) for each, in order. Polls `cancel` before each.
void for_row_pieces(const core::TensorInfo& tensor, const core::CancelToken& cancel,
                    const std::function<void(std::int64_t first_row, std::int64_t rows)>& visit);

/// The most rows that a piece of `tensor` has.
std::int64_t rows_per_piece(const core::TensorInfo& tensor);

/// The index of the first NaN or infinity, or `count`.
std::int64_t first_non_finite(const float* data, std::int64_t count);

/// The error "not-finite" for a number of a factor, to be thrown.
core::Error not_finite(const core::SafetensorsReader& file, const core::TensorInfo& tensor, std::int64_t index,
                       float value);

/// What one source gives a module.
struct UnitSource {
  FactorPair factors;
  int adapter;
  double c;  ///< of each of its units
};

/// Called with the bytes just read.
using ReadMeter = std::function<void(std::uint64_t bytes)>;

/// All units of a module, stacked in the order of `sources`, which must agree in `in` and `out`. Throws Error
/// "not-finite" naming the tensor, the errors of reading, "cancelled". The memory of `spare` is used again where it
/// suffices.
RankUnits load_units(std::span<const UnitSource> sources, RankUnits spare, const core::CancelToken& cancel,
                     const ReadMeter& meter);

}  // namespace amalgam::lora
