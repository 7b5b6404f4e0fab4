#include "lora/inspect.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/safetensors.h"
#include "core/vectorised.h"
#include "linalg/gram.h"
#include "lora/factors.h"
#include "lora/request_field.h"
#include "lora/spectrum.h"
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

/// Figures of one tensor's numbers, in running sums over the index mod `lanes`, so that the loop becomes vector code.
struct Summary {
  static constexpr int lanes = 16;
  std::int64_t count = 0;
  std::int64_t zeros = 0;
  double powers[4][lanes] = {};  ///< sums of x, x^2, x^3 and x^4
  float largest[lanes] = {};
  std::optional<NonFinite> non_finite;  ///< the first one

  double zero_fraction() const { return count > 0 ? static_cast<double>(zeros) / static_cast<double>(count) : 0; }
  float largest_size() const { return *std::max_element(std::begin(largest), std::end(largest)); }
  /// The mean of x^power.
  double moment(int power) const {
    double sum = 0;
    for (const double lane : powers[power - 1]) sum += lane;
    return sum / static_cast<double>(count);
  }
  double variance() const {
    if (count == 0) return 0;
    const double mean = moment(1);
    return std::max(0.0, moment(2) - mean * mean);
  }
  /// The fourth central moment over the squared variance; nothing where all numbers are equal.
  std::optional<double> kurtosis() const {
    const double spread = variance();
    if (spread == 0) return std::nullopt;
    const double mean = moment(1);
    const double square = mean * mean;
    const double fourth = moment(4) - 4 * mean * moment(3) + 6 * square * moment(2) - 3 * square * square;
    return fourth / (spread * spread);
  }
};

void count_in(Summary& summary, const TensorInfo& tensor, std::int64_t first_element, const float* data,
              std::int64_t count) {
  if (!summary.non_finite) {
    const std::int64_t index = first_non_finite(data, count);
    if (index < count) summary.non_finite = {&tensor, first_element + index, data[index]};
  }
  constexpr int lanes = Summary::lanes;
  summary.count += count;
  core::vectorised([&]() AMALGAM_INLINE {
    double powers[4][lanes] = {};
    float largest[lanes] = {};
    std::int32_t zeros[lanes] = {};  // a piece has 64 K numbers
    const auto add = [&](int lane, float value) AMALGAM_INLINE {
      const double x = value;
      const double square = x * x;
      powers[0][lane] += x;
      powers[1][lane] += square;
      powers[2][lane] += square * x;
      powers[3][lane] += square * square;
      const float size = std::abs(value);
      largest[lane] = size > largest[lane] ? size : largest[lane];
      zeros[lane] += value == 0;
    };
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      for (int lane = 0; lane < lanes; ++lane) add(lane, data[i + lane]);
    }
    for (int lane = 0; i + lane < count; ++lane) add(lane, data[i + lane]);
    for (int lane = 0; lane < lanes; ++lane) {
      for (int power = 0; power < 4; ++power) summary.powers[power][lane] += powers[power][lane];
      summary.largest[lane] = std::max(summary.largest[lane], largest[lane]);
      summary.zeros += zeros[lane];
    }
  });
}

/// |B A|_F = sqrt(sum (B^T B) * (A A^T)), element by element.
double product_norm(const core::Matrix<double>& out, const core::Matrix<double>& in) {
  double sum = 0;
  for (std::int64_t u = 0; u < out.rows(); ++u) {
    double row = 0;
    for (std::int64_t v = 0; v < out.cols(); ++v) row += out(u, v) * in(u, v);
    sum += row;
  }
  return std::sqrt(std::max(sum, 0.0));  // where units cancel, rounding may leave less than nothing
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
    core::Matrix<float> factor_a(pair.rank(), pair.in());
    core::Matrix<float> factor_b(pair.out(), pair.rank());
    const Summary a = read(*pair.a, factor_a.data());
    const Summary b = read(*pair.b, factor_b.data());
    Json norm;
    Json values;
    if (!a.non_finite && !b.non_finite) {
      core::Matrix<double> out = linalg::gram(ops::strided(factor_b), executor_);
      core::Matrix<double> in = linalg::gram(ops::strided(factor_a).transposed(), executor_);
      const double length = std::abs(scaling) * product_norm(out, in);
      norm = finite_or_null(length);
      squares_ += length * length;
      if (pair.rank() <= most_spectrum_rank && std::isfinite(length)) {
        values = Json::array();
        for (const double value : singular_values(std::move(out), std::move(in), executor_)) {
          values.push(std::abs(scaling) * value);
        }
      }
    } else {
      squares_ = NAN;
    }
    const auto of_a = [&](double figure) { return a.non_finite ? Json() : finite_or_null(figure); };
    modules_.push(Json::object({{"name", request.at("name").text()},
                                {"norm", norm},
                                {"singularValues", values},
                                {"zerosA", a.zero_fraction()},
                                {"zerosB", b.zero_fraction()},
                                {"maxAbsA", of_a(a.largest_size())},
                                {"stdA", of_a(std::sqrt(a.variance()))},
                                {"kurtosisA", of_a(a.kurtosis().value_or(NAN))}}));
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
