#include "lora/inspect.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/safetensors.h"
#include "lora/factors.h"
#include "lora/request_field.h"
#include "lora/unit_products.h"
#include "ops/executor.h"

namespace amalgam::lora {

namespace {

using core::Json;
using core::TensorInfo;

constexpr std::uint64_t raw_chunk_bytes = 1 << 20;
constexpr std::int64_t most_threads = 1024;
constexpr std::int64_t most_rank = 4096;

struct NonFinite {
  const TensorInfo* tensor;
  std::int64_t index;
  float value;
};

/// Figures of one tensor's numbers.
struct Summary {
  std::int64_t count = 0;
  std::int64_t zeros = 0;
  double sum = 0;
  double squares = 0;
  float largest = 0;
  std::optional<NonFinite> non_finite;  ///< the first one

  double zero_fraction() const { return count > 0 ? static_cast<double>(zeros) / static_cast<double>(count) : 0; }
  double deviation() const {
    if (count == 0) return 0;
    const double mean = sum / static_cast<double>(count);
    return std::sqrt(std::max(0.0, squares / static_cast<double>(count) - mean * mean));
  }
};

void count_in(Summary& summary, const TensorInfo& tensor, std::int64_t first_element, const float* data,
              std::int64_t count) {
  if (!summary.non_finite) {
    const std::int64_t index = first_non_finite(data, count);
    if (index < count) summary.non_finite = {&tensor, first_element + index, data[index]};
  }
  summary.count += count;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = data[i];
    summary.zeros += value == 0;
    summary.sum += value;
    summary.squares += value * value;
    summary.largest = std::max(summary.largest, std::abs(data[i]));
  }
}

/// One run over a file.
class Inspection {
 public:
  Inspection(const core::SafetensorsReader& file, int threads, core::Progress& progress,
             const core::CancelToken& cancel)
      : file_(file), progress_(progress), cancel_(cancel), executor_(threads, cancel) {
    std::uint64_t bytes = 0;
    for (const TensorInfo& tensor : file.tensors()) bytes += tensor.end - tensor.begin;
    progress_.stage("reading", static_cast<std::int64_t>(bytes), "bytes");
  }

  void add_module(const Field& request) {
    const FactorPair pair =
        find_factors(file_, request.at("a").text(), request.at("b").text(), request.at("rank").integer(1, most_rank));
    const double scaling = request.at("scaling").number();
    RankUnits units{core::Matrix<float>(pair.rank(), pair.in()),
                    core::Matrix<float>(pair.out(), pair.rank()),
                    std::vector<double>(static_cast<std::size_t>(pair.rank()), scaling),
                    {}};
    const Summary a = read(*pair.a, units.a.data());
    const Summary b = read(*pair.b, units.b.data());
    Json norm;
    if (!a.non_finite && !b.non_finite) {
      const double length = update_norm(unit_products(units, executor_), units.c);
      norm = finite_or_null(length);
      squares_ += length * length;
    } else {
      squares_ = NAN;
    }
    modules_.push(Json::object({{"name", request.at("name").text()},
                                {"norm", norm},
                                {"zerosA", a.zero_fraction()},
                                {"zerosB", b.zero_fraction()},
                                {"maxAbsA", a.non_finite ? Json() : Json(a.largest)},
                                {"stdA", a.non_finite ? Json() : Json(a.deviation())}}));
  }

  /// Reads what no module named.
  void read_the_rest() {
    for (const TensorInfo& tensor : file_.tensors()) {
      if (!seen_.contains(&tensor)) read(tensor, nullptr);
    }
  }

  Json result() const {
    Json first;
    if (first_) {
      const char* value = std::isnan(first_->value) ? "nan" : first_->value > 0 ? "inf" : "-inf";
      first = Json::object({{"tensor", first_->tensor->name}, {"index", first_->index}, {"value", value}});
    }
    return Json::object({{"finite", !first_.has_value()},
                         {"firstNonFinite", first},
                         {"norm", finite_or_null(std::sqrt(squares_))},
                         {"modules", modules_}});
  }

 private:
  static Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

  /// Reads a tensor once, keeping its numbers at `out` unless that is null.
  Summary read(const TensorInfo& tensor, float* out) {
    Summary summary;
    seen_.insert(&tensor);
    if (core::is_readable_float(tensor.dtype)) {
      const std::int64_t length = tensor.row_length();
      core::Matrix<float> piece(out == nullptr ? rows_per_piece(tensor) : 0, length);
      for_row_pieces(tensor, cancel_, [&](std::int64_t row, std::int64_t rows) {
        float* place = out == nullptr ? piece.data() : out + row * length;
        file_.read_f32(tensor, row, rows, place);
        count_in(summary, tensor, row * length, place, rows * length);
      });
    } else {
      read_unjudged(tensor);
    }
    progress_.advance(static_cast<std::int64_t>(tensor.end - tensor.begin));
    if (summary.non_finite && (!first_ || tensor.begin < first_->tensor->begin)) first_ = summary.non_finite;
    return summary;
  }

  void read_unjudged(const TensorInfo& tensor) {
    const std::uint64_t bytes = tensor.end - tensor.begin;
    std::vector<char> chunk(std::min(bytes, raw_chunk_bytes));
    for (std::uint64_t place = 0; place < bytes; place += raw_chunk_bytes) {
      cancel_.check();
      file_.read_raw(tensor, place, std::min(raw_chunk_bytes, bytes - place), chunk.data());
    }
  }

  const core::SafetensorsReader& file_;
  core::Progress& progress_;
  const core::CancelToken& cancel_;
  ops::Executor executor_;
  std::unordered_set<const TensorInfo*> seen_;
  std::optional<NonFinite> first_;  ///< the first in the order of the file
  double squares_ = 0;
  Json modules_ = Json::array();
};

}  // namespace

Json run_inspect(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const Field root(request, "");
  const core::SafetensorsReader file(root.at("weightsFile").text());
  const auto threads = static_cast<int>(root.at("threads").integer(1, most_threads));
  Inspection inspection(file, threads, progress, cancel);
  for (const Field& module : root.at("modules").items()) inspection.add_module(module);
  inspection.read_the_rest();
  file.check_unchanged();
  return inspection.result();
}

}  // namespace amalgam::lora
