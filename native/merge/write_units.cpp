#include "merge/write_units.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/tensor.h"
#include "core/vectorised.h"

namespace amalgam::merge {

namespace {

constexpr std::int64_t chunk_elements = 64 * 1024;  // 256 KB: the second-level cache holds it while it is written

/// Calls fill(row, out) for every row of a rows x length tensor and writes the rows in chunks.
template <typename Fill>
void write_rows(core::SafetensorsWriter& writer, const std::string& name, std::int64_t rows, std::int64_t length,
                const core::CancelToken& cancel, Fill fill) {
  const std::int64_t rows_together = std::clamp<std::int64_t>(chunk_elements / length, 1, rows);
  core::Matrix<float> chunk(rows_together, length);
  for (std::int64_t first = 0; first < rows; first += rows_together) {
    cancel.check();
    const std::int64_t count = std::min(rows_together, rows - first);
    for (std::int64_t i = 0; i < count; ++i) fill(first + i, chunk.row(i));
    writer.write_f32(name, first, count, chunk.data());
  }
}

}  // namespace

std::vector<core::TensorPlan> plan_output(const MergeRequest& request) {
  std::vector<core::TensorPlan> plan;
  for (const ModuleRequest& module : request.modules) {
    plan.push_back({module.output_a, request.output_dtype, {request.output_rank, module.in}});
    plan.push_back({module.output_b, request.output_dtype, {module.out, request.output_rank}});
  }
  return plan;
}

void write_units(core::SafetensorsWriter& writer, const ModuleRequest& module, std::int64_t output_rank,
                 const lora::RankUnits& units, const core::CancelToken& cancel) {
  const std::int64_t count = units.count();
  if (count > output_rank) {
    throw core::Error("request-invalid", "job.output.rank is " + std::to_string(output_rank) + ", but module " +
                                             module.name + " has " + std::to_string(count) + " units.");
  }
  std::vector<float> roots;
  for (const double c : units.c) roots.push_back(static_cast<float>(std::sqrt(std::abs(c))));
  write_rows(writer, module.output_a, output_rank, module.in, cancel, [&](std::int64_t u, float* out) {
    if (u >= count) {
      std::fill_n(out, module.in, 0.0f);
      return;
    }
    const auto index = static_cast<std::size_t>(u);
    const float factor = units.c[index] < 0 ? -roots[index] : roots[index];
    const float* a = units.a.row(u);
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = 0; i < module.in; ++i) out[i] = factor * a[i];
    });
  });
  write_rows(writer, module.output_b, module.out, output_rank, cancel, [&](std::int64_t row, float* out) {
    const float* b = units.b.row(row);
    const float* root = roots.data();
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t u = 0; u < count; ++u) out[u] = root[u] * b[u];
    });
    std::fill_n(out + count, output_rank - count, 0.0f);
  });
}

}  // namespace amalgam::merge
