#include "lora/factors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/vectorised.h"

namespace amalgam::lora {

namespace {

using core::Error;
using core::SafetensorsReader;
using core::TensorInfo;

constexpr std::int64_t piece_elements = 64 * 1024;

const TensorInfo& matrix_at(const SafetensorsReader& file, std::string_view name) {
  const TensorInfo& tensor = file.at(name);
  if (!core::is_readable_float(tensor.dtype)) {
    throw Error("unknown-dtype", "The factor holds " + std::string(core::dtype_name(tensor.dtype)) +
                                     "; factors must be F32, F16, BF16 or F64.")
        .at_path(file.path())
        .at_tensor(tensor.name);
  }
  if (tensor.shape.size() != 2) {
    throw Error("shape-mismatch", "The factor has " + std::to_string(tensor.shape.size()) + " dimensions, not 2.")
        .at_path(file.path())
        .at_tensor(tensor.name);
  }
  return tensor;
}

void check_size(const SafetensorsReader& file, const TensorInfo& tensor, const char* what, std::int64_t found,
                std::int64_t expected) {
  if (found == expected) return;
  throw Error("shape-mismatch", "The factor has " + std::to_string(found) + " " + what + ", not the rank " +
                                    std::to_string(expected) + ".")
      .at_path(file.path())
      .at_tensor(tensor.name);
}

/// Copies `rows` rows of `length` numbers to places `stride` apart.
void place_rows(const float* source, std::int64_t rows, std::int64_t length, float* out, std::int64_t stride) {
  core::vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < length; ++j) out[i * stride + j] = source[i * length + j];
    }
  });
}

void check_finite(const SafetensorsReader& file, const TensorInfo& tensor, std::int64_t first_row, const float* data,
                  std::int64_t count) {
  const std::int64_t index = first_non_finite(data, count);
  if (index == count) return;
  throw not_finite(file, tensor, first_row * tensor.row_length() + index, data[index]);
}

}  // namespace

FactorPair find_factors(const SafetensorsReader& file, std::string_view a, std::string_view b, std::int64_t rank) {
  const FactorPair pair{&file, &matrix_at(file, a), &matrix_at(file, b)};
  check_size(file, *pair.a, "rows", pair.a->rows(), rank);
  check_size(file, *pair.b, "columns", pair.b->row_length(), rank);
  return pair;
}

std::int64_t rows_per_piece(const TensorInfo& tensor) {
  if (tensor.elements() == 0) return 0;
  return std::clamp<std::int64_t>(piece_elements / tensor.row_length(), 1, tensor.rows());
}

void for_row_pieces(const TensorInfo& tensor, const core::CancelToken& cancel,
                    const std::function<void(std::int64_t first_row, std::int64_t rows)>& visit) {
  const std::int64_t rows_together = rows_per_piece(tensor);
  if (rows_together == 0) return;
  for (std::int64_t row = 0; row < tensor.rows(); row += rows_together) {
    cancel.check();
    visit(row, std::min(rows_together, tensor.rows() - row));
  }
}

std::int64_t first_non_finite(const float* data, std::int64_t count) {
  constexpr std::uint32_t exponent = 0x7f800000u;
  std::uint32_t found = 0;  // no early exit: this loop becomes vector code
  core::vectorised([&]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < count; ++i) {
      found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(data[i]) & exponent) == exponent);
    }
  });
  if (found == 0) return count;
  return std::find_if(data, data + count, [](float value) { return !std::isfinite(value); }) - data;
}

Error not_finite(const SafetensorsReader& file, const TensorInfo& tensor, std::int64_t index, float value) {
  return Error("not-finite", std::string("The tensor holds ") + (std::isnan(value) ? "NaN" : "infinity") +
                                 " at element " + std::to_string(index) + ".")
      .at_path(file.path())
      .at_tensor(tensor.name)
      .with_hint("The adapter is damaged, or its training diverged: leave it out.");
}

RankUnits load_units(std::span<const UnitSource> sources, RankUnits spare, const core::CancelToken& cancel,
                     const ReadMeter& meter) {
  std::int64_t total = 0;
  for (const UnitSource& source : sources) total += source.factors.rank();
  const std::int64_t in = sources.empty() ? 0 : sources.front().factors.in();
  const std::int64_t out = sources.empty() ? 0 : sources.front().factors.out();
  RankUnits units{core::Matrix<float>::reusing(std::move(spare.a), total, in),
                  core::Matrix<float>::reusing(std::move(spare.b), out, total),
                  {},
                  {}};
  core::Matrix<float> piece;
  std::int64_t first = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const auto& [file, a, b] = sources[s].factors;
    const std::int64_t rank = a->rows();
    for_row_pieces(*a, cancel, [&, file = file, a = a](std::int64_t row, std::int64_t rows) {
      float* place = units.a.row(first + row);
      file->read_f32(*a, row, rows, place);
      check_finite(*file, *a, row, place, rows * in);
    });
    piece = core::Matrix<float>::reusing(std::move(piece), rows_per_piece(*b), rank);
    for_row_pieces(*b, cancel, [&, file = file, b = b](std::int64_t row, std::int64_t rows) {
      file->read_f32(*b, row, rows, piece.data());
      check_finite(*file, *b, row, piece.data(), rows * rank);
      place_rows(piece.data(), rows, rank, units.b.row(row) + first, total);
    });
    for (std::int64_t i = 0; i < rank; ++i) {
      units.c.push_back(sources[s].c);
      units.tags.push_back({static_cast<int>(s), sources[s].adapter, i});
    }
    meter(sources[s].factors.file_bytes());
    first += rank;
  }
  return units;
}

}  // namespace amalgam::lora
